//! Tokens that expire, and the one refresh that answers it.

use custodian::ledger::RequestKind;
use test_support::wait;

use crate::harness::{DEADLINE, World};

#[tokio::test(flavor = "multi_thread")]
async fn expired_tokens_are_refreshed_once_each_time() {
    for status in ["401", "403"] {
        let world = World::start(
            &[("--access-seconds", "2"), ("--expired", status)],
            &[("--smd-request-spacing", "250")],
        )
        .await;
        let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
        let granted = world.grant_some("fable", &[0, 2]).await;
        world.until_delivered(&granted).await;
        world.assert_complete(&granted).await;
        world.assert_no_tokens().await;
        let failed = world
            .number("SELECT count(*) FROM jobs.job WHERE errors <> '{}'")
            .await;
        assert_eq!(failed, 0, "attempts that failed with status {status}");
        assert!(world.requests(RequestKind::Token).await >= 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_find_the_token_expired_refresh_it_once() {
    let world = World::start(&[("--access-seconds", "3")], &[]).await;
    let fetcher = world.fetcher();
    let _exporter = world.exporter();
    let granted = world.grant("later").await;
    let waiting = "(SELECT count(*) FROM smd.pull WHERE accepted_at IS NOT NULL) = 3";
    world.until("all usage points to wait", waiting).await;
    let links = wait::until(DEADLINE, "three announcements", async || {
        let links = world.announced().await;
        (links.len() == 3).then_some(links)
    })
    .await;
    world
        .until_row(granted.id, "access_expires_at < now()")
        .await;
    let before = world.requests(RequestKind::Token).await;
    fetcher.stop().await;
    for link in &links {
        let point = link
            .split("/UsagePoint/")
            .nth(1)
            .and_then(|it| it.split('?').next());
        world.notify(&granted, link, point).await;
    }
    let _fetcher = world.fetcher();
    let collected = "NOT EXISTS (SELECT FROM smd.notice WHERE collected_at IS NULL)";
    world.until("all three", collected).await;
    let failed = world
        .number("SELECT count(*) FROM jobs.job WHERE kind = 'smd.collect' AND errors <> '{}'")
        .await;
    assert_eq!(failed, 0, "an invalid_grant was not read once more");
    // One for the customer, and our own for the sweep of the new process.
    let refreshes = world.requests(RequestKind::Token).await - before;
    assert!((1..=3).contains(&refreshes), "{refreshes} token requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_was_lost_ends_the_fetch_and_is_released() {
    let world = World::start(&[], &[("--smd-request-spacing", "150")]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("fable", &[0, 1]).await;
    world
        .until(
            "a window",
            "EXISTS (SELECT FROM smd.pull WHERE readings > 0)",
        )
        .await;
    // Somebody refreshed and died before the new pair was stored. The custodian drops the old one.
    world
        .client
        .refresh(&granted.tokens.refresh_token)
        .await
        .unwrap();
    world
        .until_row(granted.id, "stage = 'failed' AND released_at IS NOT NULL")
        .await;
    let words = world.column(granted.id, "failure").await.unwrap();
    assert!(words.contains("start again"), "{words}");
    world.assert_no_tokens().await;
    let report = world.at_custodian(&granted).await;
    assert_eq!(format!("{:?}", report.state), "Deleted");
    assert_eq!(world.readings(&granted).await, 0, "of no use to anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_stored_encrypted_only() {
    use service_kit::secret::ExposeSecret as _;
    let world = World::start(&[], &[]).await;
    let granted = world.grant_some("fable", &[0]).await;
    let stored = "SELECT (SELECT string_agg(a::text, ' ') FROM smd.authorization a)
             || encode((SELECT access_token || refresh_token FROM smd.authorization), 'escape')
             || (SELECT string_agg(j::text, ' ') FROM jobs.job j)";
    let stored = world.database.text(stored).await.unwrap().unwrap();
    for token in [&granted.tokens.access_token, &granted.tokens.refresh_token] {
        assert!(!stored.contains(token.expose_secret()));
    }
}
