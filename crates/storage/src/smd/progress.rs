//! What the customer's page shows. Read from the domain tables, never from jobs.

use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::NullableTimestamp;
use uuid::Uuid;

use super::AuthorizationId;
use super::authorization::Stage;
use crate::digest;

/// How far an authorization has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Our id, from which the receipt number is made.
    pub id: AuthorizationId,
    /// Where it stands.
    pub stage: Stage,
    /// Windows that are in.
    pub received: i64,
    /// All windows; 0 until they are fixed.
    pub windows: i64,
    /// Usage points found.
    pub usage_points: i64,
    /// First instant of the history and the first after it, once the windows are fixed.
    pub history: Option<(jiff::Timestamp, jiff::Timestamp)>,
    /// The custodian confirmed the end of the authorization.
    pub released: bool,
    /// The files are written.
    pub exported: bool,
    /// Why it was given up, in words for the customer.
    pub failure: Option<String>,
}

impl Progress {
    /// Delivered: the files are written and the authorization is ended.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.stage == Stage::Fetched && self.released && self.exported
    }

    /// Nothing will change any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.stage {
            Stage::Fetching => false,
            Stage::Fetched => self.is_delivered(),
            Stage::Failed => self.released,
            Stage::Withdrawn | Stage::Superseded | Stage::Erased => true,
        }
    }
}

/// The progress that a ticket shows; `None` for an unknown one.
pub async fn of_ticket(
    conn: &mut AsyncPgConnection,
    ticket: &str,
) -> diesel::QueryResult<Option<Progress>> {
    let row: Option<Row> = sql_query(format!("{SELECT} WHERE a.ticket_hash = $1"))
        .bind::<Binary, _>(digest(ticket))
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(Progress::from))
}

/// The progress of several authorizations that still have a page, in no order: one look for all who watch.
pub async fn of_watched(
    conn: &mut AsyncPgConnection,
    ids: &[AuthorizationId],
) -> diesel::QueryResult<Vec<Progress>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<Row> = sql_query(format!(
        "{SELECT} WHERE a.id = ANY ($1) AND a.ticket_hash IS NOT NULL"
    ))
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(Progress::from).collect())
}

const SELECT: &str =
    "SELECT a.id, a.stage, a.failure, a.released_at, a.exported_at,
            (SELECT count(*) FROM smd.usage_point u WHERE u.authorization_id = a.id) AS usage_points,
            p.windows, p.received, p.starts_at, p.ends_at
     FROM smd.authorization a,
          LATERAL (SELECT count(*) AS windows, count(received_at) AS received,
                          min(starts_at) AS starts_at, max(ends_at) AS ends_at
                   FROM smd.pull WHERE authorization_id = a.id) p";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid, deserialize_as = Uuid)]
    id: AuthorizationId,
    #[diesel(sql_type = Text)]
    stage: String,
    #[diesel(sql_type = Nullable<Text>)]
    failure: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    released_at: Option<jiff::Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    exported_at: Option<jiff::Timestamp>,
    #[diesel(sql_type = BigInt)]
    usage_points: i64,
    #[diesel(sql_type = BigInt)]
    windows: i64,
    #[diesel(sql_type = BigInt)]
    received: i64,
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    starts_at: Option<jiff::Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    ends_at: Option<jiff::Timestamp>,
}

impl From<Row> for Progress {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            stage: Stage::from_column(&row.stage),
            received: row.received,
            windows: row.windows,
            usage_points: row.usage_points,
            history: row.starts_at.zip(row.ends_at),
            released: row.released_at.is_some(),
            exported: row.exported_at.is_some(),
            failure: row.failure,
        }
    }
}
