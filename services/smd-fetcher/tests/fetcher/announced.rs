//! Answers that come later: 202, notifications, and asking again.

use custodian::ledger::RequestKind;
use test_support::wait;

use crate::harness::{DEADLINE, Granted, World};

impl World {
    /// Waits until a window is asked for whose answer comes later.
    pub(crate) async fn until_accepted(&self) {
        let accepted =
            "EXISTS (SELECT FROM smd.pull WHERE accepted_at IS NOT NULL AND received_at IS NULL)";
        self.until("a request to be accepted", accepted).await;
    }

    /// Waits until the fetch has ended its run and waits for an announcement.
    pub(crate) async fn until_fetch_waits(&self) {
        let waiting = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.fetch' AND state = 'available' AND run_at > now() + interval '25 minutes')";
        self.until("the fetch to wait", waiting).await;
    }

    /// Waits for the announcement after the first `known`, and answers it.
    pub(crate) async fn next_link(&self, known: usize) -> String {
        wait::until(DEADLINE, "an announcement", async || {
            self.announced().await.get(known).cloned()
        })
        .await
    }

    /// Tells of every announcement as it comes, until everything is in.
    pub(crate) async fn pass_on(&self, granted: &Granted) {
        let mut known = 0;
        let fetching = format!(
            "SELECT count(*) FROM smd.authorization WHERE id = '{}' AND stage = 'fetching'",
            granted.id
        );
        wait::until(DEADLINE, "the last window", async || {
            for link in self.announced().await.iter().skip(known) {
                known += 1;
                self.notify(granted, link, point_of(link)).await;
            }
            (self.number(&fetching).await == 0).then_some(())
        })
        .await;
    }
}

/// The usage point that a link names.
pub(crate) fn point_of(link: &str) -> Option<&str> {
    let (_, rest) = link.split_once("/UsagePoint/")?;
    rest.split('?').next()
}

