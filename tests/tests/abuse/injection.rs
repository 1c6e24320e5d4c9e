//! What strangers write stays in its field: no line of a log is two, no header and no markup comes of it, and nothing
//! of it is logged at all, nor anything that opens a door.

use serde_json::{Value, json};

use crate::http::Answer;
use crate::world::World;

/// In everything that is sent, to be looked for afterwards.
const MARK: &str = "5tr4nger";

/// Line breaks of every kind, what terminals obey, and what parsers trip over; each with the mark on both sides.
const NASTY: &[&str] = &[
    "\n",
    "\r\n",
    "\u{0}",
    "\u{7}\u{8}\u{b}\u{c}",
    "\u{1b}[2J\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{2028}\u{2029}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffe}",
    "\",\"level\":\"ERROR\",\"message\":\"",
    "\\\",\\n{\"level\":\"ERROR\"}",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}#{7*7}",
    "%s%n%x",
    "=cmd|'/c calc'!A1",
    "'; DROP TABLE aiida.permission; --",
];

fn text(nasty: &str) -> String {
    format!("{MARK}{nasty}{MARK}")
}

/// As an address holds it.
fn escaped(nasty: &str) -> String {
    text(nasty).bytes().fold(String::new(), |escaped, byte| {
        format!("{escaped}%{byte:02x}")
    })
}

