//! What is no answer of the custodian, and the custodian's refusals in words.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use reqwest::Method;

use crate::browser::{Browser, parameter};
use crate::site::Site;

/// The refusal of an address with the given query, in a browser without any state.
async fn refused(query: &str, title: &str, counter: &str) {
    let site = Site::start().await;
    let answer = Browser::new(&site)
        .get(&site.url(&format!("/OAuthCallback{query}")))
        .await;
    site.assert_refused(&answer, 400, title, counter);
    assert_eq!(site.count("smd.authorization").await, 0);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_no_answer_are_refused() {
    let incomplete = "This link is incomplete";
    refused("", incomplete, "malformed").await;
    refused("?state=alone", incomplete, "malformed").await;
    refused("?code=abcd", incomplete, "no_state").await;
    refused("?code=abcd&state=", incomplete, "no_state").await;
    refused("?error=access_denied", incomplete, "no_state").await;
    refused("?code=a&code=b&state=s", incomplete, "malformed").await;
    refused(
        "?code=a&authorization_code=b&state=s",
        incomplete,
        "malformed",
    )
    .await;
    refused("?code=a&state=s&state=t", incomplete, "malformed").await;
    let long = format!("?code={}&state=s", "x".repeat(9000));
    refused(&long, incomplete, "malformed").await;
    let hostile = "?code=%00%ff&state=%3Cscript%3E%0d%0aSet-Cookie:%20a=b";
    refused(
        hostile,
        "This link does not belong to this browser",
        "unknown",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_itself_may_be_longer_than_any_server_reads() {
    let site = Site::start().await;
    let address = site.base.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let request = format!(
        "GET /OAuthCallback?code={} HTTP/1.1\r\nHost: x\r\n\r\n",
        "x".repeat(200_000)
    );
    // The server may hang up before it has read everything.
    let sent = stream.write_all(request.as_bytes());
    let mut answer = [0; 12];
    let read = stream.read_exact(&mut answer);
    assert!(
        sent.is_err() || read.is_err() || answer.starts_with(b"HTTP/1.1 4"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    // And it goes on serving.
    assert_eq!(Browser::new(&site).get(&site.url("/")).await.status, 200);
    site.assert_nothing_private_was_logged();
}

/// Comes back with `answer` instead of a code, in a session of its own.
async fn error(answer: &str, words: &str) {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let (_, state) = browser.start().await;
    let url = site.url(&format!("/OAuthCallback?{answer}&state={state}"));
    let page = browser.get(&url).await;
    site.assert_refused(&page, 200, "Nothing was shared", "denied");
    assert!(page.text().contains(words), "{}", page.text());
    assert!(page.text().contains("Start again"));
    for hostile in ["<script", "<img", "alert(", "Ms. Fable"] {
        assert!(!page.body.contains(hostile), "{hostile} in\n{}", page.body);
    }
    assert!(browser.states().is_empty());
    // The state is spent, whatever came with it.
    let again = browser.get(&url).await;
    assert_eq!(again.status, 400);
    assert_eq!(site.count("smd.authorization").await, 0);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_custodians_errors_are_said_in_words() {
    error(
        "error=access_denied",
        "You cancelled the authorization at PG&E",
    )
    .await;
    error("error=invalid_request", "This is for us to repair").await;
    error("error=server_error", "start again in a few minutes").await;
    error(
        "error=temporarily_unavailable",
        "start again in a few minutes",
    )
    .await;
    error(
        "error=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&error_description=%3Cscript%3Ealert(%22Ms.%20Fable%22)%3C/script%3E",
        "PG&E ended the authorization with an error",
    )
    .await;
    // Both at once: the error counts, the code is not touched.
    error("error=access_denied&code=madeup0123456789", "You cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_said_in_the_language_that_was_chosen() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    browser.get(&site.url("/?lang=es")).await;
    let (authorize, _) = browser.start().await;
    let back = browser.cancel(&authorize).await;
    let page = browser.get(&back).await;
    page.assert_is_a_page_in("es");
    assert_eq!(page.title(), "No se compartió nada");
    assert!(page.text().contains("Usted canceló"), "{}", page.text());
    assert_eq!(
        page.texts(".languages a"),
        [""; 0],
        "this address works once"
    );
    let page = browser.get(&site.url("/status/unknown")).await;
    assert_eq!(page.title(), "No existe esa autorización");
    assert_eq!(page.texts(".languages a").len(), 2);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_at_the_custodian_ends_on_a_plain_page() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let (authorize, _) = browser.start().await;
    let back = browser.cancel(&authorize).await;
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    let page = browser.get(&back).await;
    site.assert_refused(&page, 200, "Nothing was shared", "denied");
    insta::assert_snapshot!("denied", page.markup());
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_without_taking_uses_nothing_up() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    for path in ["/", "/status/unknown"] {
        let whole = browser.get(&site.url(path)).await;
        let head = browser.ask(Method::HEAD, &site.url(path)).await;
        assert_eq!(head.status, whole.status, "{path}");
        assert_eq!(head.body, "");
        assert_eq!(head.header("cache-control"), "no-store");
    }
    assert_eq!(
        browser.ask(Method::HEAD, &site.url("/start")).await.status,
        405
    );
    assert_eq!(site.count("smd.login").await, 0);
    let callback = browser.walk_to_callback("fable").await;
    // A scanner that follows links before the customer does.
    let head = browser.ask(Method::HEAD, &callback).await;
    assert_eq!((head.status, head.header("allow")), (405, "GET"));
    assert_eq!(browser.get(&callback).await.status, 303);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_addresses_are_refused_with_a_page() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    for (path, allowed) in [
        ("/", "GET, HEAD"),
        ("/start", "GET"),
        ("/OAuthCallback?code=a&state=b", "GET"),
        ("/status/unknown", "GET, HEAD"),
        ("/status/unknown/events", "GET"),
        ("/status/live.js", "GET, HEAD"),
    ] {
        for method in [Method::POST, Method::DELETE] {
            let answer = browser.ask(method, &site.url(path)).await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, allowed),
                "{path}"
            );
            answer.assert_is_a_page();
        }
    }
    for path in [
        "/status",
        "/status/",
        "/status/a/b",
        "/status/a/events/b",
        "/metrics",
        "/healthz",
        "/..%2f",
        "/%ff",
    ] {
        let answer = browser.get(&site.url(path)).await;
        assert_eq!(
            (answer.status, answer.title().as_str()),
            (404, "No such page"),
            "{path}"
        );
        answer.assert_is_a_page();
    }
    let answer = browser.get(&site.url("/espi/notification")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    site.assert_nothing_private_was_logged();
}
