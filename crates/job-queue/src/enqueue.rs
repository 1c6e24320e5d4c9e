//! Adding jobs inside the caller's transaction.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, SmallInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::kind::millis;
use crate::{JobKind, QueueError};

/// A job to be enqueued.
#[derive(Debug, Clone)]
pub struct NewJob {
    kind: &'static str,
    payload: Value,
    unique_key: Option<String>,
    delay: Duration,
    priority: i16,
}

impl NewJob {
    /// A job of kind `K` that is due at once, with priority 0.
    pub fn new<K: JobKind>(payload: &K) -> Result<Self, QueueError> {
        let kind = K::SPEC.name;
        Ok(Self {
            kind,
            payload: serde_json::to_value(payload)
                .map_err(|source| QueueError::Payload { kind, source })?,
            unique_key: payload.unique_key(),
            delay: Duration::ZERO,
            priority: 0,
        })
    }

    /// Due this much later, by the database's clock.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Higher runs first among the due jobs of a kind.
    #[must_use]
    pub const fn priority(mut self, priority: i16) -> Self {
        self.priority = priority;
        self
    }
}

/// Enqueues the jobs in the transaction that `conn` is in; they exist when it commits. Answers their
/// ids in order. A job whose unique key is live already is not added: the live one runs as early as
/// either asks, and once more if it was running.
pub async fn enqueue(
    conn: &mut AsyncPgConnection,
    jobs: &[NewJob],
) -> Result<Vec<i64>, QueueError> {
    #[derive(diesel::QueryableByName)]
    struct Ids {
        #[diesel(sql_type = Array<BigInt>)]
        ids: Vec<i64>,
    }
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let column = |f: fn(&NewJob) -> i64| jobs.iter().map(f).collect::<Vec<_>>();
    let answer: Ids = diesel::sql_query("SELECT jobs.enqueue($1, $2, $3, $4, $5, $6) AS ids")
        .bind::<Array<Text>, _>(jobs.iter().map(|j| j.kind).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(jobs.iter().map(|j| &j.payload).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            jobs.iter().map(|j| j.unique_key.as_deref()).collect::<Vec<_>>(),
        )
        .bind::<Array<BigInt>, _>(column(|j| millis(j.delay)))
        .bind::<Array<SmallInt>, _>(jobs.iter().map(|j| j.priority).collect::<Vec<_>>())
        .bind::<Nullable<Text>, _>(service_kit::telemetry::traceparent())
        .get_result(conn)
        .await?;
    Ok(answer.ids)
}

/// Enqueues one job that is due at once; see [`enqueue`].
pub async fn enqueue_one<K: JobKind>(
    conn: &mut AsyncPgConnection,
    payload: &K,
) -> Result<i64, QueueError> {
    let ids = enqueue(conn, &[NewJob::new(payload)?]).await?;
    ids.into_iter().next().ok_or(QueueError::NoId(K::SPEC.name))
}

/// Whether a job with this payload's key is waiting or running; for sweepers, which enqueue the next
/// job of whatever has none.
pub async fn is_live<K: JobKind>(
    conn: &mut AsyncPgConnection,
    payload: &K,
) -> Result<bool, QueueError> {
    #[derive(diesel::QueryableByName)]
    struct Live {
        #[diesel(sql_type = Bool)]
        live: bool,
    }
    let answer: Live = diesel::sql_query("SELECT jobs.is_live($1, $2) AS live")
        .bind::<Text, _>(K::SPEC.name)
        .bind::<Nullable<Text>, _>(payload.unique_key())
        .get_result(conn)
        .await?;
    Ok(answer.live)
}
