//! The database's clock: what cannot be taken back is decided by it, whatever the clock of one replica shows.

use diesel::sql_types::Timestamptz;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    now: Timestamp,
}

/// What it shows.
pub async fn now(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Timestamp> {
    let row: Row = sql_query("SELECT clock_timestamp() AS now")
        .get_result(conn)
        .await?;
    Ok(row.now)
}
