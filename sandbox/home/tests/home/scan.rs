//! From the code to flowing data, for each generation, and the other answers.

use home::{Decision, FacadeError, Generation, Home, HomeError, HomeStatus, Options, TimeStyle};
use serde_json::{Value, json};

use crate::harness::{
    NEED, PERMISSION, Stage, TOKEN, details_from, id, inbound, json_of, options, outbound, report,
    until, until_status,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_home_of_each_generation_streams_on_schedule() {
    for generation in Generation::ALL {
        let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
        let home = stage.home(generation).await;
        let seen = stage
            .observer
            .wait("data/outbound/smart-meter-p1-raw", 3)
            .await;
        assert!(
            seen.iter()
                .all(|message| message.qos() == paho_mqtt::QoS::AtLeastOnce)
        );
        let record = json_of(&seen[0]);
        assert_eq!(record["values"].as_array().unwrap().len(), 2);
        let named = generation != Generation::November2025;
        assert_eq!(record.get("permissionId").is_some(), named, "{generation}");
        let told = until(&home, "acknowledged records", |report| {
            report.acknowledged >= 3
        })
        .await;
        assert_eq!(told.status, HomeStatus::Streaming);
        assert!(told.connected && told.handshake_ms.is_some());
        assert_eq!((told.commands_refused, told.subscriptions_refused), (0, 0));

        let asked = stage.facade.asked();
        assert_eq!(asked.len(), 2, "details and one yes: {asked:?}");
        let path = format!("/region-connectors/aiida/permission-request/{PERMISSION}");
        for request in &asked {
            assert_eq!(request.path, path);
            assert_eq!(request.authorization, format!("Bearer {TOKEN}"));
        }
        assert_eq!(
            (asked[0].method.as_str(), asked[1].method.as_str()),
            ("GET", "PATCH")
        );
        let body: Value = serde_json::from_str(&asked[1].body).unwrap();
        assert_eq!(body["operation"], "ACCEPT");
        assert_eq!(body.as_object().unwrap().len(), 2);
        assert!(
            body["aiidaId"]
                .as_str()
                .unwrap()
                .parse::<uuid::Uuid>()
                .is_ok()
        );
        home.stop().await;
        assert!(!report(&home).connected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_schema_goes_to_a_topic_of_its_own() {
    let stage = Stage::set(outbound(&[
        "SMART-METER-P1-RAW",
        "SMART-METER-P1-CIM-V1-04",
        "SMART-METER-P1-CIM-V1-12",
        "OPAQUE",
        "MIN-MAX-ENVELOPE-CIM-V1-12",
    ]))
    .await;
    let home = Home::start(Options {
        times: TimeStyle::EpochSeconds,
        ..options(Generation::June2026)
    });
    home.scan(&stage.code(Generation::June2026)).await.unwrap();
    for (name, pointer) in [
        ("smart-meter-p1-raw", "/permissionId"),
        (
            "smart-meter-p1-cim-v1-04",
            "/messageDocumentHeader.metaInformation.permissionId",
        ),
        (
            "smart-meter-p1-cim-v1-12",
            "/MessageDocumentHeader/MetaInformation/requestPermissionId",
        ),
        ("opaque", "/permissionId"),
        (
            "min-max-envelope-cim-v1-12",
            "/MessageDocumentHeader/MetaInformation/requestPermissionId",
        ),
    ] {
        let seen = stage
            .observer
            .wait(&format!("data/outbound/{name}"), 1)
            .await;
        assert_eq!(
            json_of(&seen[0]).pointer(pointer),
            Some(&json!(PERMISSION)),
            "{name}"
        );
    }
    let raw = stage.observer.seen("data/outbound/smart-meter-p1-raw");
    assert!(json_of(&raw[0])["timestamp"].is_f64());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_home_uses_the_old_schema_name() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-CIM"])).await;
    let _home = stage.home(Generation::November2025).await;
    let seen = stage
        .observer
        .wait("data/outbound/smart-meter-p1-cim", 1)
        .await;
    let document = json_of(&seen[0]);
    assert_eq!(
        document["messageDocumentHeader.metaInformation.dataNeedId"],
        NEED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_may_decline() {
    for (decision, operation, status) in [
        (Decision::Reject, "REJECT", HomeStatus::Rejected),
        (
            Decision::Unfulfillable,
            "UNFULFILLABLE",
            HomeStatus::Unfulfillable,
        ),
    ] {
        let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
        let home = Home::start(Options {
            decision,
            ..options(Generation::June2026)
        });
        home.scan(&stage.code(Generation::June2026)).await.unwrap();
        assert_eq!(report(&home).status, status);
        let body: Value = serde_json::from_str(&stage.facade.asked()[1].body).unwrap();
        assert_eq!(body["operation"], operation);
        assert!(matches!(
            home.revoke(id()).await,
            Err(HomeError::Unknown(_))
        ));
        assert!(home.credentials(id()).is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_before_today_cannot_be_fulfilled() {
    let stage = Stage::set(inbound()).await;
    let yesterday = "2026-01-01";
    let facade = crate::facade::Facade::start();
    facade.details(
        PERMISSION,
        details_from(&outbound(&["SMART-METER-P1-RAW"]), yesterday),
    );
    let stage = Stage { facade, ..stage };
    let home = Home::start(options(Generation::June2026));
    home.scan(&stage.code(Generation::June2026)).await.unwrap();
    assert_eq!(report(&home).status, HomeStatus::Unfulfillable);
    let body: Value = serde_json::from_str(&stage.facade.asked()[1].body).unwrap();
    assert_eq!(body["operation"], "UNFULFILLABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn details_that_a_home_cannot_read_end_there() {
    let mut no_flag = outbound(&["SMART-METER-P1-RAW"]);
    no_flag["acknowledgementRequired"] = Value::Null;
    let newer = outbound(&["SMART-METER-P1-CIM-V1-12"]);
    for (generation, need, word) in [
        (Generation::June2026, no_flag, "data_need"),
        (Generation::November2025, newer, "SMART-METER-P1-CIM-V1-12"),
    ] {
        let stage = Stage::set(need).await;
        let home = Home::start(options(generation));
        let error = home.scan(&stage.code(generation)).await.unwrap_err();
        assert!(matches!(
            &error,
            HomeError::Facade {
                source: FacadeError::Details(_),
                ..
            }
        ));
        let report = report(&home);
        assert_eq!(report.status, HomeStatus::DetailsFailed);
        assert!(
            report.failure.as_ref().unwrap().contains(word),
            "{report:?}"
        );
        assert_eq!(stage.facade.asked().len(), 1, "nothing was answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_tags_give_records_without_values() {
    let mut need = outbound(&["SMART-METER-P1-RAW"]);
    need["dataTags"] = json!(["1-0:99.99.9"]);
    let stage = Stage::set(need).await;
    let _home = stage.home(Generation::June2026).await;
    let seen = stage
        .observer
        .wait("data/outbound/smart-meter-p1-raw", 1)
        .await;
    assert_eq!(json_of(&seen[0])["values"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failure_does_not_keep_the_other_permissions_of_a_code_waiting() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    let home = Home::start(options(Generation::June2026));
    let error = home
        .scan(&stage.bundle_code(&[NEED, PERMISSION]))
        .await
        .unwrap_err();
    let HomeError::Facade { permission, source } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        permission.to_string(),
        NEED,
        "which the facade does not know"
    );
    assert!(matches!(source, FacadeError::Refused { status: 404, .. }));
    let told = home.report();
    assert_eq!(told.permissions[0].status, HomeStatus::DetailsFailed);
    assert_eq!(told.permissions[1].status, HomeStatus::Streaming);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_scanned_once() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    let home = stage.home(Generation::June2026).await;
    let again = home.scan(&stage.code(Generation::June2026)).await;
    assert!(matches!(again, Err(HomeError::Known(_))));
    until_status(&home, HomeStatus::Streaming).await;
    assert_eq!(stage.facade.asked().len(), 2);
}