#[tokio::test(flavor = "multi_thread")]
async fn announced_windows_are_fetched_and_confirmed() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant("later").await;
    world.pass_on(&granted).await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    // One request per window and one per announcement: nothing was asked twice.
    let windows = world.number("SELECT count(*) FROM smd.pull").await;
    let requests = world.requests(RequestKind::BatchUsagePoint).await;
    assert_eq!(i64::try_from(requests).unwrap(), 2 * windows);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_may_come_twice_and_late() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("later", &[0]).await;
    world.until_accepted().await;
    // Asked again before the first announcement was passed on: both are for the first window.
    world
        .sql("UPDATE smd.pull SET accepted_at = accepted_at - interval '31 minutes' WHERE accepted = 1")
        .await;
    world.all_due().await;
    let second = world.next_link(1).await;
    let first = world.next_link(0).await;
    let job = world.notify(&granted, &second, point_of(&second)).await;
    assert_eq!(world.until_ended(job).await, "completed");
    world
        .until(
            "the first window",
            "EXISTS (SELECT FROM smd.pull WHERE number = 0 AND received_at IS NOT NULL)",
        )
        .await;
    world
        .until(
            "the second request",
            "EXISTS (SELECT FROM smd.pull WHERE number = 1 AND accepted = 1)",
        )
        .await;
    for link in [&second, &first] {
        let job = world.notify(&granted, link, point_of(link)).await;
        assert_eq!(world.until_ended(job).await, "completed");
    }
    let next = world
        .number("SELECT count(received_at) FROM smd.pull WHERE number = 1")
        .await;
    assert_eq!(
        next, 0,
        "a late answer filled the window that is waited for"
    );
    world.pass_on(&granted).await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_custodian_is_asked_three_times() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("later", &[0]).await;
    for asked in 1..=3 {
        let accepted = format!(
            "EXISTS (SELECT FROM smd.pull WHERE accepted = {asked} AND accepted_at IS NOT NULL)"
        );
        world.until(&format!("request {asked}"), &accepted).await;
        // It waits, and asks nothing meanwhile.
        world.until_fetch_waits().await;
        assert_eq!(world.requests(RequestKind::BatchUsagePoint).await, asked);
        world
            .sql("UPDATE smd.pull SET accepted_at = accepted_at - interval '31 minutes' WHERE accepted_at IS NOT NULL")
            .await;
        world.all_due().await;
    }
    world
        .until_row(granted.id, "stage = 'failed' AND released_at IS NOT NULL")
        .await;
    let words = world.column(granted.id, "failure").await.unwrap();
    assert!(words.contains("never delivered"), "{words}");
    assert_eq!(world.requests(RequestKind::BatchUsagePoint).await, 3);
    let report = world.at_custodian(&granted).await;
    assert_eq!(format!("{:?}", report.state), "Deleted");
    world.assert_no_tokens().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_announcement_counts_when_it_is_certain() {
    let world = World::start(&[], &[]).await;
    let _fetcher = world.fetcher();
    let granted = world.grant_some("later", &[0]).await;
    world.until_accepted().await;
    // A link that is answered 204: there was nothing in 2020.
    let link = world.next_link(0).await;
    let (path, _) = link.split_once('?').unwrap();
    let empty =
        |nr: u32| format!("{path}?published-min=1577865600&published-max=1577865601&nr={nr}");
    let first = world.notify(&granted, &empty(1), point_of(&link)).await;
    assert_eq!(world.until_ended(first).await, "completed");
    world
        .until(
            "the window to be asked again",
            "EXISTS (SELECT FROM smd.pull WHERE accepted = 2 AND received_at IS NULL)",
        )
        .await;
    let second = world.notify(&granted, &empty(2), point_of(&link)).await;
    assert_eq!(world.until_ended(second).await, "completed");
    let received = "EXISTS (SELECT FROM smd.pull WHERE number = 0 AND readings = 0)";
    world.until("the empty window", received).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_the_whole_subscription_fills_what_is_waited_for() {
    let world = World::start(&[], &[("--history-window-days", "31")]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant("later").await;
    let waiting = "(SELECT count(*) FROM smd.pull WHERE accepted_at IS NOT NULL) = 3";
    world.until("all usage points to wait", waiting).await;
    let asked = world.announced().await;
    let (root, _) = asked[0].split_once("/UsagePoint/").unwrap();
    // PG&E's own batch of everything, asked for by somebody else.
    let window = world
        .number("SELECT extract(epoch FROM min(starts_at)) FROM smd.pull")
        .await;
    let url = format!("{root}?published-min={window}");
    let answer = reqwest_get(&world, &granted, &url).await;
    assert!(matches!(answer, smd_client::Batch::Accepted), "{answer:?}");
    let links = wait::until(DEADLINE, "three links", async || {
        let all = world.announced().await;
        (all.len() == asked.len() + 3).then(|| all[asked.len()..].to_vec())
    })
    .await;
    for link in &links {
        assert_eq!(point_of(link), None, "{link}");
        world.notify(&granted, link, None).await;
    }
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    // Nobody can tell from such a link alone that a window is not to be filled.
    let beyond = world
        .number(
            "SELECT count(*) FROM smd.reading, smd.authorization WHERE starts_at >= history_until",
        )
        .await;
    assert_eq!(beyond, 0, "readings outside the promised history");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_lead_nowhere_do_no_harm() {
    let world = World::start(&[("--notify-noise", "")], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("later", &[2]).await;
    world.pass_on(&granted).await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    let nowhere = world
        .number("SELECT count(*) FROM jobs.job WHERE kind = 'smd.collect' AND state = 'cancelled'")
        .await;
    assert!(nowhere >= 1, "links with an all-zero correlation id");
    let late = world.announced().await;
    let job = world.notify(&granted, &late[0], point_of(&late[0])).await;
    let before = world.requests(RequestKind::BatchUsagePoint).await;
    world.until_ended(job).await;
    assert_eq!(
        world.requests(RequestKind::BatchUsagePoint).await,
        before,
        "followed after the end"
    );
}

/// Asks with the customer's token, as another program of ours might.
pub(crate) async fn reqwest_get(world: &World, granted: &Granted, url: &str) -> smd_client::Batch {
    let link = world.client.own_link(url).unwrap();
    let tokens = Fixed(granted.tokens.access_token.clone());
    let bearer = smd_client::Bearer::Customer(&tokens);
    world.client.follow(&link, bearer).await.unwrap()
}

/// A token that is never refreshed.
struct Fixed(smd_client::Secret);

#[async_trait::async_trait]
impl smd_client::Tokens for Fixed {
    async fn access(&self) -> Result<smd_client::Secret, smd_client::Error> {
        Ok(self.0.clone())
    }

    async fn refreshed(
        &self,
        _: &smd_client::Secret,
    ) -> Result<smd_client::Secret, smd_client::Error> {
        Err(smd_client::Error::tokens("this token is not refreshed"))
    }
}
