//! The custodian's request budget, held across all replicas by the database's clock.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::sql::{NumberRow, millis};

/// The custodian's limits (PG&E: 1 request/s per vendor, 2,000/h and 20,000/24 h per client id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Least time between two requests.
    pub spacing: Duration,
    /// Most requests in any hour.
    pub per_hour: u32,
    /// Most requests in any 24 hours: stricter than the custodian's day, which starts anew at 17:00.
    pub per_day: u32,
}

/// The answer to a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Reserved: send the request after this time.
    In(Duration),
    /// Not reserved: the next slot is this far away.
    NotBefore(Duration),
}

/// Reserves the next slot if it lies within `wait`. Not in a longer transaction: everybody else's
/// reservation waits until this one is committed.
pub async fn reserve(
    conn: &mut AsyncPgConnection,
    limits: Limits,
    wait: Duration,
) -> diesel::QueryResult<Slot> {
    let answer: NumberRow = diesel::sql_query("SELECT smd.reserve_slot($1, $2, $3, $4) AS n")
        .bind::<BigInt, _>(millis(limits.spacing))
        .bind::<BigInt, _>(i64::from(limits.per_hour))
        .bind::<BigInt, _>(i64::from(limits.per_day))
        .bind::<BigInt, _>(millis(wait))
        .get_result(conn)
        .await?;
    let time = Duration::from_millis(answer.n.unsigned_abs());
    Ok(if answer.n < 0 {
        Slot::NotBefore(time)
    } else {
        Slot::In(time)
    })
}

/// How the budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests of the last hour, those included that wait for their slot.
    pub last_hour: u32,
    /// Requests of the last 24 hours, likewise.
    pub last_day: u32,
    /// How far away the next free slot is.
    pub next_slot: Duration,
}

#[derive(QueryableByName)]
struct StandingRow {
    #[diesel(sql_type = BigInt)]
    last_hour: i64,
    #[diesel(sql_type = BigInt)]
    last_day: i64,
    #[diesel(sql_type = BigInt)]
    next_slot_ms: i64,
}

/// Looks without reserving, and without the lock that reserving takes.
pub async fn standing(
    conn: &mut AsyncPgConnection,
    limits: Limits,
) -> diesel::QueryResult<Standing> {
    let row: StandingRow = diesel::sql_query(
        "SELECT last_hour, last_day, next_slot_ms FROM smd.budget_used($1, $2, $3)",
    )
    .bind::<BigInt, _>(millis(limits.spacing))
    .bind::<BigInt, _>(i64::from(limits.per_hour))
    .bind::<BigInt, _>(i64::from(limits.per_day))
    .get_result(conn)
    .await?;
    let count = |slots: i64| u32::try_from(slots).unwrap_or(u32::MAX);
    Ok(Standing {
        last_hour: count(row.last_hour),
        last_day: count(row.last_day),
        next_slot: Duration::from_millis(row.next_slot_ms.unsigned_abs()),
    })
}

/// The custodian throttled us: no request of anybody leaves for this time.
pub async fn close(conn: &mut AsyncPgConnection, time: Duration) -> diesel::QueryResult<()> {
    diesel::sql_query("SELECT smd.close_budget($1)")
        .bind::<BigInt, _>(millis(time))
        .execute(conn)
        .await?;
    Ok(())
}

/// How long the budget stays closed; asked again when a reserved slot has come.
pub async fn closed_for(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Duration> {
    let answer: NumberRow = diesel::sql_query("SELECT smd.budget_closed_ms() AS n")
        .get_result(conn)
        .await?;
    Ok(Duration::from_millis(answer.n.unsigned_abs()))
}
