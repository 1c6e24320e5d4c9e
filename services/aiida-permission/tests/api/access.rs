//! Who gets in, and what is said to those who ask wrongly.

use reqwest::Method;
use serde_json::json;
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::api_key;

use crate::site::{Site, inbound};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_said_by_name() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let inbound = site.need(inbound()).await;
    let id = site.accepted(&need).await;
    let to = site.accepted(&inbound).await;
    let audited = site.count("audit.event").await;
    let of = |path: &str| format!("/api/v1/permissions/{id}{path}");

    for (path, status, words) in [
        (
            "/api/v1/permissions?limit=0".to_owned(),
            400,
            "limit is a number from 1 to 1000",
        ),
        (
            "/api/v1/permissions?limit=1001".to_owned(),
            400,
            "limit is a number from 1 to 1000",
        ),
        (
            "/api/v1/permissions?limit=-1".to_owned(),
            400,
            "invalid digit",
        ),
        (
            "/api/v1/permissions?cursor=x".to_owned(),
            400,
            "cursor is not one",
        ),
        (
            "/api/v1/permissions?status=GONE".to_owned(),
            400,
            "unknown variant `GONE`",
        ),
        (
            "/api/v1/permissions?dataNeedId=1".to_owned(),
            400,
            "The query",
        ),
        (
            "/api/v1/permissions?connection=1".to_owned(),
            400,
            "unknown field `connection`, expected",
        ),
        ("/api/v1/events?after=-1".to_owned(), 400, "after is 0"),
        ("/api/v1/events?wait=31".to_owned(), 400, "up to 30"),
        (
            "/api/v1/permissions?connectionId=a%00b".to_owned(),
            400,
            "zero character",
        ),
        (
            "/api/v1/permissions?cursor=-99999999999999999.6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11"
                .to_owned(),
            400,
            "cursor is not one",
        ),
        (of("/readings?from=yesterday"), 400, "The query"),
        (of("/readings?obis=%00"), 400, "zero character"),
        (
            of("/readings?until=-005000-01-01T00:00:00Z"),
            400,
            "before the year 1",
        ),
        (of("/readings?format=xml"), 400, "unknown variant `xml`"),
        (of("/readings?limit=10001"), 400, "from 1 to 10000"),
        (of("/readings?cursor=1.zz.3"), 400, "cursor is not one"),
        (of("/messages?cursor=1"), 400, "cursor is not one"),
        (of("/refused?cursor=x"), 400, "cursor is the nextCursor"),
        (of("/outgoing?offset=1"), 400, "unknown field `offset`"),
    ] {
        let detail = site.get(&path).await.refused(status);
        assert!(detail.contains(words), "{path}: {detail}");
    }

    let large = format!("{{\"connectionId\":\"{}\"}}", "x".repeat(70_000));
    let commands = of("/commands");
    let asking = "/api/v1/permissions".to_owned();
    let needs = "/api/v1/data-needs".to_owned();
    let opaque = format!("/api/v1/permissions/{to}/inbound/OPAQUE");
    for (path, body, status, words) in [
        (&asking, "", 400, "is not JSON"),
        (&asking, "[]", 400, "not of the kind"),
        (
            &asking,
            "{\"connectionId\":\"c\"}",
            400,
            "missing field `dataNeedIds`",
        ),
        (
            &asking,
            "{\"connectionId\":\"c\",\"dataNeedIds\":[],\"extra\":1}",
            400,
            "unknown field `extra`",
        ),
        (
            &asking,
            "{\"connectionId\":\" \",\"dataNeedIds\":[]}",
            422,
            "connectionId: must not be blank",
        ),
        (
            &asking,
            "{\"connectionId\":\"c\",\"dataNeedIds\":[\"x\"]}",
            422,
            "dataNeedIds: must be UUIDs",
        ),
        (&asking, &large, 413, "65536"),
        (&commands, "{}", 400, "missing field `action`"),
        (
            &commands,
            "{\"action\":\"SELF_DESTRUCT\"}",
            400,
            "not of the kind",
        ),
        (&commands, "{\"action\":\"TERMINATE\"}", 422, "/terminate"),
        (
            &commands,
            "{\"action\":\"SET_TRANSMISSION_ENABLED\"}",
            422,
            "needs the key enabled",
        ),
        (
            &commands,
            "{\"action\":\"SET_TRANSMISSION_ENABLED\",\"enabled\":true}",
            409,
            "does not grant",
        ),
        (
            &commands,
            "{\"action\":\"SET_TRANSMISSION_ENABLED\",\"enabled\":true,\"x\":1}",
            400,
            "unknown field `x`",
        ),
        (
            &commands,
            "{\"action\":\"UPDATE_TRANSMISSION_SCHEDULE\",\"transmissionSchedule\":\"often\"}",
            422,
            "six fields",
        ),
        (
            &needs,
            "{\"type\":\"outbound-aiida\"}",
            422,
            "`name` is missing",
        ),
        (
            &asking,
            "{\"connectionId\":\"a\\u0000\",\"dataNeedIds\":[]}",
            422,
            "none that control a device",
        ),
        (&needs, "{\"name\":\"a\\u0000\"}", 422, "zero character"),
        (&needs, "[]", 422, "must be a JSON object"),
        (&opaque, "", 422, "empty"),
    ] {
        let bearer = site.bearer();
        let answer = site
            .ask(Method::POST, path, Some(&bearer), body.to_owned())
            .await;
        let detail = answer.refused(status);
        assert!(
            detail.contains(words),
            "{path} {}: {detail}",
            body.get(..80).unwrap_or(body)
        );
    }
    let bearer = site.bearer();
    let most = site
        .ask(Method::PUT, &opaque, Some(&bearer), vec![b'x'; 262_144])
        .await;
    most.ok(202);
    let too_large = site
        .ask(Method::PUT, &opaque, Some(&bearer), vec![b'x'; 262_145])
        .await;
    assert!(too_large.refused(413).contains("262144"));
    assert_eq!(site.count("audit.event").await, audited + 1);
    assert_eq!(site.count("aiida.outgoing").await, 1);
    assert_eq!(site.count("aiida.permission").await, 2);
}
