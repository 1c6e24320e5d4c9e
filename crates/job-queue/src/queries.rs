//! The worker's calls of the SQL functions.

use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::{Lease, Outcome, QueueError};
use crate::kind::millis;

#[derive(Debug, diesel::QueryableByName)]
pub(crate) struct Claimed {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = Jsonb)]
    pub(crate) payload: Value,
    #[diesel(sql_type = Integer)]
    pub(crate) attempt: i32,
    #[diesel(sql_type = Nullable<Integer>)]
    pub(crate) max_attempts: Option<i32>,
    #[diesel(sql_type = SqlUuid)]
    pub(crate) lease_token: Uuid,
    #[diesel(sql_type = BigInt)]
    pub(crate) lease_ms: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) deadline_ms: i64,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) traceparent: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub(crate) age_ms: i64,
}

#[derive(Debug, diesel::QueryableByName)]
pub(crate) struct Maintained {
    #[diesel(sql_type = BigInt)]
    pub(crate) rescued: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) scheduled: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) pruned: i64,
}

#[derive(Debug, diesel::QueryableByName)]
pub(crate) struct Depth {
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) available: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) running: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) discarded: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) oldest_ready_ms: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) oldest_ms: i64,
}

#[derive(diesel::QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(diesel::QueryableByName)]
struct State {
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
}

pub(crate) async fn claim(
    conn: &mut AsyncPgConnection,
    kind: &str,
    limit: usize,
) -> Result<Vec<Claimed>, QueueError> {
    Ok(diesel::sql_query("SELECT * FROM jobs.claim($1, $2)")
        .bind::<Text, _>(kind)
        .bind::<Integer, _>(i32::try_from(limit).unwrap_or(i32::MAX))
        .load(conn)
        .await?)
}

/// Answers the ids whose lease was renewed.
pub(crate) async fn heartbeat(
    conn: &mut AsyncPgConnection,
    leases: &[Lease],
) -> Result<Vec<i64>, QueueError> {
    held_ids(conn, "SELECT jobs.heartbeat($1, $2) AS id", leases).await
}

/// Answers the ids that were completed; the others had lost their lease.
pub(crate) async fn complete(
    conn: &mut AsyncPgConnection,
    leases: &[Lease],
) -> Result<Vec<i64>, QueueError> {
    held_ids(conn, "SELECT jobs.complete($1, $2) AS id", leases).await
}

async fn held_ids(
    conn: &mut AsyncPgConnection,
    sql: &str,
    leases: &[Lease],
) -> Result<Vec<i64>, QueueError> {
    let rows: Vec<Id> = diesel::sql_query(sql)
        .bind::<Array<BigInt>, _>(leases.iter().map(|l| l.id).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(leases.iter().map(|l| l.token).collect::<Vec<_>>())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Ends a run. Answers the job's new state, or `None` when the lease was lost.
pub(crate) async fn finish(
    conn: &mut AsyncPgConnection,
    lease: Lease,
    outcome: &Outcome,
) -> Result<Option<String>, QueueError> {
    let (name, note, result, delay) = match outcome {
        Outcome::Done => ("completed", None, None, 0),
        Outcome::DoneWith(value) => ("completed", None, Some(value), 0),
        Outcome::Retry(note) => ("retry", Some(note.as_str()), None, 0),
        Outcome::Snooze(delay) => ("snooze", None, None, millis(*delay)),
        Outcome::Cancel(note) => ("cancelled", Some(note.as_str()), None, 0),
        Outcome::Fail(note) => ("fail", Some(note.as_str()), None, 0),
        Outcome::HandBack => ("hand_back", None, None, 0),
    };
    let answer: State = diesel::sql_query("SELECT jobs.finish($1, $2, $3, $4, $5, $6) AS state")
        .bind::<BigInt, _>(lease.id)
        .bind::<SqlUuid, _>(lease.token)
        .bind::<Text, _>(name)
        .bind::<Nullable<Text>, _>(note)
        .bind::<Nullable<Jsonb>, _>(result)
        .bind::<BigInt, _>(delay)
        .get_result(conn)
        .await?;
    Ok(answer.state)
}

pub(crate) async fn maintain(conn: &mut AsyncPgConnection) -> Result<Maintained, QueueError> {
    Ok(diesel::sql_query("SELECT * FROM jobs.maintain()").get_result(conn).await?)
}

pub(crate) async fn depth(
    conn: &mut AsyncPgConnection,
    kinds: &[&str],
) -> Result<Vec<Depth>, QueueError> {
    Ok(diesel::sql_query("SELECT * FROM jobs.depth($1)")
        .bind::<Array<Text>, _>(kinds)
        .load(conn)
        .await?)
}
