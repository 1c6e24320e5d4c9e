//! What a permission covers, as far as messages on its topics are held against it.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::sql_types::{Array, Date as SqlDate, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff::civil::Date;
use permission::data_need::DataNeed;
use permission::{PermissionId, Status};
use uuid::Uuid;

use crate::sql::{IdRow, ids};

/// What a message of a permission is held against.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The permission.
    pub permission: PermissionId,
    /// Where it stands.
    pub status: Status,
    /// The eligible party's name for the customer: personal, for no log.
    pub connection_id: String,
    /// What the household agreed to.
    pub data_need: Arc<DataNeed>,
    /// First day of its time frame, UTC; `None` before the home has asked.
    pub starts_on: Option<Date>,
    /// Its last day, UTC, inclusive; `None` is open.
    pub ends_on: Option<Date>,
    /// When it ended, if it was accepted once, as its events tell everybody: what was sent before may still be on its
    /// way.
    pub ended_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    connection_id: String,
    #[diesel(sql_type = Text)]
    data_need: String,
    #[diesel(sql_type = Nullable<SqlDate>, deserialize_as = jiff_diesel::NullableDate)]
    starts_on: Option<Date>,
    #[diesel(sql_type = Nullable<SqlDate>, deserialize_as = jiff_diesel::NullableDate)]
    ends_on: Option<Date>,
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    ended_at: Option<Timestamp>,
}

/// Those of these permissions that exist. One that cannot be read is left out, and with an error in the log: it must
/// not hold up the messages of all others.
pub async fn of(
    conn: &mut AsyncPgConnection,
    permissions: &[PermissionId],
) -> diesel::QueryResult<Vec<Binding>> {
    let rows: Vec<Row> = sql_query(
        "SELECT id, status, connection_id, data_need::text AS data_need, starts_on, ends_on,
                CASE WHEN status <> 'ACCEPTED' THEN (
                    SELECT min(ended.at) FROM aiida.permission_event accepted
                    JOIN aiida.permission_event ended USING (permission_id)
                    WHERE permission_id = permission.id AND accepted.status = 'ACCEPTED' AND ended.id > accepted.id
                ) END AS ended_at
         FROM aiida.permission WHERE id = ANY ($1)",
    )
    .bind::<Array<SqlUuid>, _>(permissions.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .load(conn)
    .await?;
    // Most permissions hold the same few data needs, and reading one takes longer than all else here.
    let mut read = HashMap::new();
    let bindings = rows.into_iter().filter_map(|row| binding(row, &mut read));
    Ok(bindings.collect())
}

/// `read` are the data needs that were read already, by their text.
fn binding(row: Row, read: &mut HashMap<String, Arc<DataNeed>>) -> Option<Binding> {
    let data_need = match read.get(&row.data_need) {
        Some(known) => Some(Arc::clone(known)),
        None => data_need(&row.data_need).inspect(|need| {
            read.insert(row.data_need.clone(), Arc::clone(need));
        }),
    };
    let (Ok(status), Some(data_need)) = (row.status.parse(), data_need) else {
        tracing::error!(permission = %row.id, "the status or the data need of a permission cannot be read");
        return None;
    };
    Some(Binding {
        permission: row.id.into(),
        status,
        connection_id: row.connection_id,
        data_need,
        starts_on: row.starts_on,
        ends_on: row.ends_on,
        ended_at: row.ended_at,
    })
}

/// Those of these permissions that exist. None of them can be erased before the caller's transaction ends. In the order
/// of ids, as they are erased.
pub async fn hold(
    conn: &mut AsyncPgConnection,
    permissions: &[PermissionId],
) -> diesel::QueryResult<Vec<PermissionId>> {
    let rows: Vec<IdRow> =
        sql_query("SELECT id FROM aiida.permission WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE")
            .bind::<Array<SqlUuid>, _>(permissions.iter().map(|id| id.uuid()).collect::<Vec<_>>())
            .load(conn)
            .await?;
    Ok(ids(rows))
}

fn data_need(text: &str) -> Option<Arc<DataNeed>> {
    let value = serde_json::from_str(text).ok()?;
    DataNeed::from_value(value).ok().map(Arc::new)
}
