//! The newest record of homes, for pages that show it.

use std::collections::HashMap;

use diesel::sql_types::{Array, BigInt, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use permission::PermissionId;
use uuid::Uuid;

use super::reading::Measured;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(embed)]
    measured: Measured,
}

/// The values of the newest record of each permission, of those made since its moment: at most `limit` values of each,
/// as they stand in the record. Who has sent none is not there. Roles: aiida-permission, console.
pub async fn values(
    conn: &mut AsyncPgConnection,
    since: &[(PermissionId, jiff::Timestamp)],
    limit: i64,
) -> diesel::QueryResult<HashMap<PermissionId, Vec<Measured>>> {
    // The earliest of all is named on its own, so that the days before it are not even planned for.
    let Some(earliest) = since.iter().map(|(_, at)| *at).min() else {
        return Ok(HashMap::new());
    };
    let ids: Vec<Uuid> = since.iter().map(|(id, _)| id.uuid()).collect();
    let from: Vec<Timestamp> = since.iter().map(|(_, at)| Timestamp::from(*at)).collect();
    let rows: Vec<Row> = sql_query(
        "SELECT asked.id, r.measured_at, r.obis, r.value, r.unit
         FROM unnest($1, $2) AS asked (id, since)
         CROSS JOIN LATERAL (
             SELECT sent_at, digest FROM aiida.reading
             WHERE permission_id = asked.id AND sent_at >= asked.since AND sent_at >= $3
             ORDER BY sent_at DESC, digest DESC LIMIT 1) newest
         CROSS JOIN LATERAL (
             SELECT nr, measured_at, obis, value::text AS value, unit FROM aiida.reading
             WHERE permission_id = asked.id AND sent_at = newest.sent_at AND digest = newest.digest AND sent_at >= $3
             ORDER BY nr LIMIT $4) r
         ORDER BY asked.id, r.nr",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(from)
    .bind::<Timestamptz, _>(Timestamp::from(earliest))
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    let mut found: HashMap<PermissionId, Vec<Measured>> = HashMap::new();
    for Row { id, measured } in rows {
        found.entry(id.into()).or_default().push(measured);
    }
    Ok(found)
}
