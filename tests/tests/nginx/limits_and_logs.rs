//! The rate limits, and what the logs say of all that happens.

use crate::edge::Edge;
use crate::http::Answer;
use crate::{CSV, NOBODY_THERE, assert_security_headers};

/// How many requests were let through, and the answer to the next. Ends as long as more than five a second are sent.
fn send_until_refused(edge: &Edge, target: &str) -> (usize, Answer) {
    let mut answers = (0..400).map(|_| edge.get(target)).enumerate();
    answers
        .find(|(_, answer)| answer.status == 429)
        .unwrap_or_else(|| panic!("{target} is not limited"))
}

#[test]
fn too_many_requests_get_429() {
    let edge = Edge::start(NOBODY_THERE);
    for target in ["/start", "/output/"] {
        let (allowed, refused) = send_until_refused(&edge, target);
        assert!(
            allowed >= 41,
            "{target}: a burst of 40 is allowed, and this was refused after {allowed}"
        );
        assert!(refused.header("retry-after").is_some());
        assert_security_headers(&refused);
    }
    // The custodian sends many at once.
    let notifications = (0..120).map(|_| edge.send("POST", "/espi/notification", &[], "x").status);
    assert_eq!(notifications.filter(|status| *status == 429).count(), 0);
}

#[test]
fn logs_name_neither_customers_nor_what_opens_a_door() {
    let edge = Edge::start(NOBODY_THERE);
    let agent = ("User-Agent", "private-browser");
    let referer = ("Referer", "https://private.example/page");
    edge.send(
        "GET",
        "/OAuthCallback?code=private-code&state=private-state",
        &[agent, referer],
        "",
    );
    edge.send("GET", "/status/private-ticket/events", &[agent], "");
    edge.send("GET", "/private-path?private-query=1", &[agent], "");
    edge.send(
        "POST",
        "/espi/notification?private-query=1",
        &[("Content-Length", "99999999")],
        "",
    );
    edge.get("/permissions/private-ticket/events");
    edge.get("/api/v1/permissions?connectionId=private-customer");
    edge.plain("/OAuthCallback?code=private-code");
    edge.get_as("auditor", "right-s", CSV);
    edge.get_as("auditor", "private-password", CSV);
    edge.get_as("private-user", "right-s", CSV);
    edge.get_as("auditor", "right-s", "/output/link.csv?private-query");
    let (allowed, _) = send_until_refused(&edge, "/start?private-query=over-the-limit");
    let logs = edge.logs(11 + allowed + 1);
    for secret in [
        "private",
        "ticket",
        "Ada",
        "127.0.0.1",
        "right-s",
        "auditor",
        "link.csv",
        "over-the-limit",
    ] {
        let lines: Vec<&str> = logs.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{secret}: {lines:?}");
    }
    for kept in [
        r#""path":"/OAuthCallback","status":"502""#,
        r#""path":"/OAuthCallback","status":"301""#,
        r#""path":"/status/","status":"502""#,
        r#""path":"/output/","status":"200""#,
        r#""path":"/output/","status":"401""#,
        r#""path":"other","status":"404""#,
        r#""path":"/espi/notification","status":"413""#,
        r#""path":"/start","status":"429""#,
        r#""limit":"REJECTED""#,
    ] {
        assert!(logs.contains(kept), "{kept} is missing: {logs}");
    }
}
