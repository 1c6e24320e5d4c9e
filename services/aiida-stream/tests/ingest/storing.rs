//! What is stored, and how often.

use serde_json::json;
use service_kit::clock::{Clock as _, SystemClock};

use crate::harness::{Grant, World, hex, raw, status};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_stored_as_it_came_with_its_readings_beside_it() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let _replica = world.replica().await;
    let record = raw(&grant, 12_345);
    world
        .broker
        .publisher()
        .send(&grant.data(), record.clone())
        .await;
    world.until_stored(1).await;

    let id = grant.id;
    let payload = hex(&record);
    let same = format!(
        "SELECT count(*) FROM aiida.message WHERE permission_id = '{id}' AND channel = 'data'
           AND schema = 'SMART-METER-P1-RAW' AND payload = '{payload}' AND length(digest) = 16"
    );
    assert_eq!(world.number(&same).await, 1);
    let readings = "SELECT count(*) FROM aiida.reading r JOIN aiida.message m USING (permission_id, sent_at, digest)
        WHERE (r.nr, r.obis, r.value, r.unit) IN ((0, '1-0:1.8.0', 12345, 'kWh'), (1, '1-0:1.7.0', 0.995, 'kW'))
          AND r.measured_at = m.sent_at";
    assert_eq!(world.number(readings).await, 2);
    assert_eq!(world.number("SELECT count(*) FROM aiida.reading").await, 2);
    world
        .until(
            "SELECT count(*) FROM aiida.permission WHERE first_message_at = last_message_at",
            1,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_twice_is_stored_once() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    let record = raw(&grant, 1);
    // In one batch, and in another one.
    publisher
        .send_all(
            &grant.data(),
            vec![record.clone(), record.clone(), raw(&grant, 2)],
        )
        .await;
    world.until_stored(2).await;
    publisher.send(&grant.data(), record).await;
    publisher.send(&grant.data(), raw(&grant, 3)).await;
    world.until_stored(3).await;
    assert_eq!(world.number("SELECT count(*) FROM aiida.reading").await, 6);
    assert_eq!(world.refusals().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_homes_opaque_data_and_acknowledgements_are_taken() {
    let world = World::start().await;
    let mut need =
        Grant::outbound().schemas(&["SMART-METER-P1-RAW", "SMART-METER-P1-CIM-V1-04", "OPAQUE"]);
    need.data_need["acknowledgementRequired"] = json!(true);
    let grant = need.store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();

    // Homes of 2025 name no permission in raw data, and know the CIM schema by its old name.
    let mut old: serde_json::Value = serde_json::from_slice(&raw(&grant, 1)).unwrap();
    old.as_object_mut().unwrap().remove("permissionId");
    publisher.send(&grant.data(), old.to_string()).await;
    publisher
        .send(&grant.topic("data/outbound/opaque"), "anything at all")
        .await;
    world.until_stored(2).await;
    let timeless = "SELECT count(*) FROM aiida.message
        WHERE schema = 'OPAQUE' AND received_at - sent_at BETWEEN interval '-1 s' AND interval '10 s'";
    assert_eq!(
        world.number(timeless).await,
        1,
        "it names no time: that of its arrival"
    );

    let acknowledgement = json!({
        "MessageDocumentHeader": {
            "creationDateTime": SystemClock.now().to_string(),
            "MetaInformation": {"requestPermissionId": grant.id}
        },
        "MarketDocument": {}
    });
    let topic = grant.topic("acknowledgement/acknowledgement-cim-v1-12");
    // As homes send it: at most once.
    publisher
        .send_once(&topic, acknowledgement.to_string())
        .await;
    world
        .until(
            "SELECT count(*) FROM aiida.message WHERE channel = 'acknowledgement'",
            1,
        )
        .await;
    assert_eq!(world.refusals().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_and_status_of_many_homes_mix() {
    let world = World::start().await;
    let mut grants = Vec::new();
    for _ in 0..5 {
        grants.push(Grant::outbound().store(&world).await);
    }
    let _replica = world
        .replica_with(&[("--aiida-stream-in-flight", "20")])
        .await;
    let publisher = world.broker.publisher();
    for grant in &grants {
        publisher
            .send_all(&grant.data(), (0..100).map(|n| raw(grant, n)).collect())
            .await;
        publisher
            .retain(&grant.topic("status"), status(grant, "REVOKED"))
            .await;
    }
    world.until_stored(500).await;
    world
        .until(
            "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.status'",
            5,
        )
        .await;
    assert_eq!(
        world.number("SELECT count(*) FROM aiida.reading").await,
        1000
    );
    assert_eq!(world.refusals().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_encrypted_where_the_url_says_so() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let (url, authority) = (world.broker.encrypted_url(), world.broker.authority.clone());
    let authority = authority.to_str().unwrap();
    let _replica = world
        .replica_with(&[("--mqtt-url", url.as_str()), ("--mqtt-ca", authority)])
        .await;
    let publisher = world.broker.publisher();
    publisher.send(&grant.data(), raw(&grant, 1)).await;
    world.until_stored(1).await;
}
