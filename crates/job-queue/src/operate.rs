//! What an operator does with jobs by hand: list, show, retry, discard. Needs the role
//! `metergate_operator`.

use diesel::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use serde_json::Value;

use crate::{QueueError, functions};

/// A job as the operator sees it.
#[derive(Debug, diesel::QueryableByName)]
pub struct JobRow {
    /// Id in the job table.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Kind of job.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Ids only.
    #[diesel(sql_type = Jsonb)]
    pub payload: Value,
    /// `available`, `running`, `completed`, `discarded` or `cancelled`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Attempts so far.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// Attempts after which it is given up; `None`: never.
    #[diesel(sql_type = Nullable<Integer>)]
    pub max_attempts: Option<i32>,
    /// Not run before.
    #[diesel(sql_type = Timestamptz)]
    pub run_at: Timestamp,
    /// When it was enqueued.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
    /// When it ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished_at: Option<Timestamp>,
    /// One short line per failed attempt.
    #[diesel(sql_type = Array<Text>)]
    pub errors: Vec<String>,
}

const COLUMNS: &str =
    "id, kind, payload, state, attempt, max_attempts, run_at, created_at, finished_at, errors";

/// The newest jobs first; without `state`, those that are not completed.
pub async fn list(
    conn: &mut AsyncPgConnection,
    state: Option<&str>,
    kind: Option<&str>,
    limit: i64,
) -> Result<Vec<JobRow>, QueueError> {
    Ok(diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM jobs.job
         WHERE CASE WHEN $1 IS NULL THEN state <> 'completed' ELSE state = $1 END AND ($2 IS NULL OR kind = $2)
         ORDER BY id DESC LIMIT $3"
    ))
    .bind::<Nullable<Text>, _>(state)
    .bind::<Nullable<Text>, _>(kind)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?)
}

/// One job; `None` when there is no such row (completed ones go after a day).
pub async fn show(conn: &mut AsyncPgConnection, id: i64) -> Result<Option<JobRow>, QueueError> {
    Ok(
        diesel::sql_query(format!("SELECT {COLUMNS} FROM jobs.job WHERE id = $1"))
            .bind::<BigInt, _>(id)
            .get_result(conn)
            .await
            .optional()?,
    )
}

/// Runs a discarded or waiting job now, with fresh attempts. False when it is neither, or when another
/// job with its key is live.
pub async fn retry(conn: &mut AsyncPgConnection, id: i64) -> Result<bool, QueueError> {
    Ok(diesel::select(functions::retry(id))
        .get_result(conn)
        .await?)
}

/// Gives a waiting or running job up, with its discard action. False when it has ended already.
pub async fn discard(
    conn: &mut AsyncPgConnection,
    id: i64,
    reason: &str,
) -> Result<bool, QueueError> {
    Ok(diesel::select(functions::discard(id, reason))
        .get_result(conn)
        .await?)
}
