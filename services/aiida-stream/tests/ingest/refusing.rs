//! What is not stored: each message is held against the permission of its topic.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use test_support::wait;

use crate::harness::{DEADLINE, Grant, Publisher, World, raw, raw_at, status, values};

fn changed(record: &[u8], key: &str, value: &Value) -> String {
    let mut record: Value = serde_json::from_slice(record).unwrap();
    record[key] = value.clone();
    record.to_string()
}

/// Reason, topic, payload.
type Case = (&'static str, String, Vec<u8>);

/// Refused for what the permission of the topic is.
async fn by_permission(world: &World) -> Vec<Case> {
    let with = |change: fn(&mut Grant)| {
        let mut grant = Grant::outbound();
        change(&mut grant);
        grant.store(world)
    };
    let ended = with(|grant| grant.status = "REVOKED").await;
    let waiting = with(|grant| grant.status = "SENT_TO_PERMISSION_ADMINISTRATOR").await;
    let over = with(|grant| grant.ends = Some(-2)).await;
    let early = with(|grant| grant.starts = 2).await;
    let young = with(|grant| grant.starts = -1).await;
    let inbound = with(|grant| {
        grant.data_need["schemas"] = json!(["OPAQUE"]);
        grant.data_need["type"] = json!("inbound-aiida");
    })
    .await;
    let unknown = Grant::outbound();
    let earlier = SignedDuration::from_hours(-72);
    vec![
        ("unknown-permission", unknown.data(), raw(&unknown, 1)),
        (
            "unknown-permission",
            unknown.topic("status"),
            status(&unknown, "REVOKED"),
        ),
        ("not-live", ended.data(), raw(&ended, 1)),
        ("not-live", waiting.data(), raw(&waiting, 1)),
        ("outside-time-frame", over.data(), raw(&over, 1)),
        ("outside-time-frame", early.data(), raw(&early, 1)),
        (
            "outside-time-frame",
            young.data(),
            raw_at(&young, 1, earlier),
        ),
        (
            "inbound",
            inbound.topic("data/outbound/opaque"),
            b"x".to_vec(),
        ),
    ]
}

/// Refused for what they are, though the permission is in order.
fn by_message(grant: &Grant, other: &Grant) -> Vec<Case> {
    let record = raw(grant, 1);
    let change = |key: &str, value: &Value| changed(&record, key, value).into_bytes();
    let (data, said) = (grant.data(), grant.topic("status"));
    let acknowledgement = grant.topic("acknowledgement/acknowledgement-cim-v1-12");
    let later = SignedDuration::from_mins(11);
    let long_ago = SignedDuration::from_hours(-24 * 91);
    vec![
        // A schema that nobody knows is one that the data need does not cover.
        (
            "schema",
            grant.topic("data/outbound/unheard-of"),
            record.clone(),
        ),
        ("schema", grant.topic("data/outbound/opaque"), b"x".to_vec()),
        ("schema", acknowledgement, b"{}".to_vec()),
        (
            "other-permission",
            data.clone(),
            change("permissionId", &json!(other.id)),
        ),
        (
            "other-connection",
            data.clone(),
            change("connectionId", &json!("customer-2")),
        ),
        (
            "other-data-need",
            data.clone(),
            change("dataNeedId", &other.data_need["id"]),
        ),
        ("malformed", data.clone(), b"{".to_vec()),
        ("malformed", data.clone(), b"\xff\x00".to_vec()),
        ("malformed", data.clone(), Vec::new()),
        ("malformed", data.clone(), change("values", &json!("none"))),
        ("too-large", data.clone(), vec![b' '; 131_073]),
        ("too-many-values", data.clone(), values(grant, 101)),
        ("future", data.clone(), raw_at(grant, 1, later)),
        ("too-old", data, raw_at(grant, 1, long_ago)),
        ("status", said.clone(), status(grant, "ACCEPTED")),
        ("malformed", said.clone(), status(grant, "ASLEEP")),
        ("other-permission", said, status(other, "REVOKED")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_is_counted_and_nothing_is_stored() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let other = Grant::outbound().store(&world).await;
    let mut cases = by_permission(&world).await;
    cases.extend(by_message(&grant, &other));
    let _replica = world
        .replica_with(&[("--aiida-stream-message-values", "100")])
        .await;
    let publisher = world.broker.publisher();
    for (_, topic, payload) in &cases {
        publisher.send(topic, payload.clone()).await;
    }
    // One that is fine, behind all of them.
    publisher.send(&grant.data(), raw(&grant, 2)).await;
    world.until_stored(1).await;

    let mut expected = BTreeMap::new();
    for (reason, _, _) in &cases {
        *expected.entry((*reason).to_owned()).or_insert(0) += 1;
    }
    assert_eq!(summed(world.refusals().await), expected);
    let jobs = "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.status'";
    assert_eq!(world.number(jobs).await, 0);
    let nobodys = expected["unknown-permission"];
    kept(
        &world,
        &grant,
        i64::try_from(cases.len()).unwrap() - nobodys,
    )
    .await;
}

fn summed(refusals: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for (reason, n) in refusals {
        *sums.entry(reason).or_default() += n;
    }
    sums
}

/// What the operator can look at: all but what came under a permission that nobody has, which may be one that was erased.
async fn kept(world: &World, grant: &Grant, all: i64) {
    assert_eq!(
        world
            .number("SELECT count(*) FROM aiida.refused_message")
            .await,
        all
    );
    let largest = "SELECT max(length(payload)) FROM aiida.refused_message";
    assert_eq!(world.number(largest).await, 4096);
    let unbound = "SELECT count(*) FROM aiida.refused_message WHERE permission_id IS NULL";
    assert_eq!(world.number(unbound).await, 0);
    let own = format!(
        "SELECT count(*) FROM aiida.refused_message WHERE permission_id = '{}' AND topic NOT LIKE '%{0}%'",
        grant.id
    );
    assert_eq!(world.number(&own).await, 0);
}

/// The document is of now; what it says was measured is not.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_outside_the_permission_is_refused_whatever_the_document_says() {
    let world = World::start().await;
    let mut grant = Grant::outbound().schemas(&["SMART-METER-P1-CIM-V1-12"]);
    grant.starts = -1;
    let grant = grant.store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    let topic = grant.topic("data/outbound/smart-meter-p1-cim-v1-12");
    let now = SystemClock.now();
    let hours = |hours| (now + SignedDuration::from_hours(hours)).to_string();
    for (times, reason) in [
        ([hours(0), hours(1)], "future"),
        ([hours(0), "9999-12-30T00:00:00Z".to_owned()], "future"),
        ([hours(0), hours(-24 * 91)], "too-old"),
        // Before the household agreed.
        ([hours(-72), hours(0)], "outside-time-frame"),
    ] {
        publisher
            .send(&topic, measured_at(&now.to_string(), &times))
            .await;
        let counted = format!("SELECT count(*) FROM aiida.refusal WHERE reason = '{reason}'");
        world.until(&counted, 1).await;
    }
    let times = [hours(0), now.to_string()];
    publisher
        .send(&topic, measured_at(&now.to_string(), &times))
        .await;
    world.until_stored(1).await;
    assert_eq!(
        world
            .number("SELECT sum(messages) FROM aiida.refusal")
            .await,
        4
    );
}

/// A document with a value of each of these times.
fn measured_at(created: &str, times: &[String]) -> Vec<u8> {
    let series: Vec<Value> = times
        .iter()
        .map(|time| {
            json!({
                "dateAndOrTime.dateTime": time,
                "Quantity": [{ "quantity": 0.5, "type": "2", "quality": "AS_PROVIDED" }],
            })
        })
        .collect();
    let document = json!({
        "MessageDocumentHeader": { "creationDateTime": created },
        "MarketDocument": { "TimeSeries": series },
    });
    document.to_string().into_bytes()
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

/// The broker has acknowledged it to the home, and we take it in later: a crash of ours must not make that a loss.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_the_end_is_stored_after_it() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    world
        .sql(
            "UPDATE aiida.permission SET status = 'EXTERNALLY_TERMINATED';
             INSERT INTO aiida.permission_event (permission_id, status, cause, at)
             SELECT id, event.status, 'party', now() - make_interval(secs => ago)
             FROM aiida.permission,
                 (VALUES ('ACCEPTED', 3600), ('TERMINATED', 1000), ('EXTERNALLY_TERMINATED', 10)) AS event (status, ago)",
        )
        .await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    let at = |seconds| raw_at(&grant, 1, SignedDuration::from_secs(seconds));
    publisher.send(&grant.data(), at(-500)).await;
    world.until_refused("not-live", 1).await;
    publisher.send(&grant.data(), at(-1500)).await;
    publisher.send(&grant.data(), at(-2000)).await;
    world.until_stored(2).await;
    world.until_refused("not-live", 1).await;
}

/// The same where it is the last day that ended it, whether or not that was noticed by now.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_on_the_last_day_is_stored_on_the_next() {
    let world = World::start().await;
    let mut grant = Grant::outbound();
    (grant.starts, grant.ends) = (-3, Some(-1));
    let grant = grant.store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    let at = |hours| raw_at(&grant, 1, SignedDuration::from_hours(hours));
    publisher.send(&grant.data(), at(0)).await;
    world.until_refused("outside-time-frame", 1).await;
    publisher.send(&grant.data(), at(-24)).await;
    world.until_stored(1).await;
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
    // Pruned after a refused message, once a second.
    let mut malformed = 500;
    wait::until(DEADLINE, "only the last ones to be kept", async || {
        flood(&publisher, &grant.data(), 1).await;
        malformed += 1;
        world.until_refused("malformed", malformed).await;
        let pruned = world.until("SELECT count(*) FROM aiida.refused_message", 20);
        tokio::time::timeout(Duration::from_secs(2), pruned)
            .await
            .ok()
    })
    .await;
    let last = "SELECT count(*) FROM aiida.refused_message
        WHERE id = (SELECT max(id) FROM aiida.refused_message) AND payload = 'number 0'";
    assert_eq!(world.number(last).await, 1, "the last ones are kept");
}

async fn flood(publisher: &Publisher, topic: &str, messages: u32) {
    let payloads = (0..messages).map(|n| format!("number {n}").into_bytes());
    publisher.send_all(topic, payloads.collect()).await;
}
