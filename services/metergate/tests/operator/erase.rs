//! `metergate erase` on the side of AIIDA, while mqtt-iam and aiida-stream are at work or away.

use service_kit::random::{Random as _, SystemRandom};
use uuid::Uuid;

use crate::desk::{Desk, ended};

/// Everything that there can be of a permission.
pub(crate) async fn permission(desk: &Desk, connection: &str) -> Uuid {
    let id = SystemRandom.uuid();
    desk.sql(&format!(
        "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, accepted_at)
         VALUES ('{id}', '{id}', '{connection}', '{id}', '{{}}', 'ACCEPTED', now());
         INSERT INTO aiida.permission_event (permission_id, status, cause) VALUES ('{id}', 'ACCEPTED', 'handshake');
         INSERT INTO aiida.credential (permission_id, password_hash) VALUES ('{id}', 'x');
         INSERT INTO aiida.outgoing (id, permission_id, kind, name, payload)
         VALUES (gen_random_uuid(), '{id}', 'command', 'TERMINATE', 'x');
         INSERT INTO aiida.aiida_mqtt_user (username, password_hash, permission_id) VALUES ('{id}', 'x', '{id}');
         INSERT INTO aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)
         VALUES ('{id}', 'PUBLISH', 'ALLOW', 'aiida/v1/{id}/status', '{id}');
         INSERT INTO aiida.refusal (permission_id, reason, messages, last_at) VALUES ('{id}', 'schema', 1, now());
         INSERT INTO aiida.refused_message (permission_id, topic, reason, payload)
         VALUES ('{id}', 'aiida/v1/{id}/status', 'schema', 'x')"
    ))
    .await;
    message(desk, id, 1).await;
    id
}

/// A message with two readings, of so many days ago.
async fn message(desk: &Desk, id: Uuid, days: i32) {
    desk.sql(&format!(
        "SELECT aiida.make_partitions(ARRAY[((now() - interval '{days} days') AT TIME ZONE 'UTC')::date]);
         INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
         VALUES ('{id}', now() - interval '{days} days', '\\x01', 'data', 'OPAQUE', 'x');
         INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
         SELECT '{id}', now() - interval '{days} days', '\\x01', nr, now(), '1-0:1.7.0', 0.5, 'kW'
         FROM generate_series(1, 2) AS nr"
    ))
    .await;
}

/// Rows that name a permission, in every table that has such a column.
async fn rows(desk: &Desk, id: Uuid) -> String {
    desk.text(&format!(
        "SELECT (SELECT count(*) FROM aiida.permission WHERE id = '{id}')
              + (SELECT count(*) FROM aiida.permission_event WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.credential WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.outgoing WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.aiida_mqtt_user WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.aiida_mqtt_acl WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.refusal WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.refused_message WHERE topic LIKE '%{id}%')
              + (SELECT count(*) FROM aiida.message WHERE permission_id = '{id}')
              + (SELECT count(*) FROM aiida.reading WHERE permission_id = '{id}')"
    ))
    .await
    .unwrap()
}

