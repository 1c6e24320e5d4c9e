//! What the customer's page shows. Read from the domain tables, never from jobs.

use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::authorization::Stage;
use crate::digest;

/// How far an authorization has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub stage: Stage,
    /// Windows that are in.
    pub received: i64,
    /// All windows; 0 until they are fixed.
    pub windows: i64,
    /// Usage points found.
    pub usage_points: i64,
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
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        stage: String,
        #[diesel(sql_type = BigInt)]
        received: i64,
        #[diesel(sql_type = BigInt)]
        windows: i64,
        #[diesel(sql_type = BigInt)]
        usage_points: i64,
        #[diesel(sql_type = Bool)]
        released: bool,
        #[diesel(sql_type = Bool)]
        exported: bool,
        #[diesel(sql_type = Nullable<Text>)]
        failure: Option<String>,
    }
    let row: Option<Row> = sql_query(
        "SELECT a.stage, a.failure, a.released_at IS NOT NULL AS released, a.exported_at IS NOT NULL AS exported,
                (SELECT count(*) FROM smd.usage_point u WHERE u.authorization_id = a.id) AS usage_points,
                p.windows, p.received
         FROM smd.authorization a,
              LATERAL (SELECT count(*) AS windows, count(received_at) AS received
                       FROM smd.pull WHERE authorization_id = a.id) p
         WHERE a.ticket_hash = $1",
    )
    .bind::<Binary, _>(digest(ticket))
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| Progress {
        stage: Stage::from_column(&row.stage),
        received: row.received,
        windows: row.windows,
        usage_points: row.usage_points,
        released: row.released,
        exported: row.exported,
        failure: row.failure,
    }))
}
