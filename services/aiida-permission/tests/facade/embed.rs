//! The page in a frame of the eligible party's own site: who may hold it, and what carries over without cookies.

use reqwest::Method;
use test_support::browser::Visitor;

use crate::page::{assert_is_a_page_in, new};
use crate::site::{Answer, FULL, Options, Site, read};

const PARTY: &str = "https://party.example";

async fn site(origins: &str) -> Site {
    Site::start_with(Options {
        arguments: vec![("--aiida-origins", origins.to_owned())],
        ..Options::default()
    })
    .await
}

/// As a browser asks for what a frame shows.
async fn framed(site: &Site, path: &str) -> Answer {
    let request = site
        .http
        .get(site.url(path))
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "iframe");
    read(request.send().await.unwrap()).await
}

fn ancestors(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy");
    policy.split_once("frame-ancestors ").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_for_the_partys_sites_and_creates_nothing_by_itself() {
    let site = site(&format!("{PARTY},http://127.0.0.1:9000")).await;
    let path = format!("{}&embed=1&lang=de", new(&[FULL]));
    let page = framed(&site, &path).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        ancestors(&page),
        "https://party.example http://127.0.0.1:9000"
    );
    assert!(
        page.body
            .contains("data-hosts=\"https://party.example http://127.0.0.1:9000\"")
    );
    assert!(!page.body.contains("<header>") && !page.body.contains("<svg"));
    let created = "SELECT 'x' FROM aiida.permission";
    assert!(
        site.texts(created).await.is_empty(),
        "looking is not asking"
    );

    // The button; frame and language are said again by every address, as there may be no cookie.
    let pressed = site.ask(Method::POST, &path, None, None).await;
    assert_eq!(pressed.status, 303);
    assert!(
        ancestors(&pressed).starts_with(PARTY),
        "the way there is in the frame too"
    );
    let target = pressed.header("location").to_owned();
    assert!(target.ends_with("?embed=1&lang=de"), "{target}");
    let mut visitor = Visitor::new(None).unwrap();
    let page = visitor.visit(&site.url(&target)).await.unwrap().clone();
    assert_is_a_page_in(&page, "de");
    assert!(page.text().contains("data-stand=\"asked\""));
    visitor.forget_cookies();
    site.sql("UPDATE aiida.permission SET status = 'REJECTED'")
        .await;
    visitor.reload().await.unwrap();
    let renewed = visitor.submit("form", &[]).await.unwrap();
    assert_is_a_page_in(renewed, "de");
    assert_eq!(renewed.url.query(), Some("embed=1&lang=de"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_origins_and_without_the_mode_nobody_frames_it() {
    let nobody = site("").await;
    let party = site(PARTY).await;
    let path = new(&[FULL]);
    for (site, path) in [(&nobody, format!("{path}&embed=1")), (&party, path.clone())] {
        let page = framed(site, &path).await;
        assert_eq!((page.status, ancestors(&page).as_str()), (200, "'none'"));
        let unknown = framed(site, "/permissions/unknown").await;
        assert_eq!(
            (unknown.status, ancestors(&unknown).as_str()),
            (404, "'none'")
        );
        // Framed by whomever, it is only looked at: the button is not pressed by itself.
        let created = "SELECT 'x' FROM aiida.permission";
        assert!(site.texts(created).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_for_other_sites_may_be_loaded_by_them() {
    let site = site(PARTY).await;
    let script = site
        .ask(Method::GET, "/permissions/embed.js", None, None)
        .await;
    assert_eq!(script.status, 200);
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        script.header("cross-origin-resource-policy"),
        "cross-origin"
    );
    assert_eq!(script.header("x-content-type-options"), "nosniff");
    let page = site
        .ask(Method::POST, "/permissions/embed.js", None, None)
        .await;
    assert_eq!((page.status, page.header("allow")), (405, "GET"));
}
