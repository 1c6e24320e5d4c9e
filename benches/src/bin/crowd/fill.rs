//! Customers and permissions as they stand in the database when all went well, many at a time.

use benches::Answer;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use permission::PermissionId;
use storage::iam;
use uuid::Uuid;

use crate::homes::NEED;

/// A customer with one meter, whose twelve months are in: 13 windows, one day of readings.
const CUSTOMERS: &str = "
    INSERT INTO smd.authorization (id, subscription_id, authorization_uri, ticket_hash, stage, authorized_at, seen_at,
                                   customer_name, history_from, history_until, planned_at, fetched_at, released_at,
                                   exported_at, electricity_file)
    SELECT bench_id(n), n::text, 'https://custodian.example/Authorization/' || n,
           sha256(convert_to('customer-' || n, 'UTF8')), 'fetched', at, at, 'Customer ' || n, at - interval '1 year', at,
           at, at, at, at, 'customer-' || n || '.csv'
    FROM generate_series(1, {people}) AS n, LATERAL (SELECT now() - n * interval '1 minute' AS at) AS t;
    INSERT INTO smd.usage_point (authorization_id, usage_point_id)
    SELECT bench_id(n), 'meter-' || n FROM generate_series(1, {people}) AS n;
    INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at, requested_at, received_at, readings)
    SELECT bench_id(n), 'meter-' || n, w, now() - w * interval '28 days', now() - (w - 1) * interval '28 days', now(),
           now(), 2688
    FROM generate_series(1, {people}) AS n, generate_series(1, 13) AS w;
    INSERT INTO smd.series (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind, phase, tou,
                            qualifier, currency, default_quality)
    SELECT bench_id(n), 'meter-' || n, 1, 1, 72, 4, 12, 0, 0, 0, 840, 0 FROM generate_series(1, {people}) AS n;
    INSERT INTO smd.reading (series_id, starts_at, duration, value, multiplier, quality)
    SELECT s.id, date_trunc('day', now()) - q * interval '15 minutes', 900, 100 + q, 0, '{}'
    FROM smd.series s, generate_series(1, 96) AS q;";

/// An accepted permission with its events and what ten minutes of a home bring.
const PERMISSIONS: &str = "
    INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, ticket_hash, status, created_at,
                                  status_at, sent_at, starts_on, ends_on, code, aiida_id, accepted_at,
                                  first_message_at, last_message_at)
    SELECT bench_id(n), bench_id(n), 'connection-' || n, (need ->> 'id')::uuid, need,
           sha256(convert_to('household-' || n, 'UTF8')), 'ACCEPTED', at, at, at, current_date - 1, current_date + 10,
           'bundle', bench_id(n), at, now(), now()
    FROM generate_series(1, {people}) AS n, LATERAL (SELECT now() - n * interval '1 minute' AS at) AS t,
         (SELECT $need$ {need} $need$::jsonb AS need) AS d;
    INSERT INTO aiida.permission_event (permission_id, status, cause, at)
    SELECT bench_id(n), status, 'handshake', now() - n * interval '1 minute'
    FROM generate_series(1, {people}) AS n,
         unnest(ARRAY['CREATED', 'VALIDATED', 'SENT_TO_PERMISSION_ADMINISTRATOR', 'ACCEPTED']) AS status;
    INSERT INTO aiida.credential (permission_id, password_hash)
    SELECT bench_id(n), '$2b$10$' || repeat('.', 53) FROM generate_series(1, {people}) AS n;
    SELECT aiida.make_partitions(ARRAY[current_date]);
    INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
    SELECT bench_id(n), current_date + m * interval '1 second', decode(lpad(to_hex(m), 32, '0'), 'hex'), 'data',
           'smart-meter-p1-raw', '{}'
    FROM generate_series(1, {people}) AS n, generate_series(1, 60) AS m;
    INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
    SELECT permission_id, sent_at, digest, r, sent_at, CASE r WHEN 0 THEN '1-0:1.7.0' ELSE '1-0:1.8.0' END, 1.25, 'kW'
    FROM aiida.message, generate_series(0, 1) AS r;";

/// Ids that can be told from a number.
const IDS: &str = "
    CREATE FUNCTION bench_id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;";

/// The id of the n-th authorization or permission.
pub(crate) fn id(n: u64) -> Uuid {
    Uuid::from_u64_pair(0x4000, 0x8000_0000_0000_0000 | n)
}

/// Puts that many of each into the database, the rows of the broker as `mqtt-iam` makes them.
pub(crate) async fn fill(url: &str, people: i32) -> Answer<()> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    conn.batch_execute(IDS).await?;
    for rows in [CUSTOMERS, PERMISSIONS] {
        let rows = rows
            .replace("{people}", &people.to_string())
            .replace("{need}", NEED);
        conn.batch_execute(&rows).await?;
    }
    for n in 1..=u64::try_from(people)? {
        let id = PermissionId::from(id(n));
        conn.transaction(async |conn| iam::grant(conn, id).await)
            .await?;
    }
    Ok(conn
        .batch_execute("DROP FUNCTION bench_id; ANALYZE")
        .await?)
}
