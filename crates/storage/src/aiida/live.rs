//! What event streams follow: a permission's status, and the readings that have just come in. Any replica
//! reads them here, whichever took the data in.

use std::time::Duration;

use diesel::sql_types::{BigInt, Binary, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use permission::{PermissionId, Status};

use super::permission::status_of;
use super::reading::Measured;
use crate::sql::millis;

/// Where a permission stands, by the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its status.
    pub status: Status,
    /// The database's time.
    pub now: jiff::Timestamp,
}

/// A value that has come in.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct LiveReading {
    /// When its record was stored.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub received_at: jiff::Timestamp,
    /// Tells its record from the others of the permission.
    #[diesel(sql_type = Binary)]
    pub digest: Vec<u8>,
    /// Its place in the record.
    #[diesel(sql_type = SmallInt)]
    pub nr: i16,
    /// What was measured.
    #[diesel(embed)]
    pub measured: Measured,
}

/// The status of a permission; `None` when there is no such permission. Roles: aiida-stream.
pub async fn head(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<Option<Head>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
        now: jiff::Timestamp,
    }
    let row: Option<Row> =
        sql_query("SELECT status, clock_timestamp() AS now FROM aiida.permission WHERE id = $1")
            .bind::<SqlUuid, _>(id.uuid())
            .get_result(conn)
            .await
            .optional()?;
    row.map(|row| {
        Ok(Head {
            status: status_of(&row.status)?,
            now: row.now,
        })
    })
    .transpose()
}

/// Values of the newest `records` records that were stored since `from`, in the order of their storing.
/// Records that a home took more than `oldest` ago are left out: they are no news, and looking for them would
/// read everything that the permission has brought. Roles: aiida-stream.
pub async fn since(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    from: jiff::Timestamp,
    oldest: Duration,
    records: i64,
) -> diesel::QueryResult<Vec<LiveReading>> {
    sql_query(
        "WITH recent AS MATERIALIZED (
             SELECT permission_id, sent_at, digest, received_at FROM aiida.message
             WHERE permission_id = $1 AND received_at >= $2
               AND sent_at >= clock_timestamp() - $3 * interval '1 ms'
             ORDER BY received_at DESC, digest LIMIT $4)
         SELECT recent.received_at, recent.digest, r.nr, r.measured_at, r.obis, r.value::text AS value, r.unit
         FROM recent JOIN aiida.reading r USING (permission_id, sent_at, digest)
         ORDER BY recent.received_at, recent.digest, r.nr",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Timestamptz, _>(Timestamp::from(from))
    .bind::<BigInt, _>(millis(oldest))
    .bind::<BigInt, _>(records)
    .load(conn)
    .await
}
