//! Adding jobs inside the caller's transaction.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::kind::millis;
use crate::{JobKind, QueueError, functions};

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
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let added = functions::enqueue(
        jobs.iter().map(|job| job.kind).collect::<Vec<_>>(),
        jobs.iter().map(|job| &job.payload).collect::<Vec<_>>(),
        jobs.iter()
            .map(|job| job.unique_key.as_deref())
            .collect::<Vec<_>>(),
        jobs.iter().map(|job| millis(job.delay)).collect::<Vec<_>>(),
        jobs.iter().map(|job| job.priority).collect::<Vec<_>>(),
        service_kit::telemetry::traceparent(),
    );
    Ok(diesel::select(added).get_result(conn).await?)
}

/// Enqueues one job that is due at once; see [`enqueue`].
pub async fn enqueue_one<K: JobKind>(
    conn: &mut AsyncPgConnection,
    payload: &K,
) -> Result<i64, QueueError> {
    let ids = enqueue(conn, &[NewJob::new(payload)?]).await?;
    ids.into_iter().next().ok_or(QueueError::NoId(K::SPEC.name))
}

/// For sweepers: enqueues the job of a step that has none. One that waits keeps its back-off. Says so in the log, and
/// whether it did.
pub async fn ensure<K: JobKind>(
    conn: &mut AsyncPgConnection,
    payload: &K,
) -> Result<bool, QueueError> {
    if is_live(conn, payload).await? {
        return Ok(false);
    }
    enqueue_one(conn, payload).await?;
    tracing::warn!(
        kind = K::SPEC.name,
        "a step without a job was found and enqueued"
    );
    Ok(true)
}

/// Whether a job with this payload's key is waiting or running.
pub async fn is_live<K: JobKind>(
    conn: &mut AsyncPgConnection,
    payload: &K,
) -> Result<bool, QueueError> {
    let live = functions::is_live(K::SPEC.name, payload.unique_key());
    Ok(diesel::select(live).get_result(conn).await?)
}
