//! The worker's calls of the SQL functions.

use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::kind::millis;
use crate::{Lease, Outcome, QueueError, functions};

/// In the order of [`functions::ClaimedRow`].
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) payload: Value,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: Option<i32>,
    pub(crate) lease_token: Uuid,
    pub(crate) lease_ms: i64,
    pub(crate) deadline_ms: i64,
    pub(crate) traceparent: Option<String>,
    pub(crate) age_ms: i64,
}

type ClaimedTuple = (
    i64,
    Value,
    i32,
    Option<i32>,
    Uuid,
    i64,
    i64,
    Option<String>,
    i64,
);

impl Claimed {
    pub(crate) const fn lease(&self) -> Lease {
        Lease {
            id: self.id,
            token: self.lease_token,
        }
    }
}

impl From<ClaimedTuple> for Claimed {
    fn from(row: ClaimedTuple) -> Self {
        let (
            id,
            payload,
            attempt,
            max_attempts,
            lease_token,
            lease_ms,
            deadline_ms,
            traceparent,
            age_ms,
        ) = row;
        Self {
            id,
            payload,
            attempt,
            max_attempts,
            lease_token,
            lease_ms,
            deadline_ms,
            traceparent,
            age_ms,
        }
    }
}

#[derive(Debug, diesel::QueryableByName)]
pub(crate) struct Maintained {
    /// The kinds of the orphans that were taken from vanished workers.
    #[diesel(sql_type = Array<Text>)]
    pub(crate) rescued: Vec<String>,
    /// Those among them that were given up.
    #[diesel(sql_type = Array<Text>)]
    pub(crate) given_up: Vec<String>,
    #[diesel(sql_type = BigInt)]
    pub(crate) scheduled: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) pruned: i64,
}

/// How the jobs of a kind stand.
#[derive(Debug, Clone, diesel::QueryableByName)]
pub struct Depth {
    /// The kind.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Jobs that wait, due or not.
    #[diesel(sql_type = BigInt)]
    pub available: i64,
    /// Jobs that run.
    #[diesel(sql_type = BigInt)]
    pub running: i64,
    /// Jobs that were given up.
    #[diesel(sql_type = BigInt)]
    pub discarded: i64,
    /// How long the oldest due job has waited, in milliseconds.
    #[diesel(sql_type = BigInt)]
    pub oldest_ready_ms: i64,
    /// How long ago the oldest live job was enqueued, in milliseconds.
    #[diesel(sql_type = BigInt)]
    pub oldest_ms: i64,
}

pub(crate) async fn claim(
    conn: &mut AsyncPgConnection,
    kind: &str,
    limit: usize,
) -> Result<Vec<Claimed>, QueueError> {
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let rows: Vec<ClaimedTuple> = diesel::select(functions::claim(kind, limit))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Claimed::from).collect())
}

/// Answers the ids whose lease is still held.
pub(crate) async fn heartbeat(
    conn: &mut AsyncPgConnection,
    leases: &[Lease],
) -> Result<Vec<i64>, QueueError> {
    let (ids, tokens) = columns(leases);
    Ok(diesel::select(functions::heartbeat(ids, tokens))
        .load(conn)
        .await?)
}

/// Answers the ids that were completed; the others had lost their lease.
pub(crate) async fn complete(
    conn: &mut AsyncPgConnection,
    leases: &[Lease],
) -> Result<Vec<i64>, QueueError> {
    let (ids, tokens) = columns(leases);
    Ok(diesel::select(functions::complete(ids, tokens))
        .load(conn)
        .await?)
}

fn columns(leases: &[Lease]) -> (Vec<i64>, Vec<Uuid>) {
    leases.iter().map(|lease| (lease.id, lease.token)).unzip()
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
    let ended = functions::finish(lease.id, lease.token, name, note, result, delay);
    Ok(diesel::select(ended).get_result(conn).await?)
}

pub(crate) async fn maintain(conn: &mut AsyncPgConnection) -> Result<Maintained, QueueError> {
    Ok(diesel::sql_query("SELECT * FROM jobs.maintain()")
        .get_result(conn)
        .await?)
}

/// How the jobs of these kinds stand, in the order of their names.
pub async fn depth(
    conn: &mut AsyncPgConnection,
    kinds: &[&str],
) -> diesel::QueryResult<Vec<Depth>> {
    diesel::sql_query("SELECT * FROM jobs.depth($1) ORDER BY kind")
        .bind::<Array<Text>, _>(kinds)
        .load(conn)
        .await
}
