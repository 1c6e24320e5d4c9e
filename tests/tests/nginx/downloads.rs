//! Who may read what below `/output/`.

use crate::edge::Edge;
use crate::upstream::Upstream;
use crate::{CSV, NOBODY_THERE, assert_security_headers};

#[test]
fn downloads_need_the_password() {
    let edge = Edge::start(NOBODY_THERE);
    for target in ["/output/", CSV, "/output/nothing.csv"] {
        let answer = edge.get(target);
        assert_eq!(answer.status, 401, "{target}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic ")
        );
        assert!(!answer.body.contains("SA_UUID"));
        assert_security_headers(&answer);
    }
    for (user, password) in [
        ("operator", "right-b"),
        ("newer", "right-b"),
        ("auditor", "right-s"),
    ] {
        let answer = edge.get_as(user, password, CSV);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "SA_UUID,rows\n7,1\n"),
            "{user}"
        );
    }
    for (user, password) in [
        ("operator", "right-s"),
        ("auditor", "right-b"),
        ("operator", ""),
        ("nobody", "right-b"),
    ] {
        assert_eq!(edge.get_as(user, password, CSV).status, 401, "{user}");
    }
}

#[test]
fn downloads_are_saved_and_kept_nowhere_else() {
    let edge = Edge::start(NOBODY_THERE);
    let answer = edge.get_as("auditor", "right-s", CSV);
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("etag"), None);
    assert_security_headers(&answer);
}

#[test]
fn what_is_shown_of_a_download_may_do_nothing() {
    let edge = Edge::start(NOBODY_THERE);
    let report = edge.get_as("auditor", "right-s", "/output/a-report.html");
    assert_eq!(
        (report.status, report.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(
        report.header("content-security-policy"),
        Some(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
        )
    );
    assert_eq!(report.header("content-disposition"), None);
    assert_eq!(report.header("cache-control"), Some("no-store"));
    assert_eq!(report.header("x-frame-options"), Some("DENY"));
    let readme = edge.get_as("auditor", "right-s", "/output/a-readme.txt");
    assert_eq!(
        readme.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(readme.header("x-content-type-options"), Some("nosniff"));
}

/// The page of the folder comes from the console, which is told who reads, by nginx alone; the password stays here.
#[test]
fn the_page_of_the_folder_is_for_those_who_may_download() {
    let upstream = Upstream::start();
    let edge = Edge::start(&upstream.address);
    let moved = edge.get("/output");
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/output/"))
    );
    let forged = [
        ("X-Metergate-Reader", "mallory"),
        ("X-Metergate-Operator", "mallory"),
        ("Authorization", "Basic YXVkaXRvcjpyaWdodC1z"),
    ];
    for target in ["/output/?q=a%20b", "/console/../output/?q=a%20b"] {
        let answer = edge.send("GET", target, &forged, "");
        assert_eq!(answer.status, 200, "{target}");
        assert_security_headers(&answer);
        let seen = upstream.requests.recv().unwrap();
        assert!(
            seen.starts_with("GET /output/?q=a%20b HTTP/1.1\r\n"),
            "{seen}"
        );
        assert!(seen.contains("X-Metergate-Reader: auditor\r\n"), "{seen}");
        assert!(!seen.contains("mallory"), "{seen}");
        assert!(!seen.contains("Authorization"), "{seen}");
    }
    for (user, password) in [("alice", "right-s"), ("auditor", "wrong")] {
        assert_eq!(
            edge.get_as(user, password, "/output/").status,
            401,
            "{user}"
        );
    }
    assert!(upstream.requests.try_recv().is_err());
}

/// Whoever downloads is no operator, and the console is told who it is by nginx alone.
#[test]
fn the_console_needs_a_password_of_its_own() {
    let upstream = Upstream::start();
    let edge = Edge::start(&upstream.address);
    let forged = [
        ("X-Metergate-Operator", "mallory"),
        ("X-Metergate-Reader", "mallory"),
    ];
    for target in [
        "/console/",
        "/console/jobs/1/retry",
        "/output/../console/",
        "/console/%2e%2e/console/audit",
    ] {
        assert_eq!(
            edge.send("GET", target, &forged, "").status,
            401,
            "{target}"
        );
        assert_eq!(
            edge.send("POST", target, &forged, "").status,
            401,
            "{target}"
        );
        for user in ["auditor", "nobody"] {
            assert_eq!(edge.get_as(user, "right-s", target).status, 401, "{user}");
        }
    }
    assert!(upstream.requests.try_recv().is_err());
    let word = ("Authorization", "Basic YWxpY2U6cmlnaHQtcw==");
    let answer = edge.send(
        "GET",
        "/console/customers",
        &[forged[0], forged[1], word],
        "",
    );
    assert_eq!(answer.status, 200);
    assert_security_headers(&answer);
    let seen = upstream.requests.recv().unwrap();
    assert!(seen.contains("X-Metergate-Operator: alice\r\n"), "{seen}");
    assert!(!seen.contains("mallory"), "{seen}");
    assert!(!seen.contains("Authorization"), "{seen}");
    let moved = edge.get("/console");
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/console/"))
    );
}

#[test]
fn nothing_hidden_and_nothing_outside_the_folder_is_served() {
    let edge = Edge::start(NOBODY_THERE);
    for target in [
        "/output/.unfinished.csv",
        "/output/%2eunfinished.csv",
        "/output/older/.hidden",
        "/output/../outside.csv",
        "/output../outside.csv",
        "/output/%2e%2e/outside.csv",
        "/output/..%2foutside.csv",
        "/output/older/../../outside.csv",
        "/output/older/..%2f..%2foutside.csv",
        "/output//../../outside.csv",
        "/output/link.csv",
        "/output/older/",
    ] {
        let answer = edge.get_as("auditor", "right-s", target);
        assert!(
            [400, 403, 404].contains(&answer.status),
            "{target}: {}",
            answer.status
        );
        assert!(
            !answer.body.contains("outside the folder") && !answer.body.contains("hidden"),
            "{target}"
        );
    }
    assert_eq!(
        edge.get_as("auditor", "right-s", "/output/.unfinished.csv")
            .status,
        404
    );
    assert_eq!(edge.send("PUT", "/output/new.csv", &[], "x").status, 401);
    assert_eq!(edge.send("POST", "/output/", &[], "x").status, 401);
}
