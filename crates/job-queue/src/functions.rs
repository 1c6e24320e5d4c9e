//! The SQL functions of `migrations/0002_jobs` as diesel knows them. Unlike `sql_query`, a select of
//! these keeps its prepared statement: one round trip per call.

use diesel::define_sql_function;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Record, SmallInt, Text, Uuid};

/// What `jobs.claim` answers of a job: id, payload, attempt, most attempts, lease token, lease and
/// deadline in milliseconds, traceparent, age in milliseconds.
pub(crate) type ClaimedRow = Record<(
    BigInt,
    Jsonb,
    Integer,
    Nullable<Integer>,
    Uuid,
    BigInt,
    BigInt,
    Nullable<Text>,
    BigInt,
)>;

define_sql_function! {
    #[sql_name = "jobs.enqueue"]
    fn enqueue(
        kinds: Array<Text>,
        payloads: Array<Jsonb>,
        unique_keys: Array<Nullable<Text>>,
        delays: Array<BigInt>,
        priorities: Array<SmallInt>,
        traceparent: Nullable<Text>,
    ) -> Array<BigInt>;
}

define_sql_function! {
    #[sql_name = "jobs.claim"]
    fn claim(kind: Text, most: Integer) -> ClaimedRow;
}

define_sql_function! {
    #[sql_name = "jobs.heartbeat"]
    fn heartbeat(ids: Array<BigInt>, tokens: Array<Uuid>) -> BigInt;
}

define_sql_function! {
    #[sql_name = "jobs.complete"]
    fn complete(ids: Array<BigInt>, tokens: Array<Uuid>) -> BigInt;
}

define_sql_function! {
    #[sql_name = "jobs.finish"]
    fn finish(
        id: BigInt,
        token: Uuid,
        outcome: Text,
        note: Nullable<Text>,
        result: Nullable<Jsonb>,
        delay_ms: BigInt,
    ) -> Nullable<Text>;
}

define_sql_function! {
    #[sql_name = "jobs.hold"]
    fn hold(id: BigInt, token: Uuid) -> Bool;
}

define_sql_function! {
    #[sql_name = "jobs.progressed"]
    fn progressed(id: BigInt, token: Uuid) -> Bool;
}

define_sql_function! {
    #[sql_name = "jobs.standing"]
    fn standing(id: BigInt) -> Record<(Text, Nullable<Jsonb>)>;
}

define_sql_function! {
    #[sql_name = "jobs.is_live"]
    fn is_live(kind: Text, unique_key: Nullable<Text>) -> Bool;
}

define_sql_function! {
    #[sql_name = "jobs.retry"]
    fn retry(id: BigInt) -> Bool;
}

define_sql_function! {
    #[sql_name = "jobs.discard"]
    fn discard(id: BigInt, reason: Text) -> Bool;
}
