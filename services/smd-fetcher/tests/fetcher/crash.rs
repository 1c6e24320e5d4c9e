//! Every step may be the last before a crash.

use custodian::ledger::RequestCounts;
use test_support::wait;

use crate::harness::{DEADLINE, Granted, Running, World};

impl World {
    async fn total(&self) -> u64 {
        self.control::<RequestCounts>("requests").await.total
    }

    async fn is_delivered(&self, granted: &Granted) -> bool {
        let done = "(stage = 'fetched' AND exported_at IS NOT NULL AND released_at IS NOT NULL)";
        self.column(granted.id, done).await.as_deref() == Some("true")
    }

    /// Kills a fetcher after so many requests; what it held is free again.
    async fn crash_after(&self, requests: u64, fetcher: Running, granted: &Granted) {
        let before = self.total().await;
        wait::until(DEADLINE, "some requests or the end", async || {
            let over = self.total().await >= before + requests || self.is_delivered(granted).await;
            over.then_some(())
        })
        .await;
        fetcher.kill().await;
        self.expire_leases().await;
        self.all_due().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetcher_that_dies_after_any_request_delivers_once_in_the_end() {
    let world = World::start(&[], &[("--smd-request-spacing", "20")]).await;
    let _exporter = world.exporter();
    let granted = world.grant_some("fable", &[1]).await;
    // Each life gets one request further than the one before.
    for requests in 1.. {
        if world.is_delivered(&granted).await {
            break;
        }
        assert!(requests < 40, "no end in sight");
        world.crash_after(requests, world.fetcher(), &granted).await;
    }
    world.assert_complete(&granted).await;
    world.assert_no_tokens().await;
    let report = world.at_custodian(&granted).await;
    assert_eq!(format!("{:?}", report.state), "Deleted");
    assert_eq!(world.files().len(), 3);
    // The sweep makes no progress that could be kept, and is killed in each life: the next period has another.
    let discarded = world
        .number("SELECT count(*) FROM jobs.job WHERE state = 'discarded' AND kind <> 'smd.sweep'")
        .await;
    assert_eq!(discarded, 0, "progress resets the attempts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_keeps_dying_is_given_up_and_released() {
    let world = World::start(&[], &[]).await;
    let granted = world.grant_some("fable", &[0]).await;
    // The last of its attempts was killed.
    world
        .sql("UPDATE jobs.job SET state = 'running', attempt = max_attempts, lease_token = gen_random_uuid(), lease_expires_at = now(), deadline_at = now() WHERE kind = 'smd.fetch'")
        .await;
    let _fetcher = world.fetcher();
    world
        .until_row(granted.id, "stage = 'failed' AND released_at IS NOT NULL")
        .await;
    let words = world.column(granted.id, "failure").await.unwrap();
    assert!(words.contains("start again"), "{words}");
    world.assert_no_tokens().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_rows_that_vanished_are_pulled_again() {
    let world = World::start(&[], &[]).await;
    let granted = world.grant_some("fable", &[0]).await;
    // A crash of Postgres empties the unlogged table: here, between staging and merging.
    world
        .sql(
            "CREATE SEQUENCE smd.crashes;
             CREATE FUNCTION smd.crash() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('smd.crashes') = 1 THEN
                     DELETE FROM smd.staged_reading WHERE ctid = (SELECT min(ctid) FROM smd.staged_reading);
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER crash AFTER INSERT ON smd.staged_reading EXECUTE FUNCTION smd.crash()",
        )
        .await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    world
        .until(
            "the pull to be repeated",
            "EXISTS (SELECT FROM jobs.job WHERE errors::text LIKE '%must be pulled again%')",
        )
        .await;
    world.all_due().await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
}
