//! Made-up customers and homes, with markup wherever strangers can write.

/// An authorization whose files are written.
pub(crate) const CUSTOMER: &str = "11111111-1111-4111-8111-111111111111";
/// A permission that was accepted and sends.
pub(crate) const PERMISSION: &str = "22222222-2222-4222-8222-222222222222";
/// What whoever may write something might write.
pub(crate) const MARKUP: &str = "<script>document.title='owned'</script><b onclick=x>";

const STEM: &str = "Jane-Example-7000001-20260102T030405Z";

/// Files in the download folder.
pub(crate) const FILES: [(&str, &str); 6] = [
    (
        "Jane-Example-7000001-20260102T030405Z-electricity.csv",
        "a,b\n1,2\n",
    ),
    ("Jane-Example-7000001-20260102T030405Z-gas.csv", "a,b\n"),
    (
        "Jane-Example-7000001-20260102T030405Z-report.html",
        "<!doctype html><html lang=en><title>A report</title><style>h1 { color: green; }</style><h1>Report</h1><script>document.title = 'owned'</script>",
    ),
    (
        "Jane-Example-7000001-20260102T030405Z-readme.txt",
        "What the columns are.\n",
    ),
    (
        "Otto-Muster-7000002-20260203T040506Z-electricity.csv",
        "a,b\n",
    ),
    ("<img src=x onerror=alert(1)>.csv", "a\n"),
];

