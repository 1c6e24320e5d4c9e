//! Permissions: what homes are asked for, and where each request stands.
//!
//! Reading is for every service; [`insert`], [`advance`] and [`describe`] are for the permission service, whose
//! role alone may change a status. In one transaction jobs are touched before any of these (`docs/adr/0006`).

mod change;
mod due;

use std::collections::HashMap;

use diesel::result::Error::DeserializationError;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable,
    SelectableHelper,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::{NullableDate, NullableTimestamp, ToDiesel as _};
use permission::data_need::DataNeed;
use permission::{BundleId, DataNeedId, Generation, PermissionId, Status};
use serde_json::Value;
use uuid::Uuid;

use crate::digest;
use crate::schema::aiida::permission as table;

pub use change::{Answer, NewPermission, advance, advance_all, answer, describe, insert};
pub(crate) use due::over;
pub use due::{counts, ended, open_reach, prune, stale, ungranted, unremoved};

#[derive(Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    bundle_id: Uuid,
    connection_id: String,
    data_need: Value,
    meter_id: Option<String>,
    status: String,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    status_at: Timestamp,
    #[diesel(deserialize_as = NullableTimestamp)]
    sent_at: Option<Timestamp>,
    #[diesel(deserialize_as = NullableDate)]
    starts_on: Option<Date>,
    #[diesel(deserialize_as = NullableDate)]
    ends_on: Option<Date>,
    code: Option<String>,
    aiida_id: Option<Uuid>,
    #[diesel(deserialize_as = NullableTimestamp)]
    accepted_at: Option<Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    granted_at: Option<Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    removed_at: Option<Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    first_message_at: Option<Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    last_message_at: Option<Timestamp>,
}

/// A permission as it stands.
#[derive(Debug, Clone)]
pub struct Permission {
    /// Also the username of its home at the broker, and part of its topics.
    pub id: PermissionId,
    /// All permissions of one request (`eddieId`).
    pub bundle: BundleId,
    /// The eligible party's name for the customer: personal, for no log.
    pub connection_id: String,
    /// As it was when the household was asked: that is what it agrees to.
    pub data_need: DataNeed,
    /// The meter it is about, if the eligible party named one: personal, for no log.
    pub meter_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub status_at: Timestamp,
    /// When its code was first shown.
    pub sent_at: Option<Timestamp>,
    /// First day of the time frame (UTC); `None` before the home has asked, afterwards always there.
    pub starts_on: Option<Date>,
    /// Last day of the time frame, inclusive; `None` is open (or not asked for yet).
    pub ends_on: Option<Date>,
    /// The code that the home scanned; `None` before it has asked.
    pub code: Option<Generation>,
    /// The home's own id, as it told with its answer.
    pub aiida_id: Option<Uuid>,
    /// When the household accepted.
    pub accepted_at: Option<Timestamp>,
    /// When its credentials began to open the broker's door.
    pub granted_at: Option<Timestamp>,
    /// When nothing of it was left at the broker.
    pub removed_at: Option<Timestamp>,
    /// The first record that was stored.
    pub first_message_at: Option<Timestamp>,
    /// The last one.
    pub last_message_at: Option<Timestamp>,
}

impl Permission {
    /// The data need it was asked under.
    #[must_use]
    pub const fn data_need_id(&self) -> DataNeedId {
        self.data_need.id
    }
}

impl TryFrom<Row> for Permission {
    type Error = diesel::result::Error;

    /// What we wrote ourselves: anything else is an error of the database's contents.
    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let data_need = DataNeed::from_value(row.data_need)
            .map_err(|error| DeserializationError(Box::new(error)))?;
        Ok(Self {
            id: row.id.into(),
            bundle: row.bundle_id.into(),
            connection_id: row.connection_id,
            data_need,
            meter_id: row.meter_id,
            status: status_of(&row.status)?,
            created_at: row.created_at,
            status_at: row.status_at,
            sent_at: row.sent_at,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            code: row.code.as_deref().and_then(generation_of),
            aiida_id: row.aiida_id,
            accepted_at: row.accepted_at,
            granted_at: row.granted_at,
            removed_at: row.removed_at,
            first_message_at: row.first_message_at,
            last_message_at: row.last_message_at,
        })
    }
}

