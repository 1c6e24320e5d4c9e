//! What time has done to permissions, steps that were left without a job, and how many wait for an answer. Oldest
//! first, a bounded number at a time: what is left over is found again.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use permission::{PermissionId, Status};
use uuid::Uuid;

use crate::schema::aiida::permission as table;

/// How many permissions there are of each status, by its name.
pub async fn counts(conn: &mut AsyncPgConnection) -> diesel::QueryResult<HashMap<String, i64>> {
    let counted: Vec<(String, i64)> = table::table
        .group_by(table::status)
        .select((table::status, count_star()))
        .load(conn)
        .await?;
    Ok(counted.into_iter().collect())
}

/// Those that stand at `status` since before `before`.
pub async fn stale(
    conn: &mut AsyncPgConnection,
    status: Status,
    before: Timestamp,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let stale = ids()
        .filter(table::status.eq(status.name()))
        .filter(table::status_at.lt(before.to_diesel()))
        .order(table::status_at);
    first(conn, stale, limit).await
}

/// Accepted ones whose last day is before `today`.
pub async fn ended(
    conn: &mut AsyncPgConnection,
    today: Date,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let ended = ids()
        .filter(table::status.eq(Status::Accepted.name()))
        .filter(table::ends_on.lt(today.to_diesel()))
        .order(table::ends_on);
    first(conn, ended, limit).await
}

/// Accepted ones whose credentials do not open the broker's door, since before `before`.
pub async fn ungranted(
    conn: &mut AsyncPgConnection,
    before: Timestamp,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let ungranted = ids()
        .filter(table::status.eq(Status::Accepted.name()))
        .filter(table::granted_at.is_null())
        .filter(table::status_at.lt(before.to_diesel()))
        .order(table::status_at);
    first(conn, ungranted, limit).await
}

/// Those that were accepted, have come to one of `ends`, and of which something may be left at the broker, since
/// before `before`.
pub async fn unremoved(
    conn: &mut AsyncPgConnection,
    ends: &[Status],
    before: Timestamp,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let ends: Vec<&str> = ends.iter().map(|status| status.name()).collect();
    let unremoved = ids()
        .filter(table::status.eq_any(ends))
        .filter(table::accepted_at.is_not_null())
        .filter(table::removed_at.is_null())
        .filter(table::status_at.lt(before.to_diesel()))
        .order(table::status_at);
    first(conn, unremoved, limit).await
}

/// The ids of permissions, to be filtered and put in order.
type Ids<'a> = table::BoxedQuery<'a, Pg, SqlUuid>;

fn ids<'a>() -> Ids<'a> {
    table::table.select(table::id).into_boxed()
}

async fn first(
    conn: &mut AsyncPgConnection,
    ids: Ids<'_>,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let found: Vec<Uuid> = ids.limit(limit).load(conn).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// Whether at least `count` permissions wait for a home's answer.
pub async fn open_reach(conn: &mut AsyncPgConnection, count: u32) -> diesel::QueryResult<bool> {
    let Some(before) = count.checked_sub(1) else {
        return Ok(true);
    };
    let last: Option<Uuid> = table::table
        .filter(table::status.eq(Status::SentToPermissionAdministrator.name()))
        .order(table::status_at)
        .offset(i64::from(before))
        .select(table::id)
        .first(conn)
        .await
        .optional()?;
    Ok(last.is_some())
}

/// The statuses in which a permission rests for good, as a list of SQL literals: with a bound list the planner would not
/// see that the partial index `permission_ended` holds them all.
pub(crate) fn over() -> String {
    let over = Status::ALL.into_iter().filter(|status| status.is_over());
    let literals: Vec<String> = over.map(|status| format!("'{}'", status.name())).collect();
    literals.join(", ")
}

/// Deletes up to `limit` permissions that came to their end before `before`: those that were never accepted, and those
/// of which nothing is left at the broker. With each go its events, what was sent to its home, and the count of its
/// refusals. One whose readings may still be there stays as long as they do: without it nobody could ask for them.
/// In the transaction that holds the lease of its job. Roles: aiida-permission.
pub async fn prune(
    conn: &mut AsyncPgConnection,
    before: Timestamp,
    limit: i64,
) -> diesel::QueryResult<usize> {
    // Nothing is stored after the end, so what ended before the oldest day of which there are messages has none.
    sql_query(format!(
        "WITH kept AS (
             SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC') AS since
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'aiida.message'::regclass AND right(c.relname, 8) ~ '^[0-9]{{8}}$'
         ), gone AS (
             SELECT id FROM aiida.permission
             WHERE status IN ({over})
               AND status_at < $1
               AND (accepted_at IS NULL OR removed_at IS NOT NULL)
               AND (first_message_at IS NULL
                    OR status_at < (SELECT coalesce(since - interval '1 hour', 'infinity') FROM kept))
             ORDER BY status_at LIMIT $2 FOR UPDATE SKIP LOCKED
         ), counts AS (
             DELETE FROM aiida.refusal r USING gone WHERE r.permission_id = gone.id
         )
         DELETE FROM aiida.permission p USING gone WHERE p.id = gone.id",
        over = over(),
    ))
    .bind::<Timestamptz, _>(before.to_diesel())
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}
