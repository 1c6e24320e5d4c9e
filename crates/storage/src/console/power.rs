//! A home's power over time.

use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use permission::PermissionId;

/// OBIS codes of active power: from the grid, into it, and the sum of both with its sign.
pub const CODES: [&str; 3] = ["1-0:1.7.0", "1-0:2.7.0", "1-0:16.7.0"];

/// The mean of a stretch of time.
#[derive(Debug, Clone, QueryableByName)]
pub struct Mean {
    /// OBIS code.
    #[diesel(sql_type = Text)]
    pub obis: String,
    /// As the home sends it.
    #[diesel(sql_type = Text)]
    pub unit: String,
    /// Where the stretch begins.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub at: jiff::Timestamp,
    /// Decimal, as text.
    #[diesel(sql_type = Text)]
    pub value: String,
}

/// Means of `step` since `from`, in the order of time: at most so many for each code as there are steps.
pub async fn means(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    from: jiff::Timestamp,
    until: jiff::Timestamp,
    step_seconds: u32,
) -> diesel::QueryResult<Vec<Mean>> {
    sql_query(
        "SELECT obis, unit, date_bin($4 * interval '1 second', measured_at, $2) AS at, round(avg(value), 4)::text AS value
         FROM aiida.reading
         WHERE permission_id = $1 AND sent_at >= $2 AND sent_at < $3 AND measured_at >= $2 AND measured_at < $3
           AND obis = ANY ($5)
         GROUP BY 1, 2, 3 ORDER BY 3, 1",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Timestamptz, _>(Timestamp::from(from))
    .bind::<Timestamptz, _>(Timestamp::from(until))
    .bind::<BigInt, _>(i64::from(step_seconds))
    .bind::<Array<Text>, _>(CODES.as_slice())
    .load(conn)
    .await
}
