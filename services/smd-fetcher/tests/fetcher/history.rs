//! What is pulled, and how it goes on after trouble.

use custodian::ledger::{RequestCounts, RequestKind};
use jiff::SignedDuration;
use service_kit::clock::{Clock as _, SystemClock};
use test_support::wait;

use crate::harness::{DEADLINE, World};

#[tokio::test(flavor = "multi_thread")]
async fn every_interval_of_every_usage_point_comes_once() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant("fable").await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    world.assert_no_tokens().await;
    let report = world.at_custodian(&granted).await;
    assert_eq!(format!("{:?}", report.state), "Deleted");
    assert_eq!(
        world.files().len(),
        4,
        "electricity, gas, readme and report"
    );
    let staged = world
        .number("SELECT count(*) FROM smd.staged_reading")
        .await;
    assert_eq!(staged, 0, "nothing is left on the way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_without_data_is_a_result() {
    // The custodian is far behind: the newest windows are answered 204.
    let world = World::start(&[("--lag-days", "20")], &[("--history-window-days", "5")]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("fable", &[0]).await;
    world.until_delivered(&granted).await;
    let count = |condition: &str| format!("SELECT count(*) FROM smd.pull WHERE {condition}");
    assert!(world.number(&count("readings = 0")).await >= 2);
    assert!(world.number(&count("readings > 0")).await >= 2);
    assert_eq!(world.number(&count("received_at IS NULL")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_without_any_reading_is_no_delivery() {
    let world = World::start(&[("--lag-days", "60")], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("fable", &[0]).await;
    world
        .until_row(granted.id, "stage = 'failed' AND released_at IS NOT NULL")
        .await;
    let words = world.column(granted.id, "failure").await.unwrap();
    assert!(words.contains("no usage"), "{words}");
    assert!(world.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_request_moves_everybody_and_costs_no_attempt() {
    let world = World::start(&[("--per-second", "1")], &[("--history-window-days", "31")]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("newcomer", &[0]).await;
    world
        .until(
            "the budget to close",
            "SELECT closed_until > now() FROM smd.budget",
        )
        .await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    let counts: RequestCounts = world.control("requests").await;
    // Each refusal closes the budget for the second that the custodian asks for.
    assert!(
        counts.throttled >= 1 && counts.most_in_a_second <= 3,
        "{counts:?}"
    );
    let failed = world
        .number("SELECT count(*) FROM jobs.job WHERE kind = 'smd.fetch' AND errors <> '{}'")
        .await;
    assert_eq!(failed, 0, "attempts that failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_resumes_at_the_first_missing_window() {
    let world = World::start(&[], &[("--smd-request-spacing", "150")]).await;
    let fetcher = world.fetcher();
    let _exporter = world.exporter();
    let granted = world.grant_some("fable", &[0, 1]).await;
    let received = "SELECT count(received_at) FROM smd.pull";
    world
        .until("two windows", &format!("({received}) >= 2"))
        .await;
    // The connections break, in the middle of whatever is going on.
    world.database.terminate_backends().await.unwrap();
    world
        .until("three windows", &format!("({received}) >= 3"))
        .await;
    fetcher.stop().await;
    let before = world.number(received).await;
    let _fetcher = world.fetcher();
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    let windows = world.number("SELECT count(*) FROM smd.pull").await;
    assert!(before < windows, "it was all over before the stop");
    let requests = world.requests(RequestKind::BatchUsagePoint).await;
    // One may have been under way when the connections broke.
    assert!(
        i64::try_from(requests).unwrap() <= windows + 2,
        "{requests} requests for {windows} windows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn time_bounds_the_waiting() {
    let world = World::start(&[], &[("--give-up-hours", "1")]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("later", &[0]).await;
    world
        .until(
            "an accepted request",
            "EXISTS (SELECT FROM smd.pull WHERE accepted = 1)",
        )
        .await;
    world
        .sql("UPDATE smd.authorization SET authorized_at = now() - interval '61 minutes'")
        .await;
    world.all_due().await;
    world
        .until_row(granted.id, "stage = 'failed' AND released_at IS NOT NULL")
        .await;
    let words = world.column(granted.id, "failure").await.unwrap();
    assert!(words.contains("in time"), "{words}");
    world.assert_no_tokens().await;
}

/// The age of an authorization and the days of its history are the database's to tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_clock_is_ahead_ends_nothing_and_plans_no_other_days() {
    let world = World::start(&[], &[]).await;
    let ahead = SystemClock.now() + SignedDuration::from_hours(72);
    let (_fetcher, _exporter) = (world.fetcher_at(ahead), world.exporter());
    let granted = world.grant_some("newcomer", &[0]).await;
    // The last complete day that the lag of five days allows.
    world
        .until_row(
            granted.id,
            "history_until BETWEEN authorized_at - interval '6 days' AND authorized_at - interval '3 days 12 hours'",
        )
        .await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_work() {
    let world = World::start(
        &[],
        &[
            ("--smd-fetcher-concurrency", "1"),
            ("--smd-request-spacing", "20"),
        ],
    )
    .await;
    let first = world.grant_some("fable", &[0]).await;
    let second = world.grant_some("awkward", &[1]).await;
    let _replicas = (world.fetcher(), world.fetcher(), world.exporter());
    let both = "SELECT count(*) = 2 FROM jobs.job WHERE kind = 'smd.fetch' AND state = 'running'";
    wait::until(DEADLINE, "both to run at once", async || {
        (world.number(&format!("({both})::integer")).await == 1).then_some(())
    })
    .await;
    for granted in [&first, &second] {
        world.until_delivered(granted).await;
        world.assert_complete(granted).await;
    }
}
