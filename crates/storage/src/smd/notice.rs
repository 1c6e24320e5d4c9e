//! Links that a notification announced and that we decided to follow.

use diesel::dsl::sql;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{
    ExpressionMethods, OptionalExtension, PgExpressionMethods as _, QueryDsl, Queryable,
    Selectable, SelectableHelper, sql_query,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::NullableTimestamp;
use uuid::Uuid;

use super::{AuthorizationId, NoticeId};
use crate::schema::smd::notice as table;
use crate::sql::IdRow;

/// A link to be followed.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Our id.
    pub id: NoticeId,
    /// The whole URL; its host and prefix have been checked.
    pub link: String,
    /// The authorization it belongs to; `None` for a bulk link.
    pub authorization: Option<AuthorizationId>,
    /// The usage point its path names.
    pub usage_point: Option<String>,
    /// Its content has been taken in.
    pub collected: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    link: String,
    authorization_id: Option<Uuid>,
    usage_point_id: Option<String>,
    #[diesel(deserialize_as = NullableTimestamp)]
    collected_at: Option<jiff::Timestamp>,
}

/// Remembers a link. The same link announced again keeps its id and is collected once, unless a request
/// that left after it was collected is still open, or it is a newer authorization's: custodians
/// announce different answers under one link (all-zero correlation ids).
pub async fn insert(
    conn: &mut AsyncPgConnection,
    notice: &Notice,
) -> diesel::QueryResult<NoticeId> {
    sql_query(
        "INSERT INTO smd.notice AS known (id, link, authorization_id, usage_point_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (link) DO UPDATE SET collected_at = NULL, received_at = now(),
             authorization_id = excluded.authorization_id, usage_point_id = excluded.usage_point_id
         WHERE known.authorization_id IS DISTINCT FROM excluded.authorization_id
            OR EXISTS (SELECT FROM smd.pull p
                       WHERE p.received_at IS NULL AND p.requested_at > known.collected_at
                         AND p.authorization_id = coalesce(known.authorization_id, p.authorization_id)
                         AND p.usage_point_id = coalesce(known.usage_point_id, p.usage_point_id))",
    )
    .bind::<SqlUuid, _>(notice.id.uuid())
    .bind::<Text, _>(&notice.link)
    .bind::<Nullable<SqlUuid>, _>(notice.authorization.map(AuthorizationId::uuid))
    .bind::<Nullable<Text>, _>(notice.usage_point.as_deref())
    .execute(conn)
    .await?;
    let row: IdRow = sql_query("SELECT id FROM smd.notice WHERE link = $1")
        .bind::<Text, _>(&notice.link)
        .get_result(conn)
        .await?;
    Ok(row.id.into())
}

/// One link.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: NoticeId,
) -> diesel::QueryResult<Option<Notice>> {
    let row: Option<Row> = table::table
        .find(id.uuid())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|row| Notice {
        id: row.id.into(),
        link: row.link,
        authorization: row.authorization_id.map(Into::into),
        usage_point: row.usage_point_id,
        collected: row.collected_at.is_some(),
    }))
}

/// How many links of an authorization (or, for `None`, bulk links) wait to be collected: as long as a job
/// is to collect them, and an hour at least.
pub async fn waiting(
    conn: &mut AsyncPgConnection,
    authorization: Option<AuthorizationId>,
) -> diesel::QueryResult<i64> {
    table::table
        .filter(
            table::authorization_id.is_not_distinct_from(authorization.map(AuthorizationId::uuid)),
        )
        .filter(table::collected_at.is_null())
        .filter(sql::<Bool>(
            "(received_at > now() - interval '1 hour' OR jobs.is_live('smd.collect', id::text))",
        ))
        .count()
        .get_result(conn)
        .await
}

/// How many bulk links were taken in within the last hour or wait longer: anybody can make them up, so those that were
/// collected count, too. Whoever else asks waits until the caller's transaction ends, for two at once must not both
/// find room; so it comes before anything else that locks.
pub async fn bulk_of_the_hour(conn: &mut AsyncPgConnection) -> diesel::QueryResult<i64> {
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended('smd.notice', 0))")
        .execute(conn)
        .await?;
    table::table
        .filter(table::authorization_id.is_null())
        .filter(sql::<Bool>(
            "(received_at > now() - interval '1 hour'
              OR collected_at IS NULL AND jobs.is_live('smd.collect', id::text))",
        ))
        .count()
        .get_result(conn)
        .await
}

/// Its content has been taken in, or there was none.
pub async fn mark_collected(conn: &mut AsyncPgConnection, id: NoticeId) -> diesel::QueryResult<()> {
    diesel::update(table::table.find(id.uuid()))
        .set(table::collected_at.eq(sql::<Nullable<Timestamptz>>("clock_timestamp()")))
        .execute(conn)
        .await?;
    Ok(())
}

/// Nothing comes of it. A bulk link is not taken in again for some time, whatever is asked for meanwhile: whoever made
/// it up would have it followed after each of our requests. Shorter than until a window is asked for again, because a
/// custodian may announce all its batches under one link.
pub async fn put_aside(conn: &mut AsyncPgConnection, id: NoticeId) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE smd.notice SET collected_at = clock_timestamp()
             + CASE WHEN authorization_id IS NULL THEN interval '20 minutes' ELSE interval '0' END
         WHERE id = $1",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets links after 30 days.
pub async fn forget_old(conn: &mut AsyncPgConnection) -> diesel::QueryResult<usize> {
    sql_query("DELETE FROM smd.notice WHERE received_at < now() - interval '30 days'")
        .execute(conn)
        .await
}