/// Ends the jobs of a kind that wait, as the service that runs it does.
async fn end(desk: &Desk, kind: &str) {
    desk.sql(&format!(
        "UPDATE jobs.job SET run_at = now() WHERE kind = '{kind}';
         SELECT jobs.finish(id, lease_token, 'completed', NULL, NULL, 0) FROM jobs.claim('{kind}', 10)"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_customer_is_left_and_everything_of_the_others() {
    let desk = Desk::new().await;
    let (one, two) = (
        permission(&desk, "customer 7").await,
        permission(&desk, "customer 7").await,
    );
    message(&desk, one, 3).await;
    let other = permission(&desk, "customer 8").await;
    // Either name finds all of the customer's.
    let process = desk.start(&["erase", &two.to_string()], &[]);
    let waiting =
        "SELECT count(*) FROM jobs.job WHERE kind = 'mqtt.revoke' AND state = 'available'";
    desk.until(waiting, "2").await;
    assert_eq!(rows(&desk, one).await, "0");
    end(&desk, "mqtt.revoke").await;
    let ended = ended(process).await;
    assert!(ended.ok, "{}", ended.output);
    for line in [
        "erased from the database: 2 permissions, 3 messages, 6 readings, 2 refused messages",
        "the broker is clear of the homes",
    ] {
        assert!(ended.output.contains(line), "{line}:\n{}", ended.output);
    }
    assert!(!ended.output.contains("files"), "{}", ended.output);
    for id in [one, two] {
        assert_eq!(rows(&desk, id).await, "0");
    }
    assert_eq!(rows(&desk, other).await, "11");
    // Who, what and when, without a name.
    let audited = format!(
        "SELECT string_agg(action || ' ' || detail::text, ' ' ORDER BY id) FROM audit.event WHERE subject = '{one}'"
    );
    let audited = desk.text(&audited).await.unwrap();
    assert_eq!(audited.matches("aiida.erased").count(), 1, "{audited}");
    assert!(!audited.contains("customer"), "{audited}");
}

/// What others have to do is said, and erasing once more, by the permission's id, finds what has come meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_erased_also_while_mqtt_iam_is_away() {
    let desk = Desk::new().await;
    let id = permission(&desk, "customer 7").await;
    let said = desk
        .run(&["erase", "customer 7", "--wait-seconds", "1"], &[])
        .await;
    assert!(said.ok, "{}", said.output);
    let line = "mqtt-iam does it when it runs";
    assert!(said.output.contains(line), "{}", said.output);
    assert_eq!(rows(&desk, id).await, "0");
    message(&desk, id, 0).await;
    let process = desk.start(&["erase", &id.to_string()], &[]);
    desk.until(
        &format!("SELECT count(*) FROM aiida.message WHERE permission_id = '{id}'"),
        "0",
    )
    .await;
    end(&desk, "mqtt.revoke").await;
    let said = ended(process).await;
    assert!(said.ok, "{}", said.output);
    assert_eq!(rows(&desk, id).await, "0");
    let said = desk.run(&["erase", &id.to_string()], &[]).await;
    assert!(
        !said.ok && said.output.contains("nobody is known by"),
        "{}",
        said.output
    );
}

/// A name may be a subscription id here and, of somebody else, a connection id there.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_both_sides_know_erases_nobody() {
    let desk = Desk::new().await;
    let permission = permission(&desk, "4711").await;
    let authorization = SystemRandom.uuid();
    desk.sql(&format!(
        "INSERT INTO smd.authorization (id, subscription_id, customer_name) VALUES ('{authorization}', '4711', 'Ada')"
    ))
    .await;
    let said = desk
        .run(&["erase", "4711", "--wait-seconds", "1"], &[])
        .await;
    let remedy = "give our id of the authorization, or the id of a permission";
    assert!(!said.ok && said.output.contains(remedy), "{}", said.output);
    let kept = rows(&desk, permission).await;
    assert_ne!(kept, "0");

    let own = authorization.to_string();
    let said = desk.run(&["erase", &own, "--wait-seconds", "1"], &[]).await;
    assert!(
        said.ok
            && said
                .output
                .contains(&format!("erased from the database: {own}"))
            && said.output.contains("csv-exporter does it when it runs"),
        "{}",
        said.output
    );
    assert_eq!(rows(&desk, permission).await, kept);
    let tombstone = format!(
        "SELECT concat_ws(' ', stage, customer_name) FROM smd.authorization WHERE id = '{own}'"
    );
    assert_eq!(desk.text(&tombstone).await.as_deref(), Some("erased"));
}

/// As the customer reads it from the last page, and tells it.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_found_and_erased_by_the_receipt_number() {
    let desk = Desk::new().await;
    desk.sql(
        "INSERT INTO smd.authorization (id, subscription_id, customer_name)
         VALUES ('1f3a90bc-77d2-4e5f-8000-123456789abc', '4711', 'Ada'),
                ('1f3a90bc-77d3-4e5f-8000-123456789abc', '4712', 'Bea')",
    )
    .await;
    for typed in ["MG-1F3A-90BC-77D2", "mg 1f3a 90bc 77d2"] {
        let said = desk
            .run(&["customers", "show", typed, "--names"], &[])
            .await;
        assert!(said.ok && said.output.contains("Ada"), "{}", said.output);
        assert!(!said.output.contains("Bea"), "{}", said.output);
    }
    let said = desk.run(&["erase", "MG-1F3A-90BC-77D4"], &[]).await;
    assert!(!said.ok, "nobody's number: {}", said.output);
    let said = desk
        .run(&["erase", "MG-1F3A-90BC-77D2", "--wait-seconds", "1"], &[])
        .await;
    let erased = "erased from the database: 1f3a90bc-77d2-4e5f-8000-123456789abc";
    assert!(said.ok && said.output.contains(erased), "{}", said.output);
    let names =
        "SELECT string_agg(coalesce(customer_name, stage), ' ' ORDER BY id) FROM smd.authorization";
    assert_eq!(desk.text(names).await.as_deref(), Some("erased Bea"));
}
