//! What is stored of which age, for the operator's report. Roles: operator.

use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::NullableTimestamp;

use crate::aiida::permission::over;

/// How long each is kept, in days.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// Readings and names of Share My Data, from the export on.
    pub readings: i32,
    /// Files, from the export on.
    pub files: i32,
    /// Messages and readings of homes, by their own time.
    pub stream: i32,
    /// Permissions, from their end on.
    pub permissions: i32,
}

/// One thing that is stored.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Stored {
    /// What.
    #[diesel(sql_type = Text)]
    pub what: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// From when the oldest is.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub oldest: Option<jiff::Timestamp>,
    /// When the next of it goes; `None` while nothing of it is on a clock.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub next: Option<jiff::Timestamp>,
    /// What decides that, in words.
    #[diesel(sql_type = Text)]
    pub rule: String,
}

fn report_query() -> String {
    format!(
        "
WITH held AS (
    SELECT id, stage, authorized_at, exported_at, customer_name IS NOT NULL AS named,
           (electricity_file IS NOT NULL OR gas_file IS NOT NULL) AS filed FROM smd.authorization
), with_data AS (
    SELECT held.* FROM held
    WHERE named OR EXISTS (SELECT FROM smd.series s WHERE s.authorization_id = held.id)
       OR EXISTS (SELECT FROM smd.usage_point u WHERE u.authorization_id = held.id)
), days AS (
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'aiida.message'::regclass AND right(c.relname, 8) ~ '^[0-9]{{8}}$'
), ended AS (
    SELECT status_at FROM aiida.permission
    WHERE status IN ({over})
)
SELECT * FROM (
    SELECT 1 AS nr, 'authorizations with readings or a name' AS what, count(*) AS count, min(authorized_at) AS oldest,
           min(exported_at) FILTER (WHERE stage = 'fetched') + $1 * interval '1 day' AS next,
           $1 || ' days after the export; at once when withdrawn, replaced, failed or erased' AS rule FROM with_data
    UNION ALL
    SELECT 2, 'authorizations with files', count(*), min(exported_at), min(exported_at) + $2 * interval '1 day',
           $2 || ' days after the export' FROM held WHERE filed
    UNION ALL
    SELECT 3, 'authorizations with tokens', count(*), min(authorized_at), NULL,
           'until the custodian has confirmed the end' FROM smd.authorization WHERE access_expires_at IS NOT NULL
    UNION ALL
    SELECT 4, 'authorizations, all (ids and times)', count(*), min(authorized_at), NULL, 'kept' FROM held
    UNION ALL
    SELECT 5, 'days of homes'' messages and readings', count(*), min(day), min(day) + ($3 + 1) * interval '1 day',
           $3 || ' days after the message''s own time' FROM days WHERE day <= now()
    UNION ALL
    SELECT 6, 'permissions that have ended', count(*), min(status_at), min(status_at) + $4 * interval '1 day',
           $4 || ' days after the end, and not before their readings' FROM ended
    UNION ALL
    SELECT 7, 'permissions, all', count(*), min(created_at), NULL, 'until they end' FROM aiida.permission
    UNION ALL
    SELECT 8, 'refused messages', count(*), min(received_at), NULL, 'the last ones of each permission'
    FROM aiida.refused_message
    UNION ALL
    SELECT 9, 'completed jobs (ids only)', count(*), min(finished_at), min(finished_at) + interval '1 day', '1 day'
    FROM jobs.job WHERE state IN ('completed', 'cancelled')
    UNION ALL
    SELECT 10, 'discarded jobs (ids only)', count(*), min(finished_at), NULL, 'kept, for the operator'
    FROM jobs.job WHERE state = 'discarded'
    UNION ALL
    SELECT 11, 'lines of the audit log', count(*), min(at), NULL, 'kept' FROM audit.event
) r ORDER BY nr",
        over = over(),
    )
}

/// What is stored, how old the oldest of it is, and when the next of it goes.
pub async fn report(
    conn: &mut AsyncPgConnection,
    clocks: Clocks,
) -> diesel::QueryResult<Vec<Stored>> {
    sql_query(report_query())
        .bind::<Integer, _>(clocks.readings)
        .bind::<Integer, _>(clocks.files)
        .bind::<Integer, _>(clocks.stream)
        .bind::<Integer, _>(clocks.permissions)
        .load(conn)
        .await
}
