//! The edge, tested on a real nginx: what `nginx/templates` promise about TLS, who may read downloads, what is
//! reachable at all, and what the logs must not hold.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod downloads;
mod edge;
mod http;
mod limits_and_logs;
mod proxying;
mod slow;
mod upstream;

use std::io::{Read, Write};
use std::process::Command;

use edge::Edge;
use http::Answer;
use rcgen::KeyPair;

/// An address where nobody listens: port 1 is reserved.
const NOBODY_THERE: &str = "127.0.0.1:1";
/// The one finished file in the download folder.
const CSV: &str = "/output/Ada%20Example-7-2026.csv";

fn assert_security_headers(answer: &Answer) {
    let status = answer.status;
    assert_eq!(
        answer.header("server"),
        Some("nginx"),
        "a version in {status}"
    );
    assert!(
        !answer.body.contains("nginx/"),
        "a version in the body of {status}"
    );
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=63072000"),
        "{status}"
    );
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{status}"
    );
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{status}");
    assert_eq!(
        answer.header("referrer-policy"),
        Some("no-referrer"),
        "{status}"
    );
    assert!(answer.header("permissions-policy").is_some(), "{status}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(
        !policy.contains("script-src"),
        "inline scripts are covered by default-src: {policy}"
    );
}

#[test]
fn plain_http_only_redirects_and_answers_acme() {
    let edge = Edge::start(NOBODY_THERE);
    let answer = edge.plain("/start?from=mail");
    assert_eq!(answer.status, 301);
    let expected = format!("https://{}/start?from=mail", edge.public_host());
    assert_eq!(answer.header("location"), Some(expected.as_str()));
    assert_eq!(answer.header("server"), Some("nginx"));

    assert_eq!(edge.plain(CSV).status, 301);
    assert_eq!(
        edge.plain("/.well-known/acme-challenge/../../htpasswd")
            .status,
        301
    );

    edge.answer_challenge("token-1", "token-1.thumbprint");
    let answer = edge.plain("/.well-known/acme-challenge/token-1");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "token-1.thumbprint")
    );
    assert_eq!(
        edge.plain("/.well-known/acme-challenge/token-2").status,
        404
    );
}

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    let edge = Edge::start(NOBODY_THERE);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = edge.connect(&[version]);
        stream
            .write_all(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        let _end = stream.read_to_string(&mut text);
        assert!(text.starts_with("HTTP/1.1 404"), "{version:?}: {text}");
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
    }
}

#[test]
fn tls_1_1_is_refused() {
    let edge = Edge::start(NOBODY_THERE);
    // RFC 4346, 7.4.1.2: a hello of version 3.2 with two cipher suites of its time, no session, no compression.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x09, 0xc0, 0x0a, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    let mut stream = edge.tcp();
    stream.write_all(&record).unwrap();
    let mut alert = [0; 7];
    stream.read_exact(&mut alert).unwrap();
    // An alert (21), fatal (2), protocol_version (70).
    assert_eq!((alert[0], alert[5], alert[6]), (21, 2, 70), "{alert:?}");
}

/// Only a key of RSA can be used without forward secrecy, so it has to be one of these.
fn rsa_key() -> KeyPair {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA"])
        .output()
        .unwrap();
    KeyPair::from_pem(&String::from_utf8(made.stdout).unwrap()).unwrap()
}

#[test]
fn ciphers_without_forward_secrecy_are_refused() {
    let edge = Edge::with_key([NOBODY_THERE; 3], &rsa_key());
    let offer = |cipher: &str| edge.openssl(&["-tls1_2", "-cipher", cipher]);
    let taken = "ECDHE-RSA-AES128-GCM-SHA256";
    let said = offer(taken);
    assert!(said.contains(&format!("Cipher is {taken}")), "{said}");
    // Without forward secrecy; then with it, and encryption that is not authenticated.
    for refused in ["AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA"] {
        let said = offer(refused);
        assert!(
            said.contains("alert handshake failure") && said.contains("Cipher is (NONE)"),
            "{refused}: {said}"
        );
    }
}

/// A session that is sealed in a ticket is open to whoever gets the key, later too. TLS 1.3 says ticket as well of the
/// mere name of a session that the server keeps: 32 bytes, two lines.
#[test]
fn no_session_is_sealed_in_a_ticket() {
    let edge = Edge::start(NOBODY_THERE);
    let (older, newer) = (edge.openssl(&["-tls1_2"]), edge.openssl(&["-tls1_3"]));
    assert!(older.contains("Cipher is ECDHE-"), "{older}");
    assert!(!older.contains("TLS session ticket"), "{older}");
    assert!(newer.contains("TLS session ticket:"), "{newer}");
    assert!(!newer.contains("    0020 - "), "{newer}");
}
