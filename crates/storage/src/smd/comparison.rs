//! What the last comparison with the custodian's list of authorizations has found.

use diesel::sql_query;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// So many authorizations are active at the custodian and not known here. Roles: smd-fetcher.
pub async fn note(conn: &mut AsyncPgConnection, unknown: usize) -> diesel::QueryResult<()> {
    sql_query("UPDATE smd.comparison SET compared_at = clock_timestamp(), unknown = $1")
        .bind::<Integer, _>(i32::try_from(unknown).unwrap_or(i32::MAX))
        .execute(conn)
        .await?;
    Ok(())
}
