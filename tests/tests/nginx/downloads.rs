//! Who may read what below `/output/`.

use crate::edge::Edge;
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
fn the_listing_shows_finished_files_only() {
    let edge = Edge::start(NOBODY_THERE);
    let moved = edge.get("/output");
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/output/"))
    );

    let listing = edge.get_as("auditor", "right-s", "/output/");
    assert_eq!(listing.status, 200);
    assert!(
        listing.body.contains("Ada%20Example-7-2026.csv"),
        "{}",
        listing.body
    );
    assert!(!listing.body.contains("unfinished"), "{}", listing.body);
    assert_eq!(listing.header("content-disposition"), None);
    assert_security_headers(&listing);
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
