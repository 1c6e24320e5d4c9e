//! The pages as customers read them.

use crate::browser::Browser;
use crate::site::{Options, Site};

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_page() {
    let site = Site::start().await;
    let page = Browser::new(&site).get(&site.url("/")).await;
    page.assert_is_a_page();
    insta::assert_snapshot!("consent", page.markup());
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_page_in_spanish() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let page = browser.get(&site.url("/?lang=es")).await;
    page.assert_is_a_page_in("es");
    insta::assert_snapshot!("consent_es", page.text());
    // The choice is remembered, and each page can be had in the other language.
    let remembered = browser.get(&site.url("/")).await;
    remembered.assert_is_a_page_in("es");
    assert_eq!(remembered.texts(".languages a"), ["English", "Español"]);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_shown_as_configured_and_stays_text() {
    let site = Site::start_with(Options {
        service: vec![
            ("--operator-logo", "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=".to_owned()),
            ("--operator-privacy-url", "https://sunny.example/privacy?a=1&b=\"x".to_owned()),
            ("--operator-contact", "help@sunny.example".to_owned()),
            ("--smd-auth-purpose", "To <b>size</b> your roof.".to_owned()),
        ],
        ..Options::default()
    })
    .await;
    let mut browser = Browser::new(&site);
    let page = browser.get(&site.url("/")).await;
    page.assert_is_a_page();
    assert_eq!(page.texts("header .brand"), ["Sunny <Side> Solar"]);
    assert_eq!(
        page.texts("footer p a"),
        ["Privacy policy of Sunny <Side> Solar"]
    );
    assert!(
        page.body
            .contains("href=\"https://sunny.example/privacy?a=1&#38;b=%22x\"")
    );
    assert!(page.body.contains("href=\"mailto:help@sunny.example\""));
    assert!(page.text().contains("To <b>size</b> your roof."));
    // There is no Spanish text for it, so a reader is told that it is English.
    let page = browser.get(&site.url("/?lang=es")).await;
    assert_eq!(page.texts("dd[lang=en]"), ["To <b>size</b> your roof."]);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_its_authorization_again() {
    let site = Site::start().await;
    let (mut browser, progress) = site.authorized().await;
    let link = |page: &crate::browser::Answer| page.body.contains(&format!("href=\"{progress}\""));
    assert!(link(&browser.get(&site.url("/")).await));
    assert!(
        !link(&Browser::new(&site).get(&site.url("/")).await),
        "nobody else does"
    );
    // What nothing comes of is not offered, and forgotten: the customer is to start again.
    let cookies = browser.cookies.clone();
    for ended in [
        "stage = 'failed', failure = 'trouble'",
        "stage = 'withdrawn', failure = NULL",
        "stage = 'erased', ticket_hash = NULL",
    ] {
        site.sql(&format!("UPDATE smd.authorization SET {ended}"))
            .await;
        browser.cookies.clone_from(&cookies);
        assert!(!link(&browser.get(&site.url("/")).await), "{ended}");
        assert!(browser.cookies.is_empty(), "{ended}");
    }
    site.assert_nothing_private_was_logged();
}

/// The page in Spanish, asked for by the browser's own setting.
async fn spanish_text(browser: &mut Browser<'_>, url: &str) -> String {
    let page = browser.get(&format!("{url}?lang=es")).await;
    browser.cookies.remove("lang");
    page.assert_is_a_page_in("es");
    page.text()
}

/// As the operator finds the customer by it.
async fn receipt_number(site: &Site) -> String {
    let ids = site.texts("SELECT id FROM smd.authorization").await;
    let id: uuid::Uuid = ids[0].parse().unwrap();
    storage::smd::receipt::Receipt::of(id.into()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_ticket_shows_nothing() {
    let site = Site::start().await;
    let (mut browser, progress) = site.authorized().await;
    let ticket = progress.strip_prefix("/status/").unwrap();
    let swapped: String = ticket
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    let digest = site
        .texts("SELECT encode(ticket_hash, 'hex') FROM smd.authorization")
        .await;
    for wrong in [
        &ticket[..31],
        &format!("{ticket}a"),
        &swapped,
        &digest[0],
        &"x".repeat(7000),
        "%00",
        "%ff%fe",
    ] {
        let page = browser.get(&site.url(&format!("/status/{wrong}"))).await;
        assert_eq!(
            (page.status, page.title().as_str()),
            (404, "No such authorization"),
            "{wrong}"
        );
        page.assert_is_a_page();
    }
    site.assert_nothing_private_was_logged();
}

/// What a progress page goes through, one after the other.
pub(crate) const STEPS: [(&str, &str); 12] = [
    ("looking", "SELECT 1"),
    ("planned", "INSERT INTO smd.usage_point SELECT id, unnest(ARRAY['1000000001', '1000000002', '1000000003']) FROM smd.authorization;
         INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at)
             SELECT authorization_id, usage_point_id, n, date '2025-07-01' + n * interval '28 days', date '2025-07-01' + (n + 1) * interval '28 days'
             FROM smd.usage_point, generate_series(0, 12) n"),
    ("fetching", "UPDATE smd.pull SET received_at = now(), readings = 5 WHERE usage_point_id = '1000000001' AND number < 7"),
    ("delayed", "UPDATE smd.authorization SET failure = 'PG&E <b>asks</b> us to go slower; it goes on at 17:00.'"),
    ("finishing", "UPDATE smd.authorization SET stage = 'fetched', failure = NULL, fetched_at = now();
         UPDATE smd.pull SET received_at = now(), readings = 5 WHERE received_at IS NULL"),
    ("delivered", "UPDATE smd.authorization SET exported_at = now()"),
    ("done", "UPDATE smd.authorization SET released_at = now(), access_token = NULL, access_key_id = NULL"),
    ("failed", "UPDATE smd.authorization SET stage = 'failed', released_at = NULL, failure = 'PG&E has <nothing> to share.'"),
    ("failed-ended", "UPDATE smd.authorization SET released_at = now()"),
    ("withdrawn", "UPDATE smd.authorization SET stage = 'withdrawn', failure = NULL"),
    ("superseded", "UPDATE smd.authorization SET stage = 'superseded'"),
    ("erased", "UPDATE smd.authorization SET stage = 'erased'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_page_from_the_first_look_to_the_end() {
    let site = Site::start().await;
    let (mut browser, progress) = site.authorized().await;
    let url = site.url(&progress);
    let (mut seen, mut spanish) = (Vec::new(), Vec::new());
    for (_, step) in STEPS {
        site.sql(step).await;
        let page = browser.get(&url).await;
        assert_eq!(page.status, 200);
        page.assert_is_a_page();
        assert!(!page.body.contains("<b>"), "{}", page.body);
        let refreshes = page.body.contains("http-equiv=\"refresh\"");
        assert_eq!(page.body.contains("data-events="), refreshes);
        seen.push(format!("{}\n(refreshes: {refreshes})\n", page.text()));
        spanish.push(spanish_text(&mut browser, &url).await);
    }
    let receipt = receipt_number(&site).await;
    let hide = |seen: &[String]| seen.join("\n").replace(&receipt, "MG-····-····-····");
    insta::assert_snapshot!("progress", hide(&seen));
    insta::assert_snapshot!("progress_es", hide(&spanish));
    site.sql("DELETE FROM smd.authorization").await;
    assert_eq!(browser.get(&url).await.status, 404);
    site.assert_nothing_private_was_logged();
}
