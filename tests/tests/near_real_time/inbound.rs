//! Data for a home: a second connection, acknowledgements, and what is kept for a home that is not there.

use home::Generation;
use serde_json::{Value, json};

use end_to_end::houses::{House, LIMITS, World, start};

const ENVELOPE: &str = "min-max-envelope-cim-v1-12";

#[tokio::test(flavor = "multi_thread")]
async fn power_limits_arrive_are_acknowledged_and_wait_for_a_home_that_is_offline() {
    let world = start(&[]).await;
    let house = world.house(Generation::June2026, LIMITS).await;
    let id = house.permission;
    let rules: Vec<String> = world.rules(id).await.iter().map(rule).collect();
    let base = format!("aiida/v1/{id}");
    assert_eq!(
        rules,
        [
            format!("DENY SUBSCRIBE eq {base}/command/#"),
            format!("DENY SUBSCRIBE eq {base}/data/inbound/#"),
            format!("ALLOW SUBSCRIBE {base}/command/+"),
            format!("ALLOW SUBSCRIBE {base}/termination"),
            format!("ALLOW PUBLISH {base}/status"),
            format!("ALLOW SUBSCRIBE {base}/data/inbound/+"),
            format!("ALLOW PUBLISH {base}/acknowledgement/+"),
        ]
    );
    assert!(house.report().connected && house.report().inbound_connected);

    let first = limits("first");
    world.party.inbound(id, ENVELOPE, &first).await.unwrap();
    until_received(&house, &["first"]).await;
    until_acknowledged(&world, &house, &["first"]).await;

    // Two of a kind for a home that is not there: the second takes the first one's place.
    house.home.go_offline().await;
    for name in ["second", "third"] {
        world
            .party
            .inbound(id, ENVELOPE, &limits(name))
            .await
            .unwrap();
    }
    let opaque = json!({ "messageId": "fourth", "timestamp": "2026-06-02T00:00:00Z" });
    world.party.inbound(id, "opaque", &opaque).await.unwrap();
    world
        .until(&format!(
            "SELECT count(*) = 4 AND count(published_at) = 4 AND count(dropped) = 0 FROM aiida.outgoing
             WHERE permission_id = '{id}'"
        ))
        .await;
    house.home.go_online().await;
    until_received(&house, &["first", "third", "fourth"]).await;
    until_acknowledged(&world, &house, &["first", "third", "fourth"]).await;
    let report = house.report();
    let kept: Vec<bool> = report.inbound.iter().map(|one| one.retained).collect();
    assert_eq!(kept, [false, true, true]);
    assert_eq!(
        (report.inbound_received, report.inbound_acknowledged),
        (3, 3)
    );
    assert_eq!(world.retained(id).await.len(), 2);

    // What the data need does not cover is refused, and nothing of it goes out.
    let error = world
        .party
        .inbound(id, "smart-meter-p1-raw", &json!({}))
        .await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains(" 4"), "{error}");

    world.party.terminate(id).await.unwrap();
    world.until_status(id, "EXTERNALLY_TERMINATED").await;
    world.assert_shut_out(&house).await;
    let rest = [
        "TERMINATED",
        "REQUIRES_EXTERNAL_TERMINATION",
        "EXTERNALLY_TERMINATED",
    ];
    world.assert_history(id, &rest).await;
    assert_eq!(world.count("SELECT count(*) FROM aiida.refusal").await, 0);
    world.assert_quiet([&house]).await;
    house.home.stop().await;
}

fn limits(name: &str) -> Value {
    json!({
        "MessageDocumentHeader": { "creationDateTime": "2026-06-02T00:00:00Z" },
        "MarketDocument": { "mRID": name, "minimumPower": "-2.5", "maximumPower": "4.6" },
    })
}

fn rule(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap();
    format!("{} {} {}", text("acl_type"), text("action"), text("topic"))
}

/// The home's answers are stored, one for each document and no other, in their order.
async fn until_acknowledged(world: &World, house: &House, documents: &[&str]) {
    let id = house.permission;
    let stored = format!("FROM aiida.message WHERE permission_id = '{id}'");
    let enough = format!("SELECT count(*) >= {} {stored}", documents.len());
    world.until(&enough).await;
    let answers = world
        .rows(&format!(
            "SELECT channel, schema,
                convert_from(payload, 'UTF8')::json #>> '{{MarketDocument,received_MarketDocument.mRID}}' AS received
             {stored} ORDER BY sent_at, received_at"
        ))
        .await;
    let expected = documents.iter().map(|name| {
        json!({ "channel": "acknowledgement", "schema": "ACKNOWLEDGEMENT-CIM-V1-12", "received": name })
    });
    let mut expected: Vec<Value> = expected.collect();
    // What waits at the broker comes in no particular order.
    let mut answers = answers;
    answers.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(answers, expected);
}

/// Waits until the documents of these names are all that came; those that were kept come in no particular order.
async fn until_received(house: &House, names: &[&str]) {
    let names: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    house
        .until("inbound data", |home| home.inbound.len() >= names.len())
        .await;
    let documents = house.report().inbound;
    let documents = documents.iter().map(|one| {
        let document: Value = serde_json::from_str(&one.payload).unwrap();
        let name = document.pointer("/MarketDocument/mRID");
        let name = name.or_else(|| document.get("messageId")).unwrap();
        name.as_str().unwrap().to_owned()
    });
    let documents: Vec<String> = documents.collect();
    let received: std::collections::BTreeSet<&str> = documents.iter().map(String::as_str).collect();
    assert_eq!((received, documents.len()), (names.clone(), names.len()));
}