/// From its name in the database.
pub(super) fn status_of(name: &str) -> diesel::QueryResult<Status> {
    name.parse()
        .map_err(|error: permission::UnknownStatus| DeserializationError(Box::new(error)))
}

/// From its name in the database, whose constraint admits no other.
fn generation_of(name: &str) -> Option<Generation> {
    [Generation::Single, Generation::Bundle]
        .into_iter()
        .find(|generation| generation.name() == name)
}

/// One permission.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<Option<Permission>> {
    let row: Option<Row> = table::table
        .find(id.uuid())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(Permission::try_from).transpose()
}

/// One permission, locked until the transaction ends: its status stays. Others may go on reading it, and rows
/// that refer to it can be added.
pub async fn lock(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<Option<Permission>> {
    let row: Option<Row> = table::table
        .find(id.uuid())
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    row.map(Permission::try_from).transpose()
}

/// The permissions that each household's page shows, in the order of their data needs' ids and then their own; as
/// many lists as there are tickets, empty for what opens nothing.
pub async fn by_tickets(
    conn: &mut AsyncPgConnection,
    tickets: &[&str],
) -> diesel::QueryResult<Vec<Vec<Permission>>> {
    let digests: Vec<Vec<u8>> = tickets.iter().map(|ticket| digest(ticket)).collect();
    let rows: Vec<(Option<Vec<u8>>, Row)> = table::table
        .filter(table::ticket_hash.eq_any(&digests))
        .order((table::created_at, table::data_need_id, table::id))
        .select((table::ticket_hash, Row::as_select()))
        .load(conn)
        .await?;
    let mut found: HashMap<Option<Vec<u8>>, Vec<Permission>> = HashMap::new();
    for (digest, row) in rows {
        found.entry(digest).or_default().push(row.try_into()?);
    }
    let of = |digest| found.remove(&Some(digest)).unwrap_or_default();
    Ok(digests.into_iter().map(of).collect())
}

/// The permissions of one request, in the order of their data needs' ids and then their own.
pub async fn by_bundle(
    conn: &mut AsyncPgConnection,
    bundle: BundleId,
) -> diesel::QueryResult<Vec<Permission>> {
    let rows: Vec<Row> = table::table
        .filter(table::bundle_id.eq(bundle.uuid()))
        .order((table::created_at, table::data_need_id, table::id))
        .select(Row::as_select())
        .load(conn)
        .await?;
    all(rows)
}

/// Which permissions, newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only those of this customer.
    pub connection_id: Option<&'a str>,
    /// Only those of this request.
    pub bundle: Option<BundleId>,
    /// Only those under this data need.
    pub data_need: Option<DataNeedId>,
    /// Only those that stand here.
    pub status: Option<Status>,
    /// Only those that come after this one (its `created_at` and id), for the next page.
    pub after: Option<(Timestamp, PermissionId)>,
}

/// Up to `limit` permissions, newest first.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &Filter<'_>,
    limit: i64,
) -> diesel::QueryResult<Vec<Permission>> {
    let mut query = table::table
        .select(Row::as_select())
        .order((table::created_at.desc(), table::id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(connection_id) = filter.connection_id {
        query = query.filter(table::connection_id.eq(connection_id.to_owned()));
    }
    if let Some(bundle) = filter.bundle {
        query = query.filter(table::bundle_id.eq(bundle.uuid()));
    }
    if let Some(data_need) = filter.data_need {
        query = query.filter(table::data_need_id.eq(data_need.uuid()));
    }
    if let Some(status) = filter.status {
        query = query.filter(table::status.eq(status.name()));
    }
    if let Some((created_at, id)) = filter.after {
        let created_at = created_at.to_diesel();
        query = query.filter(
            table::created_at.lt(created_at).or(table::created_at
                .eq(created_at)
                .and(table::id.lt(id.uuid()))),
        );
    }
    all(query.load(conn).await?)
}

fn all(rows: Vec<Row>) -> diesel::QueryResult<Vec<Permission>> {
    rows.into_iter().map(Permission::try_from).collect()
}
