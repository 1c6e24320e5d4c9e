//! Permissions of AIIDA, the newest first.

use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};
use permission::{PermissionId, Status};
use uuid::Uuid;

use super::{LAST, Page, Place};

/// A row of the list.
#[derive(Debug, Clone, QueryableByName)]
pub struct Row {
    /// Its id.
    #[diesel(sql_type = SqlUuid, deserialize_as = Uuid)]
    pub id: PermissionId,
    /// The eligible party's name for the customer: personal, for no log and no address.
    #[diesel(sql_type = Text)]
    pub connection_id: String,
    /// The name of the data need, when it has one.
    #[diesel(sql_type = Nullable<Text>)]
    pub data_need: Option<String>,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub created_at: jiff::Timestamp,
    /// The last record that was stored.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub last_message_at: Option<jiff::Timestamp>,
}

impl Row {
    /// Where the page after it begins.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            at: self.created_at,
            id: self.id.uuid(),
        }
    }
}

/// Which.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only those that stand there.
    pub status: Option<Status>,
    /// Only those known by this text: an id, or the beginning of a connection id.
    pub known_by: Option<&'a str>,
}

const COLUMNS: &str = "SELECT id, connection_id, data_need ->> 'name' AS data_need, status, created_at, last_message_at
     FROM aiida.permission WHERE (created_at, id) < (coalesce($1, 'infinity'), $2)";

/// What a text names; each branch has its index.
const KNOWN_BY: &str = "id IN (SELECT id FROM aiida.permission WHERE id = $5
         UNION SELECT id FROM aiida.permission WHERE bundle_id = $5
         UNION SELECT id FROM aiida.permission WHERE connection_id ~>=~ $4 AND connection_id ~<~ ($4 || $6))";

/// Sorts after whatever follows a beginning.
const END: &str = "\u{10ffff}";

/// Up to `limit` rows after `after`.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: Filter<'_>,
    after: Option<Place>,
    limit: i64,
) -> diesel::QueryResult<Page<Row>> {
    let status = filter.status.map_or("$7 IS NULL", |_| "status = $7");
    let known = filter
        .known_by
        .map_or("$4 || $5 || $6 IS NULL", |_| KNOWN_BY);
    let text = filter.known_by.map(str::trim);
    let rows = sql_query(format!(
        "{COLUMNS} AND {status} AND {known} ORDER BY created_at DESC, id DESC LIMIT $3"
    ))
    .bind::<Nullable<Timestamptz>, _>(after.map(|place| Timestamp::from(place.at)))
    .bind::<SqlUuid, _>(after.map_or(LAST, |place| place.id))
    .bind::<BigInt, _>(limit + 1)
    .bind::<Nullable<Text>, _>(text)
    .bind::<Nullable<SqlUuid>, _>(text.and_then(|text| text.parse::<Uuid>().ok()))
    .bind::<Nullable<Text>, _>(text.map(|_| END))
    .bind::<Nullable<Text>, _>(filter.status.map(Status::name))
    .load(conn)
    .await?;
    Ok(Page::of(rows, limit))
}
