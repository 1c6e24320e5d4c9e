//! The household's page, as a browser without JavaScript sees it, and its event stream.

use permission::code::{Bundle, Single};
use reqwest::Method;
use scraper::{Html, Selector};
use test_support::browser::{Page, Visitor};
use test_support::wait;

use crate::site::{
    CONNECTION, DEADLINE, FULL, INBOUND, Options, RAW, Site, assert_not_logged, handshake, read,
};
use crate::states::ACCEPTED_A_WHILE_AGO;

pub(crate) fn new(needs: &[&str]) -> String {
    let needs: Vec<String> = needs
        .iter()
        .map(|need| format!("dataNeedId={need}"))
        .collect();
    format!(
        "/permissions/new?{}&connectionId={CONNECTION}",
        needs.join("&")
    )
}

/// A visitor who was shown a new code for these data needs, and that page.
pub(crate) async fn shown(site: &Site, needs: &[&str]) -> (Visitor, Page) {
    let mut visitor = Visitor::new(None).unwrap();
    let page = visitor.visit(&site.url(&new(needs))).await.unwrap().clone();
    (visitor, page)
}

/// The code of the page, which a home has accepted.
pub(crate) async fn accepted(site: &Site, page: &Page) -> Bundle {
    let code = current(page);
    site.patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
        .await;
    code
}

/// Correct HTML, small, private, silent about its address, with one script of ours and none inline.
pub(crate) fn assert_is_a_page_in(page: &Page, language: &str) {
    let header = |name: &str| page.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(page.content_type(), "text/html; charset=utf-8");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && policy.contains("style-src 'sha256-"));
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    let text = page.text();
    assert!(text.len() < 60_000, "{} bytes", text.len());
    let start = format!("<!DOCTYPE html>\n<html lang=\"{language}\">\n");
    assert!(text.starts_with(&start), "{text}");
    let html = Html::parse_document(&text);
    assert!(html.errors.is_empty(), "{:?} in\n{text}", html.errors);
    assert_eq!(
        page.select("title"),
        page.select("h1"),
        "a page has one name"
    );
    for script in html.select(&Selector::parse("script").unwrap()) {
        assert_eq!(script.attr("src"), Some("/permissions/live.js"));
        assert_eq!(script.text().collect::<String>(), "");
        assert!(policy.contains("script-src 'self';"), "{policy}");
    }
    let mut ids = Vec::new();
    for element in html.select(&Selector::parse("*").unwrap()) {
        for (name, _) in element.value().attrs() {
            assert!(
                !name.starts_with("on") && name != "style",
                "{name} in\n{text}"
            );
        }
        if let Some(id) = element.attr("id") {
            assert!(!ids.contains(&id), "{id} twice");
            ids.push(id);
        }
    }
    for field in html.select(&Selector::parse("textarea").unwrap()) {
        let label = format!("label[for={}]", field.attr("id").unwrap());
        assert_eq!(page.select(&label).len(), 1, "{label}");
    }
}

/// The same, which nobody may frame.
fn assert_is_a_page(page: &Page) {
    assert_is_a_page_in(page, "en");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
}

/// What it says, one line per block; the days are others each day.
pub(crate) fn said(page: &Page) -> String {
    let said = page.select("main :is(h1, h2, h3, p:not(.copy), li, dt, dd, summary, label, button, a.older, .head .badge)");
    let lines = said.iter().filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines
        .map(|line| {
            let is_dated = [
                "from ",
                "vom ",
                "ab dem ",
                "The code is good until ",
                "Der Code gilt bis ",
            ]
            .iter()
            .any(|start| line.starts_with(start));
            let is_ours = line.contains("127.0.0.1");
            match (is_dated, is_ours) {
                (true, _) => "(days)",
                (_, true) => "(the host)",
                _ => line,
            }
        })
        .collect();
    lines.join("\n")
}