#[track_caller]
fn stays_inside(answer: &Answer, what: &str) {
    assert!(
        answer.status < 500,
        "{what}: {} {}",
        answer.status,
        answer.body
    );
    for (name, value) in &answer.headers {
        let echoed = value.contains(MARK) || name.contains(MARK);
        assert!(!echoed, "{what}: {name}: {value}");
    }
    // Whoever asks wrongly may be told their own words, as data.
    let is_json = answer
        .header("content-type")
        .is_some_and(|kind| kind.contains("json"));
    if is_json {
        let parsed: Result<Value, _> = serde_json::from_str(&answer.body);
        assert!(parsed.is_ok(), "{what}: {}", answer.body);
        return;
    }
    let is_raw = |c: char| c.is_ascii_control() && !"\r\n\t".contains(c);
    let is_markup = answer.body.contains("<script>alert(1)") || answer.body.contains(is_raw);
    assert!(!is_markup, "{what}: {:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_write_is_one_line_and_nobodys_markup() {
    let world = World::shared().await;
    for nasty in NASTY {
        in_addresses(&world, nasty);
        in_headers(&world, nasty);
        in_bodies(&world, nasty);
    }
    let secrets = [&world.own, &world.other]
        .into_iter()
        .flat_map(|it| [&it.ticket, &it.token, &it.connection]);
    let site = world.stack.site();
    let mut secrets: Vec<String> = secrets.cloned().collect();
    secrets.extend([
        MARK.to_owned(),
        world.ticket.clone(),
        world.key.clone(),
        site.password.clone(),
    ]);
    secrets.extend(
        site.personal()
            .await
            .unwrap()
            .into_iter()
            .filter(|it| it.len() > 3),
    );
    assert!(secrets.len() > 20, "{}", secrets.len());
    every_line_is_one_of_ours(&world.stack.logs(), &secrets);
    let metrics = world.stack.metrics().unwrap();
    let told = secrets
        .iter()
        .find(|secret| metrics.contains(secret.as_str()));
    assert_eq!(told, None, "a metric tells it");
}

fn in_addresses(world: &World, nasty: &str) {
    let it = escaped(nasty);
    for target in [
        format!("/?{it}={it}"),
        format!("/{it}"),
        format!("/start?x={it}"),
        format!("/OAuthCallback?code={it}&state={it}"),
        format!("/OAuthCallback?error={it}&error_description={it}&state={it}"),
        format!("/status/{it}"),
        format!("/permissions/{it}"),
        format!("/permissions/{it}/events"),
        format!("/permissions/new?dataNeedId={it}&connectionId={it}&meterId={it}"),
        format!("/region-connectors/aiida/permission-request/{it}"),
        format!("/region-connectors/aiida/{it}"),
        format!("/api/connection-status-messages?permission-id={it}"),
        format!("/api/v1/permissions/{it}"),
        format!("/output/{it}"),
    ] {
        stays_inside(&world.send("GET", &target, &[], ""), &target);
    }
    // With a key, so that it is read further.
    for target in [
        format!("/api/v1/permissions?connectionId={it}"),
        format!("/api/v1/permissions?cursor={it}"),
        format!("/api/v1/permissions?status={it}&{it}=1"),
        format!("/api/v1/events?after={it}"),
        format!("/api/v1/permissions/{}/inbound/{it}", world.own.id),
        format!("/api/v1/data-needs/{it}"),
    ] {
        stays_inside(&world.ask("GET", &target, Some(&world.key), ""), &target);
    }
}

fn in_headers(world: &World, nasty: &str) {
    // A line break would be another header: sent by itself, it is one, and says nothing to anybody.
    let value: String = text(nasty)
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n' | '\0'))
        .collect();
    for name in [
        "User-Agent",
        "Referer",
        "Cookie",
        "Accept-Language",
        "X-Forwarded-For",
        "X-Request-Id",
        "traceparent",
        "tracestate",
        "baggage",
        "Origin",
        "Authorization",
        "Last-Event-ID",
        "If-None-Match",
        "Host-Override",
    ] {
        for target in ["/", "/region-connectors/aiida/permission-request/x"] {
            stays_inside(
                &world.send("GET", target, &[(name, &value)], ""),
                &format!("{name} of {target}"),
            );
        }
    }
    let cookie = format!("__Host-metergate-{value}={value}");
    let answer = world.send(
        "GET",
        &format!("/OAuthCallback?code=c&state={MARK}"),
        &[("Cookie", &cookie)],
        "",
    );
    stays_inside(&answer, "a cookie");
}

fn in_bodies(world: &World, nasty: &str) {
    let it = text(nasty);
    let asked = json!({"connectionId": it, "dataNeedIds": [it], "meterId": it, it.clone(): it});
    let need = json!({"id": it, "name": it, "description": it, "purpose": it, "policyLink": it, "type": it});
    let command = json!({"action": it, "transmissionSchedule": it});
    let answer = json!({"operation": it, "aiidaId": it});
    let own = world.own.id;
    let handshake = format!("/region-connectors/aiida/permission-request/{own}");
    let commands = format!("/api/v1/permissions/{own}/commands");
    for (method, target, bearer, body) in [
        (
            "POST",
            "/region-connectors/aiida/permission-request",
            None,
            &asked,
        ),
        ("POST", "/api/v1/permissions", Some(&world.key), &asked),
        ("POST", "/api/v1/data-needs", Some(&world.key), &need),
        ("POST", &commands, Some(&world.key), &command),
        ("PATCH", &handshake, Some(&world.own.token), &answer),
    ] {
        let answer = world.ask(
            method,
            target,
            bearer.map(String::as_str),
            &body.to_string(),
        );
        assert!(
            answer.status >= 400,
            "{target}: {} {}",
            answer.status,
            answer.body
        );
        stays_inside(&answer, target);
    }
    let links = format!(
        "<BatchList xmlns=\"http://naesb.org/espi\"><resources>{it}</resources></BatchList>"
    );
    let answer = world.send(
        "POST",
        "/espi/notification",
        &[("Content-Type", "application/xml")],
        &links,
    );
    stays_inside(&answer, "a notification");
    let answer = world.send(
        "POST",
        &format!("/permissions/new?dataNeedId={}", escaped(nasty)),
        &[],
        &it,
    );
    stays_inside(&answer, "the page that asks");
}

#[track_caller]
fn every_line_is_one_of_ours(logs: &str, secrets: &[String]) {
    let mut seen = 0;
    for line in logs.lines().filter(|line| !line.is_empty()) {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        let is_object = parsed.as_ref().is_ok_and(Value::is_object);
        // nginx says a word about itself when it starts, before it writes JSON.
        let is_nginx = line.contains("[notice]");
        assert!(is_object || is_nginx, "no line of ours: {line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
        let held = secrets.iter().find(|secret| line.contains(secret.as_str()));
        assert_eq!(held, None, "a line of the log holds it: {line}");
        seen += 1;
    }
    assert!(seen > 1000, "{seen} lines");
}
