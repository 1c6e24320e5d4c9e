//! What the operator looks at, under the operator's role.

use serde_json::Value;
use service_kit::random::{Random as _, SystemRandom};
use uuid::Uuid;

use crate::desk::{Desk, ended};

/// An authorization with two windows, one of them in.
pub(crate) async fn customer(desk: &Desk, subscription: &str) -> Uuid {
    let id = SystemRandom.uuid();
    desk.sql(&format!(
        "INSERT INTO smd.authorization (id, subscription_id, authorization_uri, customer_name, time_zone,
                 electricity_file, planned_at, history_from, history_until, access_token, access_key_id,
                 access_expires_at)
         VALUES ('{id}', '{subscription}', 'https://custodian.example/Authorization/{subscription}', 'Ada Example', 'UTC',
                 'Ada_Example-{subscription}.csv', now(), '2026-01-01Z', '2026-01-03Z', 'sealed', 'k', now());
         INSERT INTO smd.usage_point VALUES ('{id}', 'up-{subscription}');
         INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at, received_at, readings)
         VALUES ('{id}', 'up-{subscription}', 0, '2026-01-01Z', '2026-01-02Z', now(), 2),
                ('{id}', 'up-{subscription}', 1, '2026-01-02Z', '2026-01-03Z', NULL, NULL);
         WITH s AS (INSERT INTO smd.series (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind,
                                            phase, tou, qualifier, currency, default_quality)
                    VALUES ('{id}', 'up-{subscription}', 1, 1, 72, 4, 12, 0, 0, 12, 840, 17) RETURNING id)
         INSERT INTO smd.reading (series_id, starts_at, duration, value, multiplier, quality, cost)
         SELECT id, '2026-01-01Z'::timestamptz + nr * interval '1 hour', 3600, -123456789012345 - nr, -3, '{{17,19}}', 7
         FROM s, generate_series(0, 1) AS nr"
    ))
    .await;
    id
}