/// Rows of everything that the console shows, and enough customers for two pages.
pub(crate) fn rows() -> String {
    let markup = MARKUP.replace('\'', "''");
    format!(
        "INSERT INTO smd.authorization (id, subscription_id, authorization_uri, stage, authorized_at, customer_name,
             planned_at, history_from, history_until, fetched_at, released_at, exported_at, electricity_file, gas_file)
         VALUES ('{CUSTOMER}', '7000001', 'https://custodian.example/1', 'fetched', '2026-01-02T03:04:05.5Z',
             'Jane Example', '2026-01-02T03:05:00Z', '2025-01-01T08:00:00Z', '2025-12-28T08:00:00Z', '2026-01-02T03:09:00Z',
             '2026-01-02T03:10:00Z', now() - interval '3 days', '{STEM}-electricity.csv', '{STEM}-gas.csv');
         INSERT INTO smd.usage_point VALUES ('{CUSTOMER}', 'up-7');
         INSERT INTO smd.authorization (id, subscription_id, stage, failure, authorized_at, customer_name, released_at)
         VALUES ('11111111-1111-4111-8111-111111111112', '7000002', 'failed', 'PG&E has not answered for two days. {markup}',
             now() - interval '2 days', 'Otto Muster {markup}', now());
         INSERT INTO smd.authorization (id, subscription_id, stage, authorized_at, customer_name)
         VALUES ('11111111-1111-4111-8111-111111111113', '7000003', 'fetching', now() - interval '2 minutes', 'Ana Ejemplo');
         INSERT INTO smd.usage_point VALUES ('11111111-1111-4111-8111-111111111113', 'up-8');
         INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at, received_at, readings)
         SELECT '11111111-1111-4111-8111-111111111113', 'up-8', n, now() - n * interval '28 days',
             now() - (n - 1) * interval '28 days', CASE WHEN n < 6 THEN now() END, CASE WHEN n < 6 THEN 7 END
         FROM generate_series(1, 13) n;
         INSERT INTO smd.authorization (id, subscription_id, stage, authorized_at, customer_name, released_at, exported_at)
         SELECT md5('made up ' || n)::uuid, (7000100 + n)::text, 'fetched', now() - n * interval '7 hours', 'Made Up ' || n,
             now() - n * interval '7 hours', now() - n * interval '7 hours' FROM generate_series(1, 70) n;
         INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, meter_id, status, accepted_at,
             granted_at, status_at, sent_at, created_at, starts_on, ends_on, first_message_at, last_message_at)
         SELECT CASE n WHEN 0 THEN '{PERMISSION}' ELSE md5('permission ' || n)::uuid END, md5('request ' || n)::uuid,
             CASE n WHEN 0 THEN 'house-17' WHEN 1 THEN 'house-1 {markup}' ELSE 'house-' || n END,
             '7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e05', need, 'meter-' || n,
             CASE n % 4 WHEN 0 THEN 'ACCEPTED' WHEN 1 THEN 'SENT_TO_PERMISSION_ADMINISTRATOR' WHEN 2 THEN 'REJECTED'
                 ELSE 'FULFILLED' END,
             now(), now(), now(), now(), now() - n * interval '1 hour', current_date, current_date + 300, now(), now()
         FROM (SELECT jsonb_build_object('type', 'outbound-aiida', 'id', '7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e05',
             'name', 'Power, live', 'description', 'd', 'purpose', 'p', 'policyLink', 'https://party.example/privacy',
             'duration', jsonb_build_object('type', 'relativeDuration', 'start', 'P0D', 'end', 'P1Y'),
             'transmissionSchedule', '*/5 * * * * *', 'schemas', jsonb_build_array('SMART-METER-P1-RAW'),
             'asset', 'CONNECTION-AGREEMENT-POINT', 'dataTags', jsonb_build_array('1-0:1.7.0')) AS need) d,
             generate_series(0, 11) n;
         INSERT INTO aiida.permission_event (permission_id, status, at, cause, detail)
         VALUES ('{PERMISSION}', 'CREATED', now() - interval '3 hours', 'request', NULL),
                ('{PERMISSION}', 'VALIDATED', now() - interval '3 hours', 'request', NULL),
                ('{PERMISSION}', 'SENT_TO_PERMISSION_ADMINISTRATOR', now() - interval '3 hours', 'request', NULL),
                ('{PERMISSION}', 'ACCEPTED', now() - interval '2 hours', 'handshake', '{markup}');
         SELECT aiida.make_partitions(ARRAY[(now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date,
             (now() AT TIME ZONE 'UTC')::date + 1]);
         INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
         SELECT '{PERMISSION}', t, '\\x00', o.nr, t, o.obis,
             round((CASE o.nr WHEN 0 THEN greatest(0, 1.2 + sin(extract(epoch FROM t) / 90))
                              ELSE greatest(0, -1.2 - 2 * sin(extract(epoch FROM t) / 90)) END)::numeric, 3), 'kW'
         FROM generate_series(now() - interval '5 hours', now(), interval '5 seconds') t,
             (VALUES (0, '1-0:1.7.0'), (1, '1-0:2.7.0')) o (nr, obis)
         WHERE t NOT BETWEEN now() - interval '9 minutes' AND now() - interval '5 minutes';
         INSERT INTO aiida.refusal VALUES ('{PERMISSION}', 'schema', 3, now());
         INSERT INTO aiida.refused_message (permission_id, topic, reason, payload)
         SELECT '{PERMISSION}', 'aiida/v1/{PERMISSION}/data/outbound/smart-meter-p1-raw', 'payload',
             convert_to('{{\"timestamp\": \"yesterday\", \"values\": [{{\"dataTag\": \"{markup}\"}}]}}' || chr(27) || '[31m', 'UTF8')
         FROM generate_series(1, 30);
         INSERT INTO jobs.job (kind, payload, state, run_at, max_attempts, attempt, errors, finished_at, unique_key)
         SELECT 'smd.fetch', jsonb_build_object('authorization', '11111111-1111-4111-8111-111111111112'), 'discarded',
             now() - interval '1 hour', 5, 5, ARRAY['attempt 4: the custodian answered 503', 'attempt 5: {markup}'],
             now(), '11111111-1111-4111-8111-111111111112' FROM generate_series(1, 2) n;
         INSERT INTO jobs.job (kind, payload, state, run_at, max_attempts)
         SELECT 'smd.collect', '{{}}', 'available', now() + n * interval '1 day', 5 FROM generate_series(1, 60) n;
         INSERT INTO audit.event (action, subject, detail) VALUES ('smd.exported', '{CUSTOMER}', '{{\"rows\": 35040}}')"
    )
}
