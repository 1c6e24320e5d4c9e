//! The walk of a home of each generation, literally.

use jiff::Timestamp;
use permission::code::{Bundle, Single};
use reqwest::Method;
use serde_json::json;
use service_kit::clock::ManualClock;
use service_kit::program::Context;
use service_kit::random::SeededRandom;
use test_support::browser::Visitor;

use crate::site::{
    CONNECTION, FULL, INBOUND, Options, RAW, Site, assert_not_logged, handshake, older_handshake,
};

/// A site whose ids, tokens and days are always the same.
async fn literal() -> (Site, ManualClock) {
    let clock = ManualClock::new("2026-06-30T22:30:00Z".parse().unwrap());
    let context = Context {
        clock: clock.shared(),
        random: SeededRandom::shared(1),
        ..Context::new()
    };
    let site = Site::start_with(Options {
        context,
        ..Options::default()
    })
    .await;
    (site, clock)
}

/// The port is another each time.
fn shown(site: &Site, text: &str) -> String {
    text.replace(&site.base, "https://permissions.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_of_2026() {
    let (site, clock) = literal().await;
    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL, INBOUND], "meterId": "  "});
    let asked = site
        .ask(
            Method::POST,
            "/region-connectors/aiida/permission-request",
            None,
            Some(&body),
        )
        .await;
    insta::assert_snapshot!(
        "bundle_request",
        shown(&site, &without_token(&asked.shown()))
    );

    // What the household scans is that body; a home takes no other key.
    let code: Bundle = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(Bundle::from_text(&code.to_text()).unwrap(), code);
    let token = &code.access_token;

    // It asks after midnight (UTC): the start is that day, or it would refuse.
    clock.set("2026-07-01T00:00:01Z".parse::<Timestamp>().unwrap());
    let details = site
        .ask(Method::GET, &handshake(&code, 0), Some(token), None)
        .await;
    insta::assert_snapshot!("bundle_details", shown(&site, &details.shown()));
    let inbound = site
        .ask(Method::GET, &handshake(&code, 1), Some(token), None)
        .await;
    insta::assert_snapshot!("bundle_details_inbound", shown(&site, &inbound.shown()));

    let accepted = site.patch(&handshake(&code, 0), token, "ACCEPT").await;
    insta::assert_snapshot!("bundle_accept", accepted.shown());
    let accepted = site.patch(&handshake(&code, 1), token, "ACCEPT").await;
    insta::assert_snapshot!("bundle_accept_inbound", accepted.shown());

    // What it has agreed to stays as it was.
    clock.set("2026-07-03T00:00:01Z".parse::<Timestamp>().unwrap());
    let again = site
        .ask(Method::GET, &handshake(&code, 0), Some(token), None)
        .await;
    assert_eq!(again.body, details.body);
    let kept = site
        .texts("SELECT concat_ws(' ', status, code, starts_on, ends_on, aiida_id) FROM aiida.permission ORDER BY data_need_id")
        .await;
    assert_eq!(
        kept,
        [
            "ACCEPTED bundle 2026-07-01 2026-07-11 0b9d4a3e-5a32-4c8e-8f7c-0f1d2c3b4a59",
            "ACCEPTED bundle 2026-07-01 2099-12-31 0b9d4a3e-5a32-4c8e-8f7c-0f1d2c3b4a59"
        ]
    );
    assert_not_logged(&[CONNECTION, token]);
}

/// Its middle part is literal, too, but nobody can read it here.
fn without_token(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once("\"accessToken\": ") {
            Some((indent, _)) => format!("{indent}\"accessToken\": \"(JWT)\","),
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_of_2025() {
    let (site, _) = literal().await;
    let mut visitor = Visitor::new(None).unwrap();
    visitor
        .visit(&site.url(&format!(
            "/permissions/new?dataNeedId={RAW}&connectionId={CONNECTION}"
        )))
        .await
        .unwrap();
    let page = visitor.click("a.older").await.unwrap();
    let texts = page.select("textarea");
    assert_eq!(texts.len(), 1);
    let code = Single::from_text(&texts[0]).unwrap();
    assert_eq!(code.service_name, "Meter & more");
    let token = &code.bearer_token;

    let details = site
        .ask(Method::GET, older_handshake(&code), Some(token), None)
        .await;
    insta::assert_snapshot!("single_details", shown(&site, &details.shown()));
    let accepted = site.patch(older_handshake(&code), token, "ACCEPT").await;
    insta::assert_snapshot!("single_accept", accepted.shown());
    let kept = site
        .texts("SELECT concat_ws(' ', status, code, starts_on, ends_on) FROM aiida.permission")
        .await;
    assert_eq!(kept, ["ACCEPTED single 2026-06-30"]);
    assert_not_logged(&[CONNECTION, token]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_declines_or_cannot() {
    let site = Site::start().await;
    for (operation, status) in [("REJECT", "REJECTED"), ("UNFULFILLABLE", "UNFULFILLABLE")] {
        let code = site.request(&[FULL]).await;
        let id = code.permission_ids[0].to_string();
        let answer = site
            .patch(&handshake(&code, 0), &code.access_token, operation)
            .await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(
            site.history(&id).await,
            [
                "CREATED request",
                "VALIDATED request",
                "SENT_TO_PERMISSION_ADMINISTRATOR request",
                &format!("{status} handshake")
            ]
        );
        let kept = format!("SELECT aiida_id FROM aiida.permission WHERE id = '{id}'");
        assert_eq!(
            site.texts(&kept).await,
            ["0b9d4a3e-5a32-4c8e-8f7c-0f1d2c3b4a59"]
        );
        for operation in ["ACCEPT", "REJECT", "UNFULFILLABLE"] {
            let late = site
                .patch(&handshake(&code, 0), &code.access_token, operation)
                .await;
            assert_eq!(late.status, 409);
            assert_eq!(late.errors().len(), 1);
        }
        assert_eq!(site.history(&id).await.len(), 4);
        assert!(site.jobs("mqtt.grant", &id).await.is_empty());
    }
    assert!(
        site.texts("SELECT 'x' FROM aiida.credential")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_in_the_answer_and_nowhere_else() {
    let site = Site::start_with(Options {
        arguments: vec![("--aiida-bcrypt-cost", "10".to_owned())],
        ..Options::default()
    })
    .await;
    let (id, answer) = site.accepted(FULL).await;
    let password = answer["password"].as_str().unwrap();
    assert_eq!(password.len(), 24);
    assert_eq!(answer["username"], json!(id));

    let hash = site
        .texts("SELECT password_hash FROM aiida.credential")
        .await
        .remove(0);
    assert!(hash.starts_with("$2b$10$"), "{hash}");
    assert!(bcrypt::verify(password, &hash).unwrap());

    let tables = site
        .texts(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
        )
        .await;
    let mut everything = String::new();
    for table in &tables {
        everything += &site
            .texts(&format!("SELECT t FROM {table} t"))
            .await
            .join("\n");
    }
    assert!(
        everything.contains(&hash) && everything.contains(&id),
        "something was looked at"
    );
    let hex = password
        .bytes()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert!(!everything.contains(password) && !everything.contains(&hex));
    assert_not_logged(&[password, &hash, CONNECTION]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_is_answered_also_when_nobody_grants() {
    let site = Site::start_with(Options {
        arguments: vec![("--aiida-grant-seconds", "1".to_owned())],
        without_iam: true,
        ..Options::default()
    })
    .await;
    let (id, _) = site.accepted(RAW).await;
    assert_eq!(site.status(&id).await, "ACCEPTED");
    assert_eq!(site.jobs("mqtt.grant", &id).await, ["available"]);
}
