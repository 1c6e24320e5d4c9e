//! Links that bring a piece of a window, and links that bring nothing.

use custodian::ledger::RequestKind;
use storage::kinds::SmdCollect;

use crate::announced::{point_of, reqwest_get};
use crate::harness::World;

/// One window for the whole month.
const ONE_WINDOW: (&str, &str) = ("--history-window-days", "31");

#[tokio::test(flavor = "multi_thread")]
async fn the_last_window_may_be_announced_in_two_pieces() {
    for (first, second) in [(0, 1), (1, 0)] {
        let world = World::start(&[], &[ONE_WINDOW]).await;
        let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
        let granted = world.grant_some("later", &[0]).await;
        world.until_accepted().await;
        let whole = world.next_link(0).await;
        let (path, _) = whole.split_once('?').unwrap();
        // The first piece is a little more than half of the window, by local days.
        let second_of = |instant: &str| {
            format!(
                "SELECT extract(epoch FROM {instant} AT TIME ZONE 'America/Los_Angeles')::bigint FROM smd.pull"
            )
        };
        let local = "(starts_at AT TIME ZONE 'America/Los_Angeles')";
        let from = world.number(&second_of(local)).await;
        let middle = world
            .number(&second_of(&format!("({local} + interval '17 days')")))
            .await;
        let until = world
            .number(&second_of("(ends_at AT TIME ZONE 'America/Los_Angeles')"))
            .await;
        let mut pieces = Vec::new();
        for (nr, (from, until)) in [(from, middle), (middle, until)].into_iter().enumerate() {
            let last = until - 1;
            let url = format!("{path}?published-min={from}&published-max={last}");
            let answer = reqwest_get(&world, &granted, &url).await;
            assert!(matches!(answer, smd_client::Batch::Accepted), "{answer:?}");
            pieces.push(world.next_link(nr + 1).await);
        }
        // One notification tells of both; the first is collected while the second waits.
        let mut notices = Vec::new();
        for link in &pieces {
            let notice = world.announce(Some(granted.id), link, point_of(link)).await;
            notices.push(notice);
        }
        let job = world
            .enqueue(&SmdCollect {
                notice: notices[first],
            })
            .await;
        assert_eq!(world.until_ended(job).await, "completed");
        if first == 0 {
            // Most of the window is in, and the fetch looks again soon.
            let snoozed = "EXISTS (SELECT FROM smd.pull WHERE received_at IS NOT NULL)
                AND EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.fetch' AND state = 'available'
                            AND run_at BETWEEN now() + interval '1 second' AND now() + interval '6 seconds')";
            world.until("the fetch to wait for the rest", snoozed).await;
        }
        let fetching = world
            .number("SELECT count(*) FROM smd.authorization WHERE stage = 'fetching' AND fetched_at IS NULL")
            .await;
        assert_eq!(fetching, 1, "complete before the second piece was in");
        let job = world
            .enqueue(&SmdCollect {
                notice: notices[second],
            })
            .await;
        assert_eq!(world.until_ended(job).await, "completed");
        assert_eq!(world.uncollected(Some(granted.id)).await, 0);
        world.all_due().await;
        world.until_delivered(&granted).await;
        world.assert_complete(&granted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_fail_for_good_do_not_wait_any_more() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("later", &[0]).await;
    world.until_accepted().await;
    // Whoever fails, fails for good.
    world
        .sql("UPDATE jobs.kind SET max_attempts = 1 WHERE name = 'smd.collect'")
        .await;
    let link = world.next_link(0).await;
    let (path, _) = link.split_once('?').unwrap();
    let (root, _) = path.split_once("/Batch/").unwrap();
    let own = Some(granted.id);
    for (owner, broken, answer, end) in [
        (own, format!("{path}?correlationID=7"), "400", "cancelled"),
        (
            own,
            format!("{root}/Batch/Subscription/7/UsagePoint/7"),
            "403",
            "discarded",
        ),
        // Not a result but another request.
        (own, format!("{path}?published-min=0"), "202", "discarded"),
        (None, format!("{root}/Batch/Bulk/7"), "403", "cancelled"),
    ] {
        let notice = world.announce(owner, &broken, point_of(&broken)).await;
        assert_eq!(world.uncollected(owner).await, 1, "{broken}");
        let job = world.enqueue(&SmdCollect { notice }).await;
        assert_eq!(world.until_ended(job).await, end, "{broken}");
        assert_eq!(world.uncollected(owner).await, 0, "{broken}");
        let told = format!(
            "SELECT count(*) FROM jobs.job WHERE id = {job} AND errors::text LIKE '%{answer}%'"
        );
        assert_eq!(world.number(&told).await, 1, "{broken} is not {answer}");
    }
    // The history comes all the same.
    world.pass_on(&granted).await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_bulk_link_costs_one_request() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("later", &[0]).await;
    world.until_accepted().await;
    let link = world.next_link(0).await;
    let (root, _) = link.split_once("/Batch/").unwrap();
    let tokens = world.requests(RequestKind::Token).await;
    for nr in 1..=3 {
        let made_up = format!("{root}/Batch/Bulk/7{nr}");
        let notice = world.announce(None, &made_up, None).await;
        let job = world.enqueue(&SmdCollect { notice }).await;
        assert_eq!(world.until_ended(job).await, "cancelled");
        assert_eq!(world.requests(RequestKind::BatchBulk).await, nr);
    }
    assert_eq!(world.requests(RequestKind::Token).await, tokens);
    // And it holds nothing up.
    assert_eq!(world.uncollected(None).await, 0);
    world.pass_on(&granted).await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
}
