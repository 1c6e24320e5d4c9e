//! Links that a notification announced and that we decided to follow.

use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{AuthorizationId, NoticeId};
use crate::schema::smd::notice as table;

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

/// Remembers a link. The same link announced again keeps its id; it is collected once.
pub async fn insert(conn: &mut AsyncPgConnection, notice: &Notice) -> diesel::QueryResult<NoticeId> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    sql_query(
        "INSERT INTO smd.notice (id, link, authorization_id, usage_point_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (link) DO NOTHING",
    )
    .bind::<SqlUuid, _>(notice.id.uuid())
    .bind::<Text, _>(&notice.link)
    .bind::<Nullable<SqlUuid>, _>(notice.authorization.map(AuthorizationId::uuid))
    .bind::<Nullable<Text>, _>(notice.usage_point.as_deref())
    .execute(conn)
    .await?;
    let row: Id = sql_query("SELECT id FROM smd.notice WHERE link = $1")
        .bind::<Text, _>(&notice.link)
        .get_result(conn)
        .await?;
    Ok(row.id.into())
}

/// One link.
pub async fn get(conn: &mut AsyncPgConnection, id: NoticeId) -> diesel::QueryResult<Option<Notice>> {
    let row: Option<(Uuid, String, Option<Uuid>, Option<String>, bool)> = table::table
        .find(id.uuid())
        .select((
            table::id,
            table::link,
            table::authorization_id,
            table::usage_point_id,
            table::collected_at.is_not_null(),
        ))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(id, link, authorization, usage_point, collected)| Notice {
        id: id.into(),
        link,
        authorization: authorization.map(Into::into),
        usage_point,
        collected,
    }))
}

/// Its content has been taken in, or there was none.
pub async fn mark_collected(conn: &mut AsyncPgConnection, id: NoticeId) -> diesel::QueryResult<()> {
    diesel::update(table::table.find(id.uuid()))
        .set(table::collected_at.eq(diesel::dsl::now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets links after 30 days.
pub async fn forget_old(conn: &mut AsyncPgConnection) -> diesel::QueryResult<usize> {
    sql_query("DELETE FROM smd.notice WHERE received_at < now() - interval '30 days'").execute(conn).await
}
