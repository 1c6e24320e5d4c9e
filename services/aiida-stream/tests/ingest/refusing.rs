//! What is not stored: each message is held against the permission of its topic.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Grant, Publisher, World, raw, raw_at, status, values};

fn changed(record: &[u8], key: &str, value: &Value) -> String {
    let mut record: Value = serde_json::from_slice(record).unwrap();
    record[key] = value.clone();
    record.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_is_counted_and_nothing_is_stored() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let other = Grant::outbound().store(&world).await;
    let ended = Grant {
        status: "REVOKED",
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let over = Grant {
        ends: Some(-2),
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let early = Grant {
        starts: 2,
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let young = Grant {
        starts: -1,
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let mut inbound = Grant::outbound().schemas(&["OPAQUE"]);
    inbound.data_need["type"] = json!("inbound-aiida");
    let inbound = inbound.store(&world).await;
    let unknown = Grant::outbound();
    let hours = SignedDuration::from_hours;
    let record = raw(&grant, 1);
    let (elsewhere, need) = (json!(other.id), &other.data_need["id"]);
    let cases: Vec<(&str, String, Vec<u8>)> = vec![
        (
            "topic",
            grant.topic("data/outbound/unheard-of"),
            record.clone(),
        ),
        ("unknown-permission", unknown.data(), raw(&unknown, 1)),
        ("not-live", ended.data(), raw(&ended, 1)),
        ("outside-time-frame", over.data(), raw(&over, 1)),
        ("outside-time-frame", early.data(), raw(&early, 1)),
        (
            "outside-time-frame",
            young.data(),
            raw_at(&young, 1, hours(-72)),
        ),
        ("schema", grant.topic("data/outbound/opaque"), b"x".to_vec()),
        (
            "schema",
            grant.topic("acknowledgement/acknowledgement-cim-v1-12"),
            b"{}".to_vec(),
        ),
        (
            "inbound",
            inbound.topic("data/outbound/opaque"),
            b"x".to_vec(),
        ),
        (
            "other-permission",
            grant.data(),
            changed(&record, "permissionId", &elsewhere).into(),
        ),
        (
            "other-connection",
            grant.data(),
            changed(&record, "connectionId", &json!("customer-2")).into(),
        ),
        (
            "other-data-need",
            grant.data(),
            changed(&record, "dataNeedId", need).into(),
        ),
        ("malformed", grant.data(), b"{".to_vec()),
        ("malformed", grant.data(), b"\xff\x00".to_vec()),
        ("malformed", grant.data(), Vec::new()),
        (
            "malformed",
            grant.data(),
            changed(&record, "values", &json!("none")).into(),
        ),
        ("too-large", grant.data(), vec![b' '; 131_073]),
        ("too-many-values", grant.data(), values(&grant, 101)),
        (
            "future",
            grant.data(),
            raw_at(&grant, 1, SignedDuration::from_mins(11)),
        ),
        ("too-old", grant.data(), raw_at(&grant, 1, hours(-24 * 91))),
        ("status", grant.topic("status"), status(&grant, "ACCEPTED")),
        ("malformed", grant.topic("status"), status(&grant, "ASLEEP")),
        (
            "other-permission",
            grant.topic("status"),
            status(&other, "REVOKED"),
        ),
        (
            "unknown-permission",
            unknown.topic("status"),
            status(&unknown, "REVOKED"),
        ),
    ];
    let _replica = world
        .replica_with(&[("--aiida-stream-message-values", "100")])
        .await;
    let publisher = world.broker.publisher();
    for (_, topic, payload) in &cases {
        publisher.send(topic, payload.clone()).await;
    }
    // One that is fine, behind all of them.
    publisher.send(&grant.data(), record).await;
    world.until_stored(1).await;

    let mut expected: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for (reason, topic, _) in &cases {
        // The broker of the tests takes any topic; a schema that nobody knows is a schema that is not covered.
        let reason = if topic.ends_with("unheard-of") {
            "schema"
        } else {
            reason
        };
        *expected.entry(reason).or_default() += 1;
    }
    let found = summed(world.refusals().await);
    assert_eq!(
        found,
        expected
            .into_iter()
            .map(|(reason, n)| (reason.to_owned(), n))
            .collect()
    );
    assert_eq!(
        world
            .number("SELECT count(*) FROM jobs.job WHERE kind = 'aiida.status'")
            .await,
        0
    );
    kept(&world, &grant, cases.len()).await;
}

fn summed(refusals: Vec<(String, i64)>) -> std::collections::BTreeMap<String, i64> {
    let mut sums = std::collections::BTreeMap::new();
    for (reason, n) in refusals {
        *sums.entry(reason).or_default() += n;
    }
    sums
}

/// What the operator can look at.
async fn kept(world: &World, grant: &Grant, cases: usize) {
    let all = i64::try_from(cases).unwrap();
    assert_eq!(
        world
            .number("SELECT count(*) FROM aiida.refused_message")
            .await,
        all
    );
    let largest = "SELECT max(length(payload)) FROM aiida.refused_message";
    assert_eq!(world.number(largest).await, 4096);
    let unbound = "SELECT count(*) FROM aiida.refused_message WHERE permission_id IS NULL AND reason <> 'unknown-permission'";
    assert_eq!(world.number(unbound).await, 0);
    let own = format!(
        "SELECT count(*) FROM aiida.refused_message WHERE permission_id = '{}' AND topic NOT LIKE '%{0}%'",
        grant.id
    );
    assert_eq!(world.number(&own).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_effective_within_seconds() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    publisher.send(&grant.data(), raw(&grant, 0)).await;
    world.until_stored(1).await;
    world
        .sql("UPDATE aiida.permission SET status = 'REVOKED'")
        .await;
    let changed = std::time::Instant::now();
    let mut number = 1;
    while world.refusals().await.is_empty() {
        assert!(
            changed.elapsed().as_secs() < 6,
            "data of a revoked permission is still taken"
        );
        publisher.send(&grant.data(), raw(&grant, number)).await;
        number += 1;
    }
    assert_eq!(world.refusals().await[0].0, "not-live");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_counted_to_the_last_and_kept_in_small_number() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    flood(&publisher, &grant.data(), 500).await;
    let unknown = Grant::outbound();
    flood(&publisher, &unknown.data(), 300).await;
    world.until_refused("malformed", 500).await;
    world.until_refused("unknown-permission", 300).await;
    // Pruned once a second, with the next refused message.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    flood(&publisher, &grant.data(), 1).await;
    world
        .until("SELECT count(*) FROM aiida.refused_message", 40)
        .await;
    let of_one = format!(
        "SELECT count(*) FROM aiida.refused_message WHERE permission_id = '{}'",
        grant.id
    );
    assert_eq!(world.number(&of_one).await, 20);
    let last = "SELECT count(*) FROM aiida.refused_message
        WHERE id = (SELECT max(id) FROM aiida.refused_message) AND payload = 'number 0'";
    assert_eq!(world.number(last).await, 1, "the last ones are kept");
}

async fn flood(publisher: &Publisher, topic: &str, messages: u32) {
    let payloads = (0..messages).map(|n| format!("number {n}").into_bytes());
    publisher.send_all(topic, payloads.collect()).await;
}
