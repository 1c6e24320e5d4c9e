//! Certificates, limits and paths: what is decided before anybody looks at tokens.

use custodian::ledger::{RequestKind, RequestRecord};
use jiff::SignedDuration;

use crate::harness::{CLIENT_ID, SECRET, Sandbox, json};

#[tokio::test]
async fn a_missing_or_foreign_certificate_is_an_answer_and_no_alert() {
    let sandbox = Sandbox::start();
    let certificates = &sandbox.certificates;
    for identity in [None, Some(&certificates.stranger)] {
        let http = certificates.http(identity);
        for url in [
            sandbox.resource("ReadServiceStatus"),
            sandbox.resource("Nowhere"),
        ] {
            let response = http.get(url).send().await.unwrap();
            assert_eq!(response.status(), 400);
            assert_eq!(response.text().await.unwrap(), "\"Invalid Certificate\"");
        }
    }
    // A registered certificate does not do for another third party's id.
    let http = certificates.http(Some(&certificates.other));
    let request = http
        .post(sandbox.token_url())
        .basic_auth(CLIENT_ID, Some(SECRET));
    let response = request
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(json(response).await, "Invalid Certificate");
}

#[tokio::test]
async fn the_certificate_is_known_again_on_a_resumed_session() {
    let sandbox = Sandbox::start();
    let token = sandbox.client_token().await;
    for _ in 0..3 {
        // Each request on a connection of its own: the later ones resume the TLS session.
        let request = sandbox
            .http
            .get(sandbox.resource("ReadServiceStatus"))
            .bearer_auth(&token);
        let response = request.header("connection", "close").send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn nobody_listens_on_other_paths() {
    let sandbox = Sandbox::start();
    let token = sandbox.client_token().await;
    for path in ["", "Nowhere", "Subscription/1/Nowhere", "Authorization/x"] {
        let response = sandbox.get(path, &token).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.text().await.unwrap(), "No listener for endpoint");
    }
    let wrong_base = sandbox
        .resource("Authorization/1")
        .replace("/1_1/", "/1_0/");
    let response = sandbox
        .http
        .delete(wrong_base)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "No listener for endpoint");
}

#[tokio::test]
async fn the_second_is_enforced_and_everything_is_counted() {
    let sandbox = Sandbox::start_with(&[("--per-second", "1")]);
    let token = sandbox.client_token().await;
    let response = sandbox.get("ReadServiceStatus", &token).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "1");
    sandbox.clock.advance(SignedDuration::from_millis(1_000));
    assert_eq!(sandbox.status("ReadServiceStatus", &token).await, 200);
    let counts = sandbox.counts().await;
    assert_eq!(
        (counts.total, counts.throttled, counts.most_in_a_second),
        (3, 1, 2)
    );
    assert_eq!(counts.by_kind[&RequestKind::ServiceStatus], 2);
    let log: Vec<RequestRecord> = sandbox.control("/sandbox/requests/log").await;
    let seen: Vec<_> = log
        .iter()
        .map(|r| (r.kind, r.occurrence, r.status))
        .collect();
    assert_eq!(
        seen,
        [
            (RequestKind::Token, 1, Some(200)),
            (RequestKind::ServiceStatus, 1, Some(429)),
            (RequestKind::ServiceStatus, 2, Some(200)),
        ]
    );
}

#[tokio::test]
async fn hours_and_days_have_their_limits_too() {
    let more = [
        ("--per-hour", "2"),
        ("--per-day", "3"),
        ("--throttle-status", "503"),
    ];
    let sandbox = Sandbox::start_with(&more);
    let token = sandbox.client_token().await;
    assert_eq!(sandbox.status("ReadServiceStatus", &token).await, 200);
    let response = sandbox.get("ReadServiceStatus", &token).await;
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["retry-after"]
        ),
        (503, &"3600".parse().unwrap())
    );
    sandbox.clock.advance(SignedDuration::from_hours(1));
    let token = sandbox.client_token().await;
    assert_eq!(sandbox.status("ReadServiceStatus", &token).await, 503);
    // 17:00 Pacific is seven hours after ten in the morning.
    sandbox.clock.advance(SignedDuration::from_hours(6));
    assert_eq!(sandbox.client_token().await.len(), 43);
}