pub(crate) fn current(page: &Page) -> Bundle {
    Bundle::from_text(&page.select("#code")[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_follows_a_link_and_its_home_accepts() {
    let site = Site::start().await;
    let (mut visitor, page) = shown(&site, &[FULL]).await;
    assert_eq!(page.status, 200);
    assert_is_a_page(&page);
    let ticket = page
        .url
        .path()
        .strip_prefix("/permissions/")
        .unwrap()
        .to_owned();
    assert_eq!((ticket.len(), page.url.query()), (32, None));
    insta::assert_snapshot!("page_asked", said(&page));
    let code = current(&page);
    assert!(
        page.select("a.older").is_empty(),
        "homes of 2025 do not know V1-12"
    );
    let pictures = page.text().matches("<svg").count();
    assert_eq!(pictures, 1);

    // Loading it again creates nothing and shows the same code.
    let again = visitor.reload().await.unwrap().clone();
    assert_eq!(current(&again), code);
    assert_eq!(
        site.texts("SELECT 'x' FROM aiida.permission").await.len(),
        1
    );

    let answer = site
        .patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
        .await;
    assert_eq!(answer.status, 200);
    let page = visitor.reload().await.unwrap().clone();
    assert_is_a_page(&page);
    assert_eq!(page.title(), "Accepted");
    for secret in [code.access_token.as_str(), code.to_text().as_str(), "<svg"] {
        assert!(!page.text().contains(secret), "the code is gone");
    }
    site.sql("UPDATE aiida.permission SET granted_at = now(), first_message_at = now()")
        .await;
    let page = visitor.reload().await.unwrap().clone();
    insta::assert_snapshot!("page_active", said(&page));
    site.tell(&code.permission_ids[0].to_string(), "REVOKED")
        .await;
    let page = visitor.reload().await.unwrap();
    assert_eq!(page.title(), "You have withdrawn");
    assert!(
        !page.text().contains("data-events"),
        "nothing more will happen there"
    );
    assert_not_logged(&[&ticket, CONNECTION, &code.access_token]);
    let stored = site
        .texts("SELECT p FROM aiida.permission p")
        .await
        .concat();
    assert!(!stored.contains(&ticket));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_and_the_code_of_older_homes() {
    let site = Site::start().await;
    let (mut visitor, page) = shown(&site, &[RAW, FULL, INBOUND]).await;
    assert_is_a_page(&page);
    let code = current(&page);
    assert_eq!(code.permission_ids.len(), 3);
    // Only the raw one speaks their language.
    assert_eq!(page.select("a.older").len(), 1);
    let shown = visitor.click("a.older").await.unwrap();
    assert_is_a_page(shown);
    let older = [Single::from_text(&shown.select("#code")[0]).unwrap()];
    assert_eq!(older[0].service_name, "Meter & more");
    // One is answered: the code is for the others.
    let first = code
        .permission_ids
        .iter()
        .position(|id| *id == older[0].permission_id)
        .unwrap();
    site.patch(&handshake(&code, first), &code.access_token, "REJECT")
        .await;
    let page = visitor.reload().await.unwrap().clone();
    assert_eq!(current(&page).permission_ids.len(), 2);
    assert!(page.select("a.older").is_empty());
    assert!(said(&page).contains("declined\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_never_connects_is_shown_as_such() {
    let site = Site::start().await;
    let (mut visitor, page) = shown(&site, &[FULL]).await;
    let code = accepted(&site, &page).await;
    assert_eq!(visitor.reload().await.unwrap().title(), "Accepted");
    assert!(
        visitor.submit("form", &[]).await.is_err(),
        "nothing is offered yet"
    );
    site.sql(&format!(
        "UPDATE aiida.permission SET {ACCEPTED_A_WHILE_AGO}, granted_at = now()"
    ))
    .await;
    let page = visitor.reload().await.unwrap().clone();
    assert_eq!(page.title(), "Nothing has arrived yet");
    insta::assert_snapshot!("page_silent", said(&page));
    let renewed = visitor.submit("form", &[]).await.unwrap().clone();
    assert_eq!(renewed.status, 200);
    assert_ne!(renewed.url, page.url);
    assert_ne!(current(&renewed).permission_ids, code.permission_ids);
    let connections = "SELECT DISTINCT connection_id FROM aiida.permission";
    assert_eq!(site.texts(connections).await, [CONNECTION]);
    // While a code is good, there is no other.
    let again = site
        .ask(
            Method::POST,
            &format!("{}/again", renewed.url.path()),
            None,
            None,
        )
        .await;
    assert_eq!(again.status, 409);
}

/// Most inbound homes never say anything: nobody is told that such a home is connected, or that it is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_only_receives_is_not_said_to_be_connected() {
    let site = Site::start().await;
    let (mut visitor, page) = shown(&site, &[INBOUND]).await;
    accepted(&site, &page).await;
    site.sql("UPDATE aiida.permission SET granted_at = now()")
        .await;
    let page = visitor.reload().await.unwrap().clone();
    assert_eq!(page.title(), "Accepted");
    assert!(said(&page).contains("is about to connect"));
    assert!(page.select("form").is_empty(), "too early for a new code");
    site.sql(&format!(
        "UPDATE aiida.permission SET {ACCEPTED_A_WHILE_AGO}"
    ))
    .await;
    let page = visitor.reload().await.unwrap().clone();
    assert_is_a_page(&page);
    assert_eq!(page.title(), "Accepted");
    insta::assert_snapshot!("page_unseen", said(&page));
    assert!(page.text().contains("data-state=\"unseen\""));
    // It has acknowledged what it received.
    site.sql("UPDATE aiida.permission SET first_message_at = now()")
        .await;
    let page = visitor.reload().await.unwrap().clone();
    assert_eq!(page.title(), "Connected");
    assert!(page.select("form").is_empty());
}

/// Programs that look at a link for a preview, or ahead, create nothing; a person is one button away.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_person_creates_by_a_link() {
    let site = Site::start().await;
    let path = new(&[FULL]);
    let looks: [&[(&str, &str)]; 4] = [
        &[("user-agent", "a messenger's preview")],
        &[("sec-fetch-mode", "no-cors")],
        &[("sec-fetch-mode", "navigate"), ("sec-purpose", "prefetch")],
        &[("sec-fetch-mode", "navigate"), ("purpose", "prefetch")],
    ];
    for headers in looks {
        let mut request = site.http.get(site.url(&path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{headers:?}");
        let html = Html::parse_document(&answer.body);
        assert!(html.errors.is_empty(), "{:?}", html.errors);
        let button = html
            .select(&Selector::parse("form[method=post] button").unwrap())
            .next();
        assert!(button.is_some(), "{}", answer.body);
        assert!(!answer.body.contains("<svg"));
    }
    let created = "SELECT 'x' FROM aiida.permission";
    assert!(site.texts(created).await.is_empty());
    // The form has no address of its own, so it is sent to the page's.
    let pressed = site.ask(Method::POST, &path, None, None).await;
    assert_eq!(pressed.status, 303);
    assert_eq!(site.texts(created).await.len(), 1);
    let shown = site
        .ask(Method::GET, pressed.header("location"), None, None)
        .await;
    assert!(shown.body.contains("<svg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_code_is_not_shown() {
    let site = Site::start().await;
    let mut visitor = Visitor::new(None).unwrap();
    visitor.visit(&site.url(&new(&[FULL]))).await.unwrap();
    // Before the clock's job has seen it.
    site.sql("UPDATE aiida.permission SET sent_at = now() - interval '169 hours'")
        .await;
    let page = visitor.reload().await.unwrap();
    assert_eq!(page.title(), "This code has expired");
    assert!(!page.text().contains("<svg"));
    assert_eq!(
        visitor.submit("form", &[]).await.unwrap().title(),
        "Share data from your home"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_wrong_create_nothing() {
    let site = Site::start().await;
    let mut visitor = Visitor::new(None).unwrap();
    let unknown = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1aff";
    for path in [
        "/permissions/new".to_owned(),
        format!("/permissions/new?dataNeedId={FULL}"),
        format!("/permissions/new?dataNeedId={FULL}&connectionId=%20"),
        format!("/permissions/new?connectionId={CONNECTION}"),
        "/permissions/new?dataNeedId=<script>&connectionId=c".to_owned(),
        new(&[unknown]),
        new(&[crate::site::DISABLED]),
    ] {
        let page = visitor.visit(&site.url(&path)).await.unwrap();
        assert_eq!(page.status, 400, "{path}");
        assert_is_a_page(page);
        assert!(!page.text().contains("<script>"));
    }
    for (status, method, path) in [
        (404, Method::GET, "/permissions/unknown-ticket"),
        (404, Method::GET, "/permissions/unknown-ticket/events"),
        (404, Method::POST, "/permissions/unknown-ticket/again"),
        (
            404,
            Method::GET,
            &format!("/permissions/{}", "x".repeat(100)),
        ),
        (404, Method::GET, "/permissions/a/b/c"),
        (405, Method::HEAD, &new(&[FULL])),
        (405, Method::PUT, &new(&[FULL])),
        (400, Method::POST, "/permissions/new"),
        (405, Method::GET, "/permissions/unknown-ticket/again"),
    ] {
        let answer = site.ask(method, path, None, None).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert!(
        site.texts("SELECT 'x' FROM aiida.permission")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_escaped() {
    let site = Site::start_with(Options::default()).await;
    let mut visitor = Visitor::new(None).unwrap();
    let page = visitor.visit(&site.url(&new(&[FULL, RAW]))).await.unwrap();
    let text = page.text();
    assert!(text.contains("Sunny &#60;Side&#62; Solar") && text.contains("&#60;often&#62;"));
    assert!(text.contains("Meter &#38; more"));
    assert!(!text.contains("<Side>") && !text.contains("<often>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_tells_when_the_page_is_out_of_date() {
    let site = Site::start().await;
    let (_visitor, page) = shown(&site, &[FULL]).await;
    let code = current(&page);
    assert!(page.text().contains("data-state=\"asked\""));
    let mut stream = site
        .http
        .get(site.url(&format!("{}/events", page.url.path())))
        .send()
        .await
        .unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut told = String::new();
    let mut until = async |wanted: &str| {
        while !told.contains(wanted) {
            let chunk = tokio::time::timeout(DEADLINE, stream.chunk())
                .await
                .expect(wanted);
            told += std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
        }
    };
    until("event: state\ndata: asked\n\n").await;
    site.patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
        .await;
    until("event: state\ndata: awaited\n\n").await;
    site.sql("UPDATE aiida.permission SET first_message_at = now()")
        .await;
    until("event: state\ndata: active\n\n").await;
    let script = wait::until(DEADLINE, "the script", async || {
        let answer = site
            .ask(Method::GET, "/permissions/live.js", None, None)
            .await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
}
