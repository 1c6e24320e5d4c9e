//! Codes of another generation, refused answers, and first connects that fail.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use home::{CodeError, ConnectFailure, Generation, Home, HomeError, HomeStatus};
use serde_json::{Value, json};

use crate::harness::{PERMISSION, Stage, credentials, id, inbound, options, outbound, report};

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_refuses_an_unknown_key_and_the_codes_of_others() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    for generation in Generation::ALL {
        let home = Home::start(options(generation));
        let own = stage.code(generation);
        let mut more: Value = serde_json::from_slice(&STANDARD.decode(&own).unwrap()).unwrap();
        more["hint"] = json!("scan me");
        let other = if generation == Generation::November2025 {
            Generation::June2026
        } else {
            Generation::November2025
        };
        for code in [STANDARD.encode(more.to_string()), stage.code(other)] {
            let refused = home.scan(&code).await;
            assert!(
                matches!(refused, Err(HomeError::Code(CodeError::Json { .. }))),
                "{generation}: {refused:?}"
            );
        }
        assert!(home.report().permissions.is_empty());
    }
    assert!(stage.facade.asked().is_empty(), "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_yes_strands_and_is_not_repeated() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    let mut without_topic = credentials("tcp", stage.broker.plain, false);
    without_topic["commandTopic"] = Value::Null;
    for (status, body) in [
        (409, json!({"errors": [{"message": "was answered before"}]})),
        (500, json!({})),
        (200, without_topic),
    ] {
        stage.facade.on_accept(status, body);
        let before = stage.facade.asked().len();
        let home = Home::start(options(Generation::June2026));
        let error = home
            .scan(&stage.code(Generation::June2026))
            .await
            .unwrap_err();
        assert!(matches!(error, HomeError::Facade { .. }));
        let report = report(&home);
        assert_eq!(report.status, HomeStatus::Stranded);
        assert!(!report.connected && report.connects == 0);
        assert_eq!(
            stage.facade.asked().len(),
            before + 2,
            "details and one yes"
        );
        let failure = report.failure.unwrap();
        assert!(!failure.contains("only-given-once"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_connect_that_fails_is_not_repeated() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    let mut wrong = credentials("tcp", stage.broker.plain, false);
    wrong["password"] = json!("another one");
    let nobody = credentials("tcp", test_support::ports::free(), false);
    for (answer, refused) in [(wrong, true), (nobody, false)] {
        stage.facade.on_accept(200, answer);
        let home = Home::start(options(Generation::June2026));
        let error = home
            .scan(&stage.code(Generation::June2026))
            .await
            .unwrap_err();
        let HomeError::FirstConnect { permission, source } = error else {
            panic!("{error:?}");
        };
        assert_eq!(permission, id());
        assert_eq!(
            matches!(source, ConnectFailure::Refused(_)),
            refused,
            "{source:?}"
        );
        let report = report(&home);
        assert_eq!(report.status, HomeStatus::Stranded);
        assert_eq!(report.refused_by_broker.is_some(), refused);
        assert_eq!((report.connected, report.handshake_ms), (false, None));
        // Once the broker would let it in, it still does not come by itself.
        assert!(matches!(
            home.revoke(id()).await,
            Err(HomeError::Over { .. })
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_that_fails_strands_as_well() {
    // The random client id does not begin like this one.
    let stage = Stage::set(inbound()).await;
    stage
        .broker
        .configure(&format!("clientid_prefixes {PERMISSION}"));
    let home = Home::start(options(Generation::June2026));
    let error = home
        .scan(&stage.code(Generation::June2026))
        .await
        .unwrap_err();
    assert!(matches!(error, HomeError::FirstConnect { .. }), "{error:?}");
    let report = report(&home);
    assert_eq!(report.status, HomeStatus::Stranded);
    assert!(!report.connected && !report.inbound_connected);
    assert_eq!(report.permission_id.to_string(), PERMISSION);
}
