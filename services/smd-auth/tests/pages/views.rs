//! The pages as customers read them.

use crate::browser::Browser;
use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_page() {
    let site = Site::start().await;
    let page = Browser::new(&site).get(&site.url("/")).await;
    page.assert_is_a_page();
    insta::assert_snapshot!("consent", page.body);
    site.assert_nothing_private_was_logged();
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
        .texts("SELECT encode(ticket_hash, 'hex') AS text FROM smd.authorization")
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

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_page_from_the_first_look_to_the_end() {
    let site = Site::start().await;
    let (mut browser, progress) = site.authorized().await;
    let url = site.url(&progress);
    let mut seen = Vec::new();
    let steps = [
        "SELECT 1",
        "INSERT INTO smd.usage_point SELECT id, unnest(ARRAY['1000000001', '1000000002', '1000000003']) FROM smd.authorization;
         INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at)
             SELECT authorization_id, usage_point_id, n, now() + n * interval '28 days', now() + (n + 1) * interval '28 days'
             FROM smd.usage_point, generate_series(0, 12) n",
        "UPDATE smd.pull SET received_at = now(), readings = 5 WHERE usage_point_id = '1000000001' AND number < 7",
        "UPDATE smd.authorization SET failure = 'PG&E <b>asks</b> us to go slower; it goes on at 17:00.'",
        "UPDATE smd.authorization SET stage = 'fetched', failure = NULL, fetched_at = now();
         UPDATE smd.pull SET received_at = now(), readings = 5 WHERE received_at IS NULL",
        "UPDATE smd.authorization SET exported_at = now()",
        "UPDATE smd.authorization SET released_at = now(), access_token = NULL, access_key_id = NULL",
        "UPDATE smd.authorization SET stage = 'failed', released_at = NULL, failure = 'PG&E has <nothing> to share.'",
        "UPDATE smd.authorization SET released_at = now()",
        "UPDATE smd.authorization SET stage = 'withdrawn', failure = NULL",
        "UPDATE smd.authorization SET stage = 'superseded'",
        "UPDATE smd.authorization SET stage = 'erased'",
    ];
    for step in steps {
        site.sql(step).await;
        let page = browser.get(&url).await;
        assert_eq!(page.status, 200);
        page.assert_is_a_page();
        assert!(!page.body.contains("<b>"), "{}", page.body);
        let refreshes = page.body.contains("http-equiv=\"refresh\"");
        seen.push(format!("{}\n(refreshes: {refreshes})\n", page.text()));
    }
    insta::assert_snapshot!("progress", seen.join("\n"));
    site.sql("DELETE FROM smd.authorization").await;
    assert_eq!(browser.get(&url).await.status, 404);
    site.assert_nothing_private_was_logged();
}
