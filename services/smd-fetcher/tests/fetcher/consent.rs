//! Consent that ends before we have finished: withdrawn, given anew, erased by the operator.

use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};
use storage::kinds::{CsvExport, OutputExpire, SmdFetch, SmdRecheck, SmdRelease};
use storage::smd::erasure;
use test_support::wait;

use crate::harness::{DEADLINE, Granted, World};

/// Sessions of this database that wait for a lock.
const LOCKED: &str =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
const SLOWLY: &[(&str, &str)] = &[("--smd-request-spacing", "150")];

impl World {
    /// What was pulled is gone, and so are the tokens; nothing runs any more.
    async fn assert_withdrawn(&self, granted: &Granted) {
        self.until_row(
            granted.id,
            "stage = 'withdrawn' AND released_at IS NOT NULL",
        )
        .await;
        let quiet = "NOT EXISTS (SELECT FROM jobs.job WHERE kind IN ('smd.fetch', 'smd.collect', 'smd.recheck') AND state IN ('running', 'available'))";
        self.until("the jobs to end", quiet).await;
        assert_eq!(self.readings(granted).await, 0);
        self.assert_no_tokens().await;
        assert_eq!(self.column(granted.id, "customer_name").await, None);
        let audited = self
            .number("SELECT count(*) FROM audit.event WHERE action = 'smd.withdrawn'")
            .await;
        assert_eq!(audited, 1);
        let staged = self.number("SELECT count(*) FROM smd.staged_reading").await;
        assert_eq!(staged, 0);
        let discarded = self
            .number("SELECT count(*) FROM jobs.job WHERE state = 'discarded'")
            .await;
        assert_eq!(discarded, 0, "jobs for the operator to look at");
    }

    /// What `metergate erase` does in the database.
    async fn erase(&self, granted: &Granted) {
        let mut conn = self.db.get().await.unwrap();
        conn.transaction(async |conn| {
            erasure::erase(conn, granted.id).await?;
            let release = SmdRelease {
                authorization: granted.id,
            };
            job_queue::enqueue_one(conn, &release).await.unwrap();
            job_queue::enqueue_one(conn, &OutputExpire {})
                .await
                .unwrap();
            Ok::<_, diesel::result::Error>(())
        })
        .await
        .unwrap();
    }

