//! What time has done to permissions, and steps that were left without a job. Oldest first, a bounded number at
//! a time: what is left over is found again.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use permission::{PermissionId, Status};
use uuid::Uuid;

use crate::schema::aiida::permission as table;

/// Those that stand at `status` since before `before`.
pub async fn stale(
    conn: &mut AsyncPgConnection,
    status: Status,
    before: Timestamp,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let found: Vec<Uuid> = table::table
        .filter(
            table::status
                .eq(status.name())
                .and(table::status_at.lt(before.to_diesel())),
        )
        .order(table::status_at)
        .limit(limit)
        .select(table::id)
        .load(conn)
        .await?;
    Ok(ids(found))
}

/// Accepted ones whose last day is before `today`.
pub async fn ended(
    conn: &mut AsyncPgConnection,
    today: Date,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let found: Vec<Uuid> = table::table
        .filter(
            table::status
                .eq(Status::Accepted.name())
                .and(table::ends_on.lt(today.to_diesel())),
        )
        .order(table::ends_on)
        .limit(limit)
        .select(table::id)
        .load(conn)
        .await?;
    Ok(ids(found))
}

/// Accepted ones whose credentials do not open the broker's door, since before `before`.
pub async fn ungranted(
    conn: &mut AsyncPgConnection,
    before: Timestamp,
    limit: i64,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let found: Vec<Uuid> = table::table
        .filter(
            table::status
                .eq(Status::Accepted.name())
                .and(table::granted_at.is_null())
                .and(table::status_at.lt(before.to_diesel())),
        )
        .order(table::status_at)
        .limit(limit)
        .select(table::id)
        .load(conn)
        .await?;
    Ok(ids(found))
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
    let found: Vec<Uuid> = table::table
        .filter(
            table::status
                .eq_any(ends)
                .and(table::accepted_at.is_not_null())
                .and(table::removed_at.is_null())
                .and(table::status_at.lt(before.to_diesel())),
        )
        .order(table::status_at)
        .limit(limit)
        .select(table::id)
        .load(conn)
        .await?;
    Ok(ids(found))
}

fn ids(found: Vec<Uuid>) -> Vec<PermissionId> {
    found.into_iter().map(Into::into).collect()
}