/// A permission that stands at `status`.
async fn permission(desk: &Desk, status: &str) -> Uuid {
    let id = SystemRandom.uuid();
    desk.sql(&format!(
        "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, meter_id, status, accepted_at)
         VALUES ('{id}', '{id}', 'customer 7', '{id}', '{{
            \"type\": \"outbound-aiida\", \"id\": \"{id}\", \"name\": \"Near real time\", \"description\": \"d\",
            \"purpose\": \"p\", \"policyLink\": \"https://party.example/policy\",
            \"duration\": {{\"type\": \"relativeDuration\", \"start\": \"P0D\", \"end\": \"P10D\"}},
            \"transmissionSchedule\": \"*/5 * * * * *\", \"schemas\": [\"SMART-METER-P1-RAW\"],
            \"asset\": \"CONNECTION-AGREEMENT-POINT\"}}', 'meter 9', '{status}', now());
         INSERT INTO aiida.permission_event (permission_id, status, cause)
         VALUES ('{id}', 'CREATED', 'request'), ('{id}', '{status}', 'handshake')"
    ))
    .await;
    id
}

fn parsed(output: &str) -> Value {
    serde_json::from_str(output).unwrap_or_else(|error| panic!("{error}\n{output}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_listed_without_names() {
    let desk = Desk::new().await;
    let id = customer(&desk, "100").await;
    let said = desk.run(&["customers", "list"], &[]).await;
    assert!(said.ok, "{}", said.output);
    for text in [&id.to_string(), "fetching", "1/2", "100"] {
        assert!(said.output.contains(text), "{text}\n{}", said.output);
    }
    assert!(!said.output.contains("Ada"), "{}", said.output);
    let said = desk
        .run(
            &[
                "customers",
                "list",
                "--names",
                "--json",
                "--stage",
                "fetching",
            ],
            &[],
        )
        .await;
    let rows = parsed(&said.output);
    assert_eq!(rows[0]["authorization"], id.to_string());
    assert_eq!(rows[0]["name"], "Ada Example");
    let said = desk
        .run(&["customers", "list", "--stage", "failed", "--json"], &[])
        .await;
    assert_eq!(parsed(&said.output), Value::Array(Vec::new()));

    let said = desk.run(&["customers", "show", "100"], &[]).await;
    assert!(
        said.ok && said.output.contains("has_files"),
        "{}",
        said.output
    );
    assert!(!said.output.contains("Ada"), "{}", said.output);
    let said = desk
        .run(&["customers", "show", &id.to_string(), "--names"], &[])
        .await;
    assert!(
        said.output.contains("Ada_Example-100.csv"),
        "{}",
        said.output
    );
    let said = desk.run(&["customers", "show", "999"], &[]).await;
    assert!(
        !said.ok && said.output.contains("nobody is known"),
        "{}",
        said.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_listed_and_their_history_told() {
    let desk = Desk::new().await;
    let id = permission(&desk, "ACCEPTED").await;
    let other = permission(&desk, "REVOKED").await;
    let said = desk
        .run(&["permissions", "list", "--status", "ACCEPTED"], &[])
        .await;
    assert!(
        said.ok && said.output.contains(&id.to_string()),
        "{}",
        said.output
    );
    for hidden in [other.to_string().as_str(), "customer 7", "meter 9"] {
        assert!(!said.output.contains(hidden), "{hidden}\n{}", said.output);
    }
    let arguments = [
        "permissions",
        "list",
        "--connection",
        "customer 7",
        "--names",
        "--json",
    ];
    let rows = parsed(&desk.run(&arguments, &[]).await.output);
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[0]["meter"], "meter 9");
    let said = desk
        .run(&["permissions", "show", &id.to_string()], &[])
        .await;
    assert!(
        said.ok && said.output.contains("Near real time"),
        "{}",
        said.output
    );
    let said = desk
        .run(&["permissions", "events", &id.to_string(), "--json"], &[])
        .await;
    let events = parsed(&said.output);
    assert_eq!(
        (&events[1]["status"], &events[1]["cause"]),
        (&"ACCEPTED".into(), &"handshake".into())
    );
    let said = desk
        .run(&["permissions", "events", "--limit", "3", "--json"], &[])
        .await;
    assert_eq!(parsed(&said.output).as_array().unwrap().len(), 3);
    let nobody = SystemRandom.uuid().to_string();
    let said = desk.run(&["permissions", "show", &nobody], &[]).await;
    assert!(
        !said.ok && said.output.contains("there is no permission"),
        "{}",
        said.output
    );
}

/// The command asks; the permission service ends. Here a hand stands in for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_terminated_by_its_service() {
    let desk = Desk::new().await;
    let id = permission(&desk, "ACCEPTED").await.to_string();
    let process = desk.start(&["permissions", "terminate", &id], &[]);
    let waiting =
        "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.terminate' AND state = 'available'";
    desk.until(waiting, "1").await;
    desk.sql(&format!(
        "UPDATE aiida.permission SET status = 'REQUIRES_EXTERNAL_TERMINATION' WHERE id = '{id}';
         SELECT jobs.finish(id, lease_token, 'completed', NULL, NULL, 0) FROM jobs.claim('aiida.terminate', 1)"
    ))
    .await;
    let said = ended(process).await;
    let line = format!("permission {id} is REQUIRES_EXTERNAL_TERMINATION");
    assert!(said.ok && said.output.contains(&line), "{}", said.output);
    let audited = "SELECT string_agg(action, ' ') FROM audit.event";
    assert_eq!(
        desk.text(audited).await.as_deref(),
        Some("aiida.permission.terminate_requested")
    );
    let said = desk.run(&["permissions", "terminate", &id], &[]).await;
    assert!(
        !said.ok && said.output.contains("only one that is ACCEPTED"),
        "{}",
        said.output
    );

    let away = permission(&desk, "ACCEPTED").await.to_string();
    let arguments = ["permissions", "terminate", &away, "--wait-seconds", "1"];
    let said = desk.run(&arguments, &[]).await;
    assert!(
        !said.ok && said.output.contains("as soon as aiida-permission runs"),
        "{}",
        said.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_and_what_was_erased_is_reported() {
    let desk = Desk::new().await;
    let id = customer(&desk, "100").await;
    desk.sql(&format!(
        "UPDATE smd.authorization SET stage = 'fetched', exported_at = '2026-01-05T00:00:00Z' WHERE id = '{id}';
         INSERT INTO audit.event (action, subject) VALUES ('smd.erased', '{id}'), ('smd.exported', '{id}')"
    ))
    .await;
    let said = desk
        .run(
            &["retention", "--json"],
            &[("METERGATE_RETENTION_READINGS_DAYS", "10")],
        )
        .await;
    assert!(said.ok, "{}", said.output);
    let report = parsed(&said.output);
    let stored = report["stored"].as_array().unwrap();
    let data = &stored[0];
    assert_eq!(data["what"], "authorizations with readings or a name");
    assert_eq!(
        (&data["count"], &data["next_goes"]),
        (&1.into(), &"2026-01-15T00:00:00Z".into())
    );
    assert_eq!(stored[1]["next_goes"], "2026-04-05T00:00:00Z");
    assert_eq!(report["erasures"].as_array().unwrap().len(), 1);
    let said = desk.run(&["retention"], &[]).await;
    assert!(
        said.ok && said.output.contains("The last erasures"),
        "{}",
        said.output
    );
    assert!(!said.output.contains("Ada"), "{}", said.output);

    let said = desk
        .run(
            &[
                "audit",
                "--since",
                "1h",
                "--subject",
                &id.to_string(),
                "--json",
            ],
            &[],
        )
        .await;
    assert_eq!(parsed(&said.output).as_array().unwrap().len(), 2);
    let said = desk.run(&["audit", "--action", "smd.exported"], &[]).await;
    assert!(
        said.ok && said.output.lines().count() == 2,
        "{}",
        said.output
    );
    let said = desk.run(&["audit", "--since", "2999-01-01"], &[]).await;
    assert!(
        said.ok && said.output.lines().count() == 1,
        "{}",
        said.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_keys_are_tables_too() {
    let desk = Desk::new().await;
    let said = desk.run(&["api-keys", "add", "the tests"], &[]).await;
    assert!(
        said.ok && said.output.starts_with("mgk_"),
        "{}",
        said.output
    );
    let keys = parsed(&desk.run(&["api-keys", "list", "--json"], &[]).await.output);
    assert_eq!(keys[0]["name"], "the tests");
    desk.sql("SELECT jobs.enqueue('{smd.fetch}', '{\"{}\"}', '{x}', '{60000}', '{0}', NULL)")
        .await;
    let jobs = parsed(
        &desk
            .run(&["jobs", "list", "--json", "--kind", "smd.fetch"], &[])
            .await
            .output,
    );
    let id = jobs[0]["id"].to_string();
    let said = desk.run(&["jobs", "show", &id], &[]).await;
    assert!(
        said.ok && said.output.contains("smd.fetch"),
        "{}",
        said.output
    );
}
