//! What a permission covers, as far as messages on its topics are held against it.

use diesel::sql_types::{Array, Date as SqlDate, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::civil::Date;
use permission::data_need::DataNeed;
use permission::{PermissionId, Status};
use uuid::Uuid;

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
    pub data_need: DataNeed,
    /// First day of its time frame, UTC; `None` before the home has asked.
    pub starts_on: Option<Date>,
    /// Its last day, UTC, inclusive; `None` is open.
    pub ends_on: Option<Date>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    connection_id: String,
    #[diesel(sql_type = Jsonb)]
    data_need: serde_json::Value,
    #[diesel(sql_type = Nullable<SqlDate>, deserialize_as = jiff_diesel::NullableDate)]
    starts_on: Option<Date>,
    #[diesel(sql_type = Nullable<SqlDate>, deserialize_as = jiff_diesel::NullableDate)]
    ends_on: Option<Date>,
}

/// Those of these permissions that exist. One that cannot be read is left out, and with an error in the log: it must
/// not hold up the messages of all others.
pub async fn of(
    conn: &mut AsyncPgConnection,
    permissions: &[PermissionId],
) -> diesel::QueryResult<Vec<Binding>> {
    let rows: Vec<Row> = sql_query(
        "SELECT id, status, connection_id, data_need, starts_on, ends_on FROM aiida.permission WHERE id = ANY ($1)",
    )
    .bind::<Array<SqlUuid>, _>(permissions.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .load(conn)
    .await?;
    Ok(rows.into_iter().filter_map(binding).collect())
}

fn binding(row: Row) -> Option<Binding> {
    let (Ok(status), Ok(data_need)) = (row.status.parse(), DataNeed::from_value(row.data_need))
    else {
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
    })
}
