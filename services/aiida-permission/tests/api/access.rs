//! Who gets in, and what is said to those who ask wrongly.

use reqwest::Method;
use serde_json::json;
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::api_key;

use crate::site::Site;

/// Every route but the description, with a method that it has.
fn routes() -> Vec<(Method, String)> {
    let id = "6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11";
    let of = |path: &str| format!("/api/v1/permissions/{id}{path}");
    vec![
        (Method::GET, "/api/v1/permissions".to_owned()),
        (Method::POST, "/api/v1/permissions".to_owned()),
        (Method::GET, of("")),
        (Method::GET, of("/events")),
        (Method::POST, of("/terminate")),
        (Method::POST, of("/commands")),
        (Method::PUT, of("/inbound/opaque")),
        (Method::POST, of("/inbound/opaque")),
        (Method::GET, of("/outgoing")),
        (Method::GET, of("/readings")),
        (Method::GET, of("/messages")),
        (Method::GET, of("/refused")),
        (Method::GET, "/api/v1/events".to_owned()),
        (Method::GET, "/api/v1/data-needs".to_owned()),
        (Method::POST, "/api/v1/data-needs".to_owned()),
        (Method::GET, format!("/api/v1/data-needs/{id}")),
        (Method::PUT, format!("/api/v1/data-needs/{id}")),
        (Method::DELETE, format!("/api/v1/data-needs/{id}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_opens_without_a_good_key() {
    let site = Site::start().await;
    let mut operator = site.superuser().await;
    let revoked_id = SystemRandom.uuid().into();
    let revoked = api_key::issue(&mut operator, revoked_id, "old", &SystemRandom)
        .await
        .unwrap();
    let bearer = format!("Bearer {revoked}");
    let path = "/api/v1/permissions";
    let good = site.ask(Method::GET, path, Some(&bearer), "").await;
    good.ok(200);
    api_key::revoke(&mut operator, revoked_id).await.unwrap();
    let keys = [
        None,
        Some(bearer),
        Some(site.key.clone()),
        Some(format!("Basic {}", site.key)),
        Some("Bearer ".to_owned()),
        Some(format!("Bearer mgk_{}", "A".repeat(43))),
        Some(format!("Bearer {}", "A".repeat(6000))),
    ];
    let mut details = Vec::new();
    for (method, path) in routes() {
        for key in &keys {
            let answer = site.ask(method.clone(), &path, key.as_deref(), "{}").await;
            details.push(answer.refused(401));
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer realm=\"metergate\""
            );
        }
    }
    details.dedup();
    assert_eq!(details.len(), 1, "the answer tells keys apart: {details:?}");
    assert_eq!(site.count("aiida.permission").await, 0);
    assert_eq!(site.count("audit.event").await, 0);
    // The scheme's name has no case; an address that is none needs a key too.
    let lower = format!("bearer {}", site.key);
    site.ask(Method::GET, path, Some(&lower), "").await.ok(200);
    site.ask(Method::GET, "/api/v1/nothing", None, "")
        .await
        .refused(401);
    site.get("/api/v1/nothing").await.refused(404);
    let refused = service_kit::metrics::install().unwrap().render();
    for reason in ["missing", "malformed", "unknown"] {
        let line = format!("aiida_api_keys_refused_total{{reason=\"{reason}\"}}");
        assert!(refused.contains(&line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_found() {
    let site = Site::start().await;
    for (method, path) in routes() {
        if !path.contains("6f1f4b4c") {
            continue;
        }
        let body = if path.ends_with("/commands") {
            json!({"action": "SET_TRANSMISSION_ENABLED", "enabled": true})
        } else {
            crate::site::need(json!({"id": "6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11"}))
        };
        site.send(method.clone(), &path, &body).await.refused(404);
        let no_uuid = path.replace("6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11", "6f1f");
        site.send(method, &no_uuid, &body).await.refused(404);
    }
    assert_eq!(site.count("audit.event").await, 0);
    assert_eq!(site.count("jobs.job WHERE kind = 'aiida.command'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_refused_and_the_right_ones_named() {
    let site = Site::start().await;
    for (path, allowed) in [
        ("/api/v1/permissions", "GET, POST"),
        ("/api/v1/events", "GET"),
        (
            "/api/v1/data-needs/6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11",
            "GET, PUT, DELETE",
        ),
        (
            "/api/v1/permissions/6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11/inbound/opaque",
            "PUT, POST",
        ),
    ] {
        let answer = site.send(Method::PATCH, path, &json!({})).await;
        answer.refused(405);
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
}
