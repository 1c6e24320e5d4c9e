//! The rate limits, and what the logs say of all that happens.

use std::io::{Read, Write};
use std::time::Instant;

use crate::edge::{Edge, basic};
use crate::http::{Answer, request};
use crate::{CSV, NOBODY_THERE, assert_security_headers};

/// How many requests were let through, and the answer to the next. Ends as long as more than five a second are sent.
fn send_until_refused(edge: &Edge, target: &str) -> (usize, Answer) {
    let mut answers = (0..400).map(|_| edge.get(target)).enumerate();
    answers
        .find(|(_, answer)| answer.status == 429)
        .unwrap_or_else(|| panic!("{target} is not limited"))
}

/// The burst of 40 and the first were let through, and five for each second that has begun since.
fn assert_rate(target: &str, allowed: usize, since: Instant) {
    let seconds = usize::try_from(since.elapsed().as_secs()).unwrap() + 1;
    assert!(
        (41..=41 + 5 * seconds).contains(&allowed),
        "{target}: {allowed} were let through in {seconds} s"
    );
}

#[test]
fn too_many_requests_get_429() {
    let edge = Edge::start(NOBODY_THERE);
    for target in ["/start", "/output/"] {
        let started = Instant::now();
        let (allowed, refused) = send_until_refused(&edge, target);
        assert_rate(target, allowed, started);
        assert!(refused.header("retry-after").is_some());
        assert_security_headers(&refused);
    }
    // The custodian sends many at once.
    let notifications = (0..120).map(|_| edge.send("POST", "/espi/notification", &[], "x").status);
    assert_eq!(notifications.filter(|status| *status == 429).count(), 0);
}

/// Passwords are not looked at beyond the limit, the right one neither.
#[test]
fn guessing_passwords_is_slowed_down() {
    for (target, user) in [
        ("/output/", "auditor"),
        (CSV, "auditor"),
        ("/console/", "alice"),
    ] {
        // An edge of its own: what an address may do is shared by the three.
        let edge = Edge::start(NOBODY_THERE);
        let guess = |password| {
            let word = basic(user, password);
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {word}\r\n\r\n")
        };
        let last = request("GET", "/nowhere", &[], "");
        let requests = guess("wrong").repeat(100) + &guess("right-s").repeat(100) + &last;
        let started = Instant::now();
        let text = pipelined(&mut edge.connect(rustls::ALL_VERSIONS), &requests);
        let answers: Vec<&str> = text.split("HTTP/1.1 ").skip(1).collect();
        assert_eq!(answers.len(), 201, "{target}: {text}");
        let (wrong, right) = answers[..200].split_at(100);
        let refused = |answers: &[&str]| {
            let refused = answers.iter().filter(|answer| answer.starts_with("429 "));
            refused.count()
        };
        let unknown = wrong.iter().filter(|answer| answer.starts_with("401 "));
        assert_eq!(unknown.count() + refused(wrong), 100, "{target}: {text}");
        assert_rate(target, 200 - refused(wrong) - refused(right), started);
        assert!(refused(right) > 0, "{target}: {text}");
    }
}

/// Guessing a key: 256 bits and the burst of 200 for homes behind one address, then no more than 50 a second.
#[test]
fn guessing_keys_is_slowed_down() {
    let edge = Edge::start(NOBODY_THERE);
    let mut stream = edge.connect(rustls::ALL_VERSIONS);
    let guess =
        "GET /api/v1/permissions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer mgk_x\r\n";
    let others = format!("{guess}\r\n").repeat(499);
    let requests = format!("{others}{guess}Connection: close\r\n\r\n");
    let text = pipelined(&mut stream, &requests);
    let answers = |status: &str| text.matches(&format!("HTTP/1.1 {status} ")).count();
    let (asked, refused) = (answers("502"), answers("429"));
    assert_eq!(asked + refused, 500, "{text}");
    assert!(
        (201..400).contains(&asked),
        "{asked} guesses were let through"
    );
    assert!(text.contains("application/problem+json") && text.contains("\"status\":429"));
}

/// Writes and reads at once: nginx stops reading when nobody takes its answers.
fn pipelined(stream: &mut (impl Read + Write), requests: &str) -> String {
    let (mut text, mut chunk) = (String::new(), [0; 16 * 1024]);
    for part in requests.as_bytes().chunks(2048) {
        stream.write_all(part).unwrap();
    }
    stream.flush().unwrap();
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        text.push_str(std::str::from_utf8(chunk.get(..count).unwrap()).unwrap());
    }
    text
}

/// A home that is refused its answer is lost, so whoever floods us with requests must not use up its share.
#[test]
fn a_flood_of_requests_leaves_the_handshake_alone() {
    let edge = Edge::start(NOBODY_THERE);
    let id = "5d1a2c3e-0000-4000-8000-000000000001";
    let button = "/region-connectors/aiida/permission-request";
    let handshake = format!("{button}/{id}");
    let creates = [
        ("POST", button),
        ("GET", "/permissions/new?dataNeedId=d&connectionId=c"),
        ("POST", "/permissions/new?dataNeedId=d&connectionId=c"),
        ("POST", "/permissions/ticket/again"),
    ];
    let mut allowed = 0;
    while edge.send("POST", button, &[], "{}").status != 429 {
        allowed += 1;
        assert!(allowed < 60, "one a second, and a burst of 20");
    }
    assert!(allowed >= 21, "refused after {allowed}");
    for _ in 0..5 {
        for (method, target) in creates {
            edge.send(method, target, &[], "{}");
        }
    }
    let refused = creates.map(|(method, target)| edge.send(method, target, &[], "{}"));
    assert!(refused.iter().any(|answer| answer.status == 429));
    for answer in refused.iter().filter(|answer| answer.status == 429) {
        assert!(answer.header("retry-after").is_some());
        assert_security_headers(answer);
    }
    for _ in 0..60 {
        assert_eq!(edge.send("PATCH", &handshake, &[], "{}").status, 502);
    }
    assert_eq!(edge.get(&handshake).status, 502);
    assert_eq!(edge.get("/permissions/ticket").status, 502);
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
