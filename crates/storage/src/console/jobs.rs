//! Jobs that wait, run, or were given up. A single one, its retry and its end: `job_queue::operate`.

use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};

use super::Page;

/// A row of a list.
#[derive(Debug, Clone, QueryableByName)]
pub struct Row {
    /// Its id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// What it does.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// `available`, `running` or `discarded`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Higher runs first.
    #[diesel(sql_type = SmallInt)]
    pub priority: i16,
    /// Attempts so far.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// Not run before.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub run_at: jiff::Timestamp,
    /// When it was given up.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub finished_at: Option<jiff::Timestamp>,
    /// What went wrong last, in one line.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_error: Option<String>,
}

const COLUMNS: &str = "id, kind, state, priority, attempt, run_at, finished_at, errors[cardinality(errors)] AS last_error";

/// The place of a waiting job among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Higher runs first.
    pub priority: i16,
    /// Then the earlier.
    pub run_at: jiff::Timestamp,
    /// Then the older.
    pub id: i64,
}

impl Row {
    /// Where the page after it begins.
    #[must_use]
    pub const fn turn(&self) -> Turn {
        Turn {
            priority: self.priority,
            run_at: self.run_at,
            id: self.id,
        }
    }
}

/// Jobs of a kind that wait, in the order in which they will run.
pub async fn waiting(
    conn: &mut AsyncPgConnection,
    kind: &str,
    after: Option<Turn>,
    limit: i64,
) -> diesel::QueryResult<Page<Row>> {
    let rows = sql_query(format!(
        "SELECT {COLUMNS} FROM jobs.job
         WHERE kind = $1 AND state = 'available'
           AND ($2 IS NULL OR priority < $2 OR (priority = $2 AND (run_at, id) > ($3, $4)))
         ORDER BY priority DESC, run_at, id LIMIT $5"
    ))
    .bind::<Text, _>(kind)
    .bind::<Nullable<SmallInt>, _>(after.map(|turn| turn.priority))
    .bind::<Nullable<Timestamptz>, _>(after.map(|turn| Timestamp::from(turn.run_at)))
    .bind::<Nullable<BigInt>, _>(after.map(|turn| turn.id))
    .bind::<BigInt, _>(limit + 1)
    .load(conn)
    .await?;
    Ok(Page::of(rows, limit))
}

/// Jobs of a kind that run: as many as there are workers for it, at most `limit`.
pub async fn running(
    conn: &mut AsyncPgConnection,
    kind: &str,
    limit: i64,
) -> diesel::QueryResult<Vec<Row>> {
    sql_query(format!(
        "SELECT {COLUMNS} FROM jobs.job WHERE kind = $1 AND state = 'running' ORDER BY id LIMIT $2"
    ))
    .bind::<Text, _>(kind)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Jobs that were given up, the newest first, those with an id below `before`; with `kind`, only that kind's.
pub async fn discarded(
    conn: &mut AsyncPgConnection,
    kind: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> diesel::QueryResult<Page<Row>> {
    let rows = sql_query(format!(
        "SELECT {COLUMNS} FROM jobs.job
         WHERE state = 'discarded' AND id < coalesce($1, 9223372036854775807) AND ($2 IS NULL OR kind = $2)
         ORDER BY id DESC LIMIT $3"
    ))
    .bind::<Nullable<BigInt>, _>(before)
    .bind::<Nullable<Text>, _>(kind)
    .bind::<BigInt, _>(limit + 1)
    .load(conn)
    .await?;
    Ok(Page::of(rows, limit))
}

/// Jobs about one authorization or permission, named by its id, that wait, run or were given up: the newest first.
pub async fn about(
    conn: &mut AsyncPgConnection,
    id: &str,
    limit: i64,
) -> diesel::QueryResult<Vec<Row>> {
    // The keys of live jobs are indexed with their kinds, of which there are few.
    sql_query(format!(
        "SELECT {COLUMNS} FROM jobs.job
         WHERE id IN (SELECT j.id FROM unnest((SELECT array_agg(name) FROM jobs.kind)) AS k (name), jobs.job j
                      WHERE j.kind = k.name AND j.unique_key = $1 AND j.state IN ('available', 'running')
                      UNION SELECT id FROM jobs.job WHERE unique_key = $1 AND state = 'discarded')
         ORDER BY id DESC LIMIT $2"
    ))
    .bind::<Text, _>(id)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// The names of all kinds.
pub async fn kinds(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Names {
        #[diesel(sql_type = Array<Text>)]
        names: Vec<String>,
    }
    let found: Names =
        sql_query("SELECT coalesce(array_agg(name ORDER BY name), '{}') AS names FROM jobs.kind")
            .get_result(conn)
            .await?;
    Ok(found.names)
}
