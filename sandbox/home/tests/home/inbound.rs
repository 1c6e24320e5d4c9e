//! Inbound permissions: a second connection that takes data in and acknowledges it.

use home::{Generation, HomeStatus};
use serde_json::json;

use crate::harness::{PERMISSION, Stage, command, credentials, id, inbound, json_of, until};

#[tokio::test(flavor = "multi_thread")]
async fn inbound_data_comes_over_a_second_connection() {
    let stage = Stage::set(inbound()).await;
    let envelope = json!({
        "MessageDocumentHeader": {"creationDateTime": "2026-06-02T10:00:00Z"},
        "MarketDocument": {"mRID": "limits 1"}
    });
    stage
        .observer
        .say(
            "data/inbound/min-max-envelope-cim-v1-12",
            envelope.to_string(),
            true,
        )
        .await;
    let home = stage.home(Generation::June2026).await;
    let told = until(&home, "the kept envelope", |report| {
        report.inbound_received == 1
    })
    .await;
    assert!(told.connected && told.inbound_connected);
    assert!(told.inbound[0].retained);
    assert_eq!(told.inbound[0].payload, envelope.to_string());

    let opaque =
        json!({"messageId": "message 2", "timestamp": "2026-06-02T10:00:01Z", "payload": "x"});
    stage
        .observer
        .say("data/inbound/opaque", opaque.to_string(), false)
        .await;
    stage
        .observer
        .say("data/inbound/opaque", "no json", false)
        .await;
    let told = until(&home, "the others", |report| report.inbound_received == 3).await;
    assert_eq!(told.inbound_acknowledged, 2);
    assert_eq!(told.records, 0, "an inbound permission sends no records");

    let answers = stage
        .observer
        .wait("acknowledgement/acknowledgement-cim-v1-12", 2)
        .await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.qos() == paho_mqtt::QoS::AtMostOnce)
    );
    let received =
        |answer| json_of(answer)["MarketDocument"]["received_MarketDocument.mRID"].clone();
    assert_eq!(
        answers.iter().map(received).collect::<Vec<_>>(),
        ["limits 1", "message 2"]
    );
    let meta = &json_of(&answers[0])["MessageDocumentHeader"]["MetaInformation"];
    assert_eq!(meta["requestPermissionId"], PERMISSION);
    assert_eq!(meta["documentType"], "acknowledgement-market-document");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_when_nobody_asks() {
    let stage = Stage::set(inbound()).await;
    let mut answer = credentials("tcp", stage.broker.plain, true);
    answer["acknowledgementTopic"] = json!(null);
    stage.facade.on_accept(200, answer);
    let home = stage.home(Generation::June2026).await;
    stage.observer.say("data/inbound/opaque", "{}", false).await;
    let told = until(&home, "the message", |report| report.inbound_received == 1).await;
    assert_eq!(told.inbound_acknowledged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_connections_end_with_the_permission() {
    for by_command in [true, false] {
        let stage = Stage::set(inbound()).await;
        let home = stage.home(Generation::June2026).await;
        home.go_offline().await;
        let away = until(&home, "both away", |report| {
            !report.connected && !report.inbound_connected
        })
        .await;
        assert_eq!(away.status, HomeStatus::Streaming);
        home.go_online().await;
        until(&home, "both back", |report| {
            report.connected && report.inbound_connected
        })
        .await;
        if by_command {
            stage
                .observer
                .say("command/TERMINATE", command("TERMINATE", &json!({})), true)
                .await;
        } else {
            home.revoke(id()).await.unwrap();
        }
        let ended = until(&home, "the end of both", |report| {
            report.status.is_over() && !report.connected && !report.inbound_connected
        })
        .await;
        let expected = if by_command {
            HomeStatus::ExternallyTerminated
        } else {
            HomeStatus::Revoked
        };
        assert_eq!(ended.status, expected);
    }
}
