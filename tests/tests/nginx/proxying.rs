//! What reaches the service, and what comes back from it.

use std::io::{BufRead, BufReader, Write};

use crate::edge::Edge;
use crate::upstream::Upstream;
use crate::{NOBODY_THERE, assert_security_headers};

#[test]
fn only_the_named_paths_reach_the_service() {
    let upstream = Upstream::start();
    let edge = Edge::start(&upstream.address);
    for target in [
        "/",
        "/start",
        "/OAuthCallback?code=c&state=s",
        "/status/ticket-1",
    ] {
        let answer = edge.get(target);
        assert_eq!(answer.status, 200, "{target}");
        assert!(answer.body.contains("from the service"));
        // The service's own, weaker header is replaced.
        assert_security_headers(&answer);
        assert_eq!(answer.header("x-powered-by"), None);
        let seen = upstream.requests.recv().unwrap();
        assert!(
            seen.starts_with(&format!("GET {target} HTTP/1.1\r\n")),
            "{seen}"
        );
    }
    for target in [
        "/metrics",
        "/healthz",
        "/readyz",
        "//metrics",
        "/start/../metrics",
        "/status/../metrics",
        "/status/%2e%2e/healthz",
        "/start/",
        "/oauthcallback",
        "/espi/notification/",
        "/index.html",
    ] {
        let answer = edge.get(target);
        assert_eq!(answer.status, 404, "{target}");
        assert_security_headers(&answer);
    }
    assert!(
        upstream.requests.try_recv().is_err(),
        "something else reached the service"
    );
}

#[test]
fn each_path_of_aiida_reaches_its_service() {
    let (permission, stream) = (Upstream::start(), Upstream::start());
    let edge = Edge::before([NOBODY_THERE, &permission.address, &stream.address]);
    let id = "5d1a2c3e-0000-4000-8000-000000000001";
    let of_the_facade = [
        "/region-connectors/aiida/permission-request".to_owned(),
        format!("/region-connectors/aiida/permission-request/{id}"),
        "/permissions/new?dataNeedId=d&connectionId=c".to_owned(),
        "/permissions/ticket-1".to_owned(),
        "/permissions/ticket-1/again".to_owned(),
        format!("/api/v1/permissions/{id}/readings?from=a"),
        format!("/api/v1/permissions/{id}/lively"),
        "/api/docs/".to_owned(),
    ];
    for target in &of_the_facade {
        let answer = edge.get(target);
        assert_eq!(answer.status, 200, "{target}");
        assert_security_headers(&answer);
        let seen = permission.requests.recv().unwrap();
        assert!(seen.starts_with(&format!("GET {target} HTTP/1.1\r\n")));
    }
    let live = format!("/api/v1/permissions/{id}/live");
    assert_eq!(edge.get(&live).status, 200);
    assert!(
        stream
            .requests
            .recv()
            .unwrap()
            .starts_with(&format!("GET {live} "))
    );
    assert!(permission.requests.try_recv().is_err());
    for target in [
        "/region-connectors/other/permission-request",
        "/region-connectors/aiida/../../metrics",
        "/permissions",
        "/api",
    ] {
        assert_eq!(edge.get(target).status, 404, "{target}");
    }
}

/// X-Frame-Options would contradict the policy there, and only there.
#[test]
fn frames_are_allowed_where_the_permission_pages_policy_says_so() {
    let (login, permission) = (Upstream::start(), Upstream::start());
    let edge = Edge::before([&login.address, &permission.address, NOBODY_THERE]);
    for (target, options) in [
        ("/permissions/new?embed=1", None),
        ("/permissions/ticket-1?embed=1&lang=de", None),
        ("/permissions/ticket-1", Some("DENY")),
        (
            "/permissions/x%20frame-ancestors%20https://a.example",
            Some("DENY"),
        ),
        ("/api/docs/?embed=1", Some("DENY")),
        ("/status/permissions/new?embed=1", Some("DENY")),
        ("/?embed=1", Some("DENY")),
    ] {
        let answer = edge.get(target);
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("x-frame-options"), options, "{target}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors"), "{target}: {policy}");
    }
}

