//! How far the eligible party's webhook has been told: one row, the id of the last event it has
//! acknowledged. Read and written by aiida-permission alone.

use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::{NullableTimestamp, ToDiesel as _};

use crate::sql::NumberRow;

/// Where the webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Standing {
    /// The last event that was told, or skipped; 0 before the first.
    #[diesel(sql_type = BigInt)]
    pub told: i64,
    /// Since when the receiver refuses the event after it; `None` when it does not.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub failing_since: Option<jiff::Timestamp>,
}

/// Where it stands.
pub async fn standing(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Standing> {
    sql_query("SELECT told, failing_since FROM aiida.webhook")
        .get_result(conn)
        .await
}

/// Whether there is an event from before `before` that it has not been told.
pub async fn is_behind(
    conn: &mut AsyncPgConnection,
    before: Timestamp,
) -> diesel::QueryResult<bool> {
    let behind: Behind = sql_query(
        "SELECT EXISTS (SELECT FROM aiida.permission_event WHERE id > (SELECT told FROM aiida.webhook) AND at < $1) AS it_is",
    )
    .bind::<Timestamptz, _>(before.to_diesel())
    .get_result(conn)
    .await?;
    Ok(behind.it_is)
}

#[derive(QueryableByName)]
struct Behind {
    #[diesel(sql_type = Bool)]
    it_is: bool,
}

/// Everything up to `event` is told (or skipped): one step at a time, never backwards. False when another
/// worker was there before. In a transaction that holds the lease of the job.
pub async fn advance(
    conn: &mut AsyncPgConnection,
    from: i64,
    event: i64,
) -> diesel::QueryResult<bool> {
    let moved = sql_query(
        "UPDATE aiida.webhook SET told = $2, failing_since = NULL WHERE told = $1 AND $2 > $1",
    )
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(event)
    .execute(conn)
    .await?;
    Ok(moved == 1)
}

/// The receiver refuses the event after `told`; answers for how long it has, to the second. `None` when another worker
/// has moved on. In a transaction that holds the lease of the job.
pub async fn refused(
    conn: &mut AsyncPgConnection,
    told: i64,
) -> diesel::QueryResult<Option<SignedDuration>> {
    let rows: Vec<NumberRow> = sql_query(
        "UPDATE aiida.webhook SET failing_since = coalesce(failing_since, clock_timestamp()) WHERE told = $1
         RETURNING extract(epoch FROM clock_timestamp() - failing_since)::bigint AS n",
    )
    .bind::<BigInt, _>(told)
    .load(conn)
    .await?;
    let seconds = rows.into_iter().next().map(|row| row.n);
    Ok(seconds.map(SignedDuration::from_secs))
}
