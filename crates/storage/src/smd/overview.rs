//! What the operator sees of customers: ids, states, times and how much is in. Roles: operator.

use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};

use super::AuthorizationId;

/// An authorization and how far it has come.
#[derive(Debug, Clone, QueryableByName)]
pub struct Customer {
    /// Our id.
    #[diesel(sql_type = SqlUuid, deserialize_as = uuid::Uuid)]
    pub id: AuthorizationId,
    /// The custodian's id; gone once it was erased.
    #[diesel(sql_type = Nullable<Text>)]
    pub subscription_id: Option<String>,
    /// Where it stands, as the migration names it.
    #[diesel(sql_type = Text)]
    pub stage: String,
    /// What delays it or why it was given up, in words for the customer.
    #[diesel(sql_type = Nullable<Text>)]
    pub failure: Option<String>,
    /// As the custodian tells it: personal, for no log.
    #[diesel(sql_type = Nullable<Text>)]
    pub customer_name: Option<String>,
    /// When the customer authorized.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub authorized_at: jiff::Timestamp,
    /// When the list of windows was fixed.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub planned_at: Option<jiff::Timestamp>,
    /// First instant of the history.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub history_from: Option<jiff::Timestamp>,
    /// First instant after it.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub history_until: Option<jiff::Timestamp>,
    /// When every window was in.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub fetched_at: Option<jiff::Timestamp>,
    /// When the custodian confirmed its end.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub released_at: Option<jiff::Timestamp>,
    /// When the files were written.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub exported_at: Option<jiff::Timestamp>,
    /// Why the last export failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub export_error: Option<String>,
    /// When the files were removed.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub files_removed_at: Option<jiff::Timestamp>,
    /// Name of a file: it contains the customer's.
    #[diesel(sql_type = Nullable<Text>)]
    pub electricity_file: Option<String>,
    /// Name of a file: it contains the customer's.
    #[diesel(sql_type = Nullable<Text>)]
    pub gas_file: Option<String>,
    /// Usage points found.
    #[diesel(sql_type = BigInt)]
    pub usage_points: i64,
    /// All windows; 0 until they are fixed, and after the data was erased.
    #[diesel(sql_type = BigInt)]
    pub windows: i64,
    /// Windows that are in.
    #[diesel(sql_type = BigInt)]
    pub received: i64,
}

const SELECT: &str =
    "SELECT a.id, a.subscription_id, a.stage, a.failure, a.customer_name, a.authorized_at, a.planned_at,
            a.history_from, a.history_until, a.fetched_at, a.released_at, a.exported_at, a.export_error,
            a.files_removed_at, a.electricity_file, a.gas_file, p.windows, p.received,
            (SELECT count(*) FROM smd.usage_point u WHERE u.authorization_id = a.id) AS usage_points
     FROM smd.authorization a,
          LATERAL (SELECT count(*) AS windows, count(received_at) AS received
                   FROM smd.pull WHERE authorization_id = a.id) p";

/// The newest first; with `stage`, only those that stand there.
pub async fn list(
    conn: &mut AsyncPgConnection,
    stage: Option<&str>,
    limit: i64,
) -> diesel::QueryResult<Vec<Customer>> {
    sql_query(format!(
        "{SELECT} WHERE $1 IS NULL OR a.stage = $1 ORDER BY a.authorized_at DESC, a.id LIMIT $2"
    ))
    .bind::<Nullable<Text>, _>(stage)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// One of them.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Option<Customer>> {
    sql_query(format!("{SELECT} WHERE a.id = $1"))
        .bind::<SqlUuid, _>(id.uuid())
        .get_result(conn)
        .await
        .optional()
}