    /// A tombstone: released, and nothing that tells whose it was.
    async fn assert_tombstone(&self, granted: &Granted) {
        let bare = "stage = 'erased' AND released_at IS NOT NULL AND num_nonnulls(subscription_id, authorization_uri, ticket_hash,
            customer_name, failure, access_token, refresh_token, electricity_file, gas_file, export_error) = 0";
        self.until_row(granted.id, bare).await;
        for table in [
            "usage_point",
            "usage_point_digest",
            "pull",
            "series",
            "notice",
            "reading",
            "staged_reading",
        ] {
            let left = self
                .number(&format!("SELECT count(*) FROM smd.{table}"))
                .await;
            assert_eq!(left, 0, "rows in smd.{table}");
        }
        assert!(self.files().is_empty(), "{:?}", self.files());
        let report = self.at_custodian(granted).await;
        assert_eq!(format!("{:?}", report.state), "Deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_in_the_middle_of_a_pull() {
    let world = World::start(&[], SLOWLY).await;
    let _fetcher = world.fetcher();
    let granted = world.grant("fable").await;
    world
        .until(
            "a window",
            "EXISTS (SELECT FROM smd.pull WHERE readings > 0)",
        )
        .await;
    world.revoke("fable").await;
    world.assert_withdrawn(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_while_an_announcement_is_waited_for() {
    let world = World::start(&[], &[]).await;
    let _fetcher = world.fetcher();
    let granted = world.grant("later").await;
    let waiting = "(SELECT count(*) FROM smd.pull WHERE accepted_at IS NOT NULL) = 3";
    world.until("all usage points to wait", waiting).await;
    world.revoke("later").await;
    world
        .enqueue(&SmdRecheck {
            authorization: granted.id,
        })
        .await;
    world.until_row(granted.id, "stage = 'withdrawn'").await;
    world.all_due().await;
    world.assert_withdrawn(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_is_followed_too_late_tells_of_the_withdrawal() {
    let world = World::start(&[], &[]).await;
    let _fetcher = world.fetcher();
    let granted = world.grant_some("later", &[0]).await;
    let link = wait::until(DEADLINE, "an announcement", async || {
        world.announced().await.first().cloned()
    })
    .await;
    world.until_fetch_waits().await;
    world.revoke("later").await;
    world.notify(&granted, &link, None).await;
    world.until_row(granted.id, "stage = 'withdrawn'").await;
    world.all_due().await;
    world.assert_withdrawn(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_while_a_feed_is_being_staged() {
    let world = World::start(&[], &[]).await;
    let granted = world.grant_some("fable", &[0]).await;
    // Staging stands still before its first row, with the answer on its way.
    let mut lock = world.db.get().await.unwrap();
    lock.batch_execute("BEGIN; LOCK TABLE smd.staged_reading IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let _fetcher = world.fetcher();
    let blocked = format!("EXISTS ({LOCKED} AND query LIKE 'INSERT INTO smd.staged_reading%')");
    world.until("staging to stand still", &blocked).await;
    world.revoke("fable").await;
    let recheck = SmdRecheck {
        authorization: granted.id,
    };
    let job = world.enqueue(&recheck).await;
    assert_eq!(world.until_ended(job).await, "completed");
    world.until_row(granted.id, "stage = 'withdrawn'").await;
    lock.batch_execute("COMMIT").await.unwrap();
    world.assert_withdrawn(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_during_a_refresh() {
    let world = World::start(&[("--access-seconds", "1")], &[]).await;
    let granted = world.grant_some("fable", &[0]).await;
    // Seen before, so that the refresh is the first to write.
    world
        .sql("UPDATE smd.authorization SET seen_at = now()")
        .await;
    world
        .until_row(granted.id, "access_expires_at < now()")
        .await;
    let mut lock = world.db.get().await.unwrap();
    lock.batch_execute("BEGIN; SELECT FROM smd.authorization FOR UPDATE")
        .await
        .unwrap();
    let _fetcher = world.fetcher();
    let refreshing = format!("EXISTS ({LOCKED} AND query LIKE 'SELECT access_token%')");
    world.until("the refresh to wait", &refreshing).await;
    world.revoke("fable").await;
    let recheck = SmdRecheck {
        authorization: granted.id,
    };
    world.enqueue(&recheck).await;
    let both = format!("(SELECT count(*) FROM ({LOCKED}) waiting) = 2");
    world.until("the recheck to wait too", &both).await;
    lock.batch_execute("COMMIT").await.unwrap();
    world.assert_withdrawn(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_authorization_supersedes_the_older_one() {
    let world = World::start(&[], SLOWLY).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let older = world.grant_some("fable", &[0, 2]).await;
    world
        .until(
            "a window",
            "EXISTS (SELECT FROM smd.pull WHERE readings > 0)",
        )
        .await;
    // The same subscription, authorized again: the older tokens count no more.
    let newer = Granted {
        id: service_kit::random::Random::uuid(&service_kit::random::SystemRandom).into(),
        subscription: older.subscription.clone(),
        tokens: older.tokens.clone(),
        customer: older.customer.clone(),
        points: older.points.clone(),
    };
    world.store(&newer).await;
    world
        .enqueue(&SmdFetch {
            authorization: newer.id,
        })
        .await;
    world
        .until_row(
            older.id,
            "stage = 'superseded' AND released_at IS NOT NULL AND access_token IS NULL",
        )
        .await;
    world.until_delivered(&newer).await;
    world.assert_complete(&newer).await;
    let gone = format!(
        "NOT EXISTS (SELECT FROM smd.usage_point WHERE authorization_id = '{}')",
        older.id
    );
    world.until("the older one's data to go", &gone).await;
    assert_eq!(world.readings(&older).await, 0);
    let ended = world
        .number("SELECT count(*) FROM jobs.job WHERE kind = 'smd.fetch' AND state = 'completed'")
        .await;
    assert_eq!(ended, 2, "both fetches end in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_custodian_ends_the_older_subscription() {
    let world = World::start(&[], SLOWLY).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let older = world.grant_some("fable", &[0]).await;
    world
        .until(
            "a window",
            "EXISTS (SELECT FROM smd.pull WHERE readings > 0)",
        )
        .await;
    let newer = world.grant_some("fable", &[0]).await;
    assert_ne!(older.subscription, newer.subscription);
    world.until_row(older.id, "stage = 'withdrawn'").await;
    world.until_delivered(&newer).await;
    world.assert_complete(&newer).await;
    assert_eq!(world.readings(&older).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_leaves_a_tombstone_at_every_stage() {
    let world = World::start(&[], SLOWLY).await;
    // Before anything is known.
    let granted = world.grant_some("fable", &[0]).await;
    world.erase(&granted).await;
    let (fetcher, exporter) = (world.fetcher(), world.exporter());
    world.assert_tombstone(&granted).await;
    world.sql("DELETE FROM smd.authorization").await;
    // In the middle.
    let granted = world.grant_some("fable", &[0]).await;
    world
        .until(
            "a window",
            "EXISTS (SELECT FROM smd.pull WHERE readings > 0)",
        )
        .await;
    world.erase(&granted).await;
    world.assert_tombstone(&granted).await;
    exporter.stop().await;
    world.sql("DELETE FROM smd.authorization").await;
    // Fetched, with the export still to come.
    let granted = world.grant_some("newcomer", &[0]).await;
    world.until_row(granted.id, "stage = 'fetched'").await;
    world.erase(&granted).await;
    let exporter = world.exporter();
    world.assert_tombstone(&granted).await;
    world.sql("DELETE FROM smd.authorization").await;
    // Delivered.
    let granted = world.grant_some("awkward", &[1]).await;
    world.until_delivered(&granted).await;
    assert_eq!(world.files().len(), 3);
    world.erase(&granted).await;
    world.assert_tombstone(&granted).await;
    // Somebody exports once more.
    let job = world
        .enqueue(&CsvExport {
            authorization: granted.id,
        })
        .await;
    assert_eq!(world.until_ended(job).await, "cancelled");
    world.assert_tombstone(&granted).await;
    drop((fetcher, exporter));
}
