//! Slots: numbers that replicas lease. The number is part of the client id at the broker, so whoever takes the slot
//! of a fallen replica adopts its session.

use std::time::Duration;

use diesel::sql_types::{BigInt, Integer, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::sql::millis;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    number: i32,
}

/// Leases a slot to `holder`: the one it had before, else the lowest whose lease is over, because a session with
/// messages may wait there, else a new one. `None` when `most` slots are leased. A transaction of its own; times are
/// the database's.
pub async fn take(
    conn: &mut AsyncPgConnection,
    holder: Uuid,
    lease: Duration,
    most: i32,
) -> diesel::QueryResult<Option<i32>> {
    conn.transaction(async |conn| {
        // One at a time: two replicas that start together must not see the same slot free.
        sql_query("SELECT pg_advisory_xact_lock(hashtextextended('aiida.stream_slot', 0))")
            .execute(conn)
            .await?;
        let row: Option<Row> = sql_query(
            "INSERT INTO aiida.stream_slot AS taken (number, holder, lease_expires_at)
             SELECT n.number, $1, clock_timestamp() + $2 * interval '1 ms'
             FROM generate_series(0, $3 - 1) AS n (number) LEFT JOIN aiida.stream_slot s ON s.number = n.number
             WHERE s.number IS NULL OR s.holder = $1 OR s.lease_expires_at <= clock_timestamp()
             ORDER BY s.holder IS DISTINCT FROM $1, s.number IS NULL, n.number LIMIT 1
             ON CONFLICT (number) DO UPDATE
             SET holder = excluded.holder, lease_expires_at = excluded.lease_expires_at
             -- Somebody may have leased it as an orphan since it was looked at.
             WHERE taken.holder = excluded.holder OR taken.lease_expires_at <= clock_timestamp()
             RETURNING taken.number",
        )
        .bind::<SqlUuid, _>(holder)
        .bind::<BigInt, _>(millis(lease))
        .bind::<Integer, _>(most)
        .get_result(conn)
        .await
        .optional()?;
        Ok(row.map(|row| row.number))
    })
    .await
}

/// Renews the lease of a slot; false when somebody else has it. A lease that ran out is renewed as long as nobody has
/// taken the slot.
pub async fn renew(
    conn: &mut AsyncPgConnection,
    number: i32,
    holder: Uuid,
    lease: Duration,
) -> diesel::QueryResult<bool> {
    let renewed = sql_query(
        "UPDATE aiida.stream_slot SET lease_expires_at = clock_timestamp() + $3 * interval '1 ms'
         WHERE number = $1 AND holder = $2",
    )
    .bind::<Integer, _>(number)
    .bind::<SqlUuid, _>(holder)
    .bind::<BigInt, _>(millis(lease))
    .execute(conn)
    .await?;
    Ok(renewed == 1)
}

/// Ends a lease at once. The row stays: the session at the broker does too, for whoever comes next.
pub async fn release(
    conn: &mut AsyncPgConnection,
    number: i32,
    holder: Uuid,
) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE aiida.stream_slot SET lease_expires_at = clock_timestamp() WHERE number = $1 AND holder = $2",
    )
    .bind::<Integer, _>(number)
    .bind::<SqlUuid, _>(holder)
    .execute(conn)
    .await?;
    Ok(())
}

/// Leases a slot that nobody has taken for `idle` after its lease ended: its session keeps getting a share of the
/// messages, and nobody reads them. `None` when there is no such slot.
pub async fn take_orphan(
    conn: &mut AsyncPgConnection,
    holder: Uuid,
    lease: Duration,
    idle: Duration,
) -> diesel::QueryResult<Option<i32>> {
    let row: Option<Row> = sql_query(
        "UPDATE aiida.stream_slot SET holder = $1, lease_expires_at = clock_timestamp() + $2 * interval '1 ms'
         WHERE number = (
             SELECT number FROM aiida.stream_slot
             WHERE lease_expires_at <= clock_timestamp() - $3 * interval '1 ms'
             ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING number",
    )
    .bind::<SqlUuid, _>(holder)
    .bind::<BigInt, _>(millis(lease))
    .bind::<BigInt, _>(millis(idle))
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| row.number))
}

/// Forgets a slot whose session is no more.
pub async fn forget(
    conn: &mut AsyncPgConnection,
    number: i32,
    holder: Uuid,
) -> diesel::QueryResult<()> {
    sql_query("DELETE FROM aiida.stream_slot WHERE number = $1 AND holder = $2")
        .bind::<Integer, _>(number)
        .bind::<SqlUuid, _>(holder)
        .execute(conn)
        .await?;
    Ok(())
}