#[test]
fn the_service_is_told_the_truth_about_the_client() {
    let upstream = Upstream::start();
    let edge = Edge::start(&upstream.address);
    let claims = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "gopher"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Request-Id", "chosen-by-client"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    assert_eq!(edge.send("GET", "/", &claims, "").status, 200);
    let head = upstream.requests.recv().unwrap().to_ascii_lowercase();
    assert!(
        head.contains("x-forwarded-for: 127.0.0.1\r\n")
            && head.contains("x-forwarded-proto: https\r\n"),
        "{head}"
    );
    for claim in ["203.0.113.9", "gopher", "chosen-by-client", "traceparent"] {
        assert!(!head.contains(claim), "{claim} passed through: {head}");
    }
}

#[test]
fn request_bodies_are_bounded() {
    let upstream = Upstream::start();
    let edge = Edge::start(&upstream.address);
    let notification = "x".repeat(1_000_000);
    assert_eq!(
        edge.send("POST", "/espi/notification", &[], &notification)
            .status,
        200
    );
    upstream.requests.recv().unwrap();
    let declared = ("Content-Length", "1048577");
    assert_eq!(
        edge.send("POST", "/espi/notification", &[declared], "")
            .status,
        413
    );
    assert_eq!(
        edge.send("POST", "/start", &[("Content-Length", "20000")], "")
            .status,
        413
    );
    assert!(
        upstream.requests.try_recv().is_err(),
        "an oversized body reached the service"
    );
}

/// Where programs ask, nginx answers in the form that the service behind would.
#[test]
fn programs_are_answered_in_json_also_by_nginx_itself() {
    let edge = Edge::start(NOBODY_THERE);
    let id = "5d1a2c3e-0000-4000-8000-000000000001";
    let too_large = ("Content-Length", "2000000");
    let (live, handshake) = (
        format!("/api/v1/permissions/{id}/live"),
        format!("/region-connectors/aiida/permission-request/{id}"),
    );
    for (target, kind) in [
        ("/api/v1/permissions", "application/problem+json"),
        (&live, "application/problem+json"),
        (&handshake, "application/json"),
        (
            "/region-connectors/aiida/permission-request",
            "application/json",
        ),
    ] {
        let away = edge.get(target);
        let large = edge.send("POST", target, &[too_large], "");
        for (answer, status) in [(&away, 502), (&large, 413)] {
            assert_eq!(answer.status, status, "{target}");
            assert_eq!(answer.header("content-type"), Some(kind), "{target}");
            let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            let is_said = if kind == "application/json" {
                said["errors"][0]["message"].is_string()
            } else {
                said["status"] == status && said["detail"].is_string()
            };
            assert!(is_said, "{target}: {said}");
            assert_security_headers(answer);
        }
        assert!(away.header("retry-after").is_some(), "{target}");
    }
}

#[test]
fn events_arrive_before_their_stream_ends() {
    let upstream = Upstream::start();
    let edge = Edge::start(&upstream.address);
    let mut stream = edge.connect(rustls::ALL_VERSIONS);
    stream
        .write_all(b"GET /status/ticket-1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    // The upstream holds the stream open until it is told to end it, so this line was passed on at once.
    assert!(lines.any(|line| line == "data: from the service"));
    upstream.end_of_events.send(()).unwrap();
    assert!(
        upstream
            .requests
            .recv()
            .unwrap()
            .starts_with("GET /status/ticket-1/events ")
    );
}

#[test]
fn a_service_that_is_away_is_said_in_words() {
    let edge = Edge::start(NOBODY_THERE);
    for target in ["/", "/status/ticket-1"] {
        let answer = edge.get(target);
        assert_eq!(answer.status, 502);
        assert!(answer.body.contains("Please try again"), "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
        assert_security_headers(&answer);
    }
}
