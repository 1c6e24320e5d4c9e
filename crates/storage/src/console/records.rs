//! Messages of homes that were refused, and the audit log: the newest first.

use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension as _, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use uuid::Uuid;

use super::Page;
use crate::audit::Entry;

/// A refused message.
#[derive(Debug, Clone, QueryableByName)]
pub struct Refused {
    /// Later ones have higher ids.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Of its topic; none when the topic names none that we know.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub permission_id: Option<Uuid>,
    /// As it came.
    #[diesel(sql_type = Text)]
    pub topic: String,
    /// Why, in a word.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// When it came.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub received_at: jiff::Timestamp,
    /// The beginning of its bytes.
    #[diesel(sql_type = Binary)]
    pub payload: Vec<u8>,
    /// How many bytes of it are kept.
    #[diesel(sql_type = Integer)]
    pub kept: i32,
}

/// Bytes of a payload that a list shows.
const GLANCE: i32 = 160;

/// Up to `limit` of those that are kept, with ids below `before`, each with the first bytes of its payload.
pub async fn refused(
    conn: &mut AsyncPgConnection,
    before: Option<i64>,
    limit: i64,
) -> diesel::QueryResult<Page<Refused>> {
    let rows = sql_query(
        "SELECT id, permission_id, topic, reason, received_at, substring(payload for $3) AS payload,
                octet_length(payload) AS kept
         FROM aiida.refused_message WHERE id < coalesce($1, 9223372036854775807) ORDER BY id DESC LIMIT $2",
    )
    .bind::<Nullable<BigInt>, _>(before)
    .bind::<BigInt, _>(limit + 1)
    .bind::<Integer, _>(GLANCE)
    .load(conn)
    .await?;
    Ok(Page::of(rows, limit))
}

/// One of them, with all that is kept of its payload.
pub async fn refused_one(
    conn: &mut AsyncPgConnection,
    id: i64,
) -> diesel::QueryResult<Option<Refused>> {
    sql_query(
        "SELECT id, permission_id, topic, reason, received_at, payload, octet_length(payload) AS kept
         FROM aiida.refused_message WHERE id = $1",
    )
    .bind::<BigInt, _>(id)
    .get_result(conn)
    .await
    .optional()
}

/// A line of the audit log with its place.
#[derive(Debug, Clone, QueryableByName)]
pub struct Line {
    /// Later ones have higher ids.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// What it says.
    #[diesel(embed)]
    pub entry: Entry,
}

/// Up to `limit` lines with ids below `before`; with `subject`, only those about it.
pub async fn audit(
    conn: &mut AsyncPgConnection,
    subject: Option<Uuid>,
    before: Option<i64>,
    limit: i64,
) -> diesel::QueryResult<Page<Line>> {
    let of = subject.map_or("$2 IS NULL", |_| "subject = $2");
    // By time where there is a subject: the index of subjects has it.
    let order = subject.map_or("id DESC", |_| "at DESC, id DESC");
    let rows = sql_query(format!(
        "SELECT id, at, actor, action, subject, detail FROM audit.event
         WHERE id < coalesce($1, 9223372036854775807) AND {of} ORDER BY {order} LIMIT $3"
    ))
    .bind::<Nullable<BigInt>, _>(before)
    .bind::<Nullable<SqlUuid>, _>(subject)
    .bind::<BigInt, _>(limit + 1)
    .load(conn)
    .await?;
    Ok(Page::of(rows, limit))
}
