//! Processes that are killed, a database that restarts and crashes, and a replica that is stopped: in
//! the end there is one correct set of files and a confirmed deletion.

use test_support::wait;

use crate::{DEADLINE, World, fast, start};

/// Three months in windows of a week, asked for ten times a second: time to break things.
const SLOWLY: &[(&str, &str)] = &[
    ("HISTORY_MONTHS", "3"),
    ("HISTORY_WINDOW_DAYS", "7"),
    ("SMD_REQUEST_SPACING_MS", "100"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_is_delivered_once() {
    let mut world = start(fast(), &[], SLOWLY).await;
    let mut customer = world.customer("fable").await;

    for windows in [1, 6] {
        world.until_received(windows).await;
        world.kill("smd-fetcher").await;
        world.stack.add("smd-fetcher").unwrap();
    }
    world.until_received(9).await;
    world.kill("smd-auth").await;
    let page = customer.visitor.reload().await.unwrap();
    assert_eq!(page.status, 502, "nginx answers for itself");
    world.stack.add("smd-auth").unwrap();

    // The services find their way back by themselves.
    world.until_received(12).await;
    world.stack.cluster.restart().unwrap();
    world.until_received(18).await;
    world.stack.cluster.crash().unwrap();
    world.stack.cluster.start_again().unwrap();
    world.until_received(24).await;

    world.kill("csv-exporter").await;
    world
        .until("SELECT stage = 'fetched' FROM smd.authorization")
        .await;
    world.kill("smd-fetcher").await;
    world.stack.add("csv-exporter").unwrap();
    world
        .until("SELECT electricity_file IS NOT NULL FROM smd.authorization")
        .await;
    world.kill("csv-exporter").await;
    world.stack.add("csv-exporter").unwrap();
    world.stack.add("smd-fetcher").unwrap();

    let end = world.end_of(&mut customer).await;
    assert!(end.contains("was delivered"), "{end}");
    let (files, _) = world.assert_delivered(&customer, 3).await;
    assert_eq!(files.len(), 4, "two tables, a readme and a report");
    world
        .until("SELECT count(*) = 0 FROM jobs.job WHERE state = 'discarded'")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_replica_hands_over_and_a_revoked_pull_ends() {
    let mut world = start(fast(), &[], SLOWLY).await;
    let mut customer = world.customer("awkward").await;
    world.until_received(3).await;
    world.stack.add("smd-fetcher").unwrap();
    // The older of the two has the job.
    world.stack.terminate("smd-fetcher").unwrap();
    let expired =
        "SELECT count(*) = 0 FROM jobs.job WHERE state = 'running' AND lease_expires_at < now()";
    assert!(world.stack.holds(expired).await.unwrap());
    let end = world.end_of(&mut customer).await;
    assert!(end.contains("was delivered"), "{end}");
    world.assert_delivered(&customer, 3).await;
    // It went on at once: nobody waited for a lease to run out, and no attempt was lost.
    let untouched = "SELECT count(*) = 0 FROM jobs.job WHERE errors <> '{}'";
    assert!(world.stack.holds(untouched).await.unwrap());
    assert!(
        world
            .stack
            .logs()
            .lines()
            .all(|line| !line.contains("were rescued"))
    );

    let mut customer = world.customer("fable").await;
    world.until_received(3).await;
    world.stack.site().revoke("fable").await.unwrap();
    let end = world.end_of(&mut customer).await;
    assert!(end.contains("withdrew") && end.contains("erased"), "{end}");
    let erased = "SELECT count(*) = 0 FROM smd.series s JOIN smd.authorization a ON a.id = s.authorization_id WHERE stage <> 'fetched'";
    assert!(world.stack.holds(erased).await.unwrap());
    assert!(world.files_of("fable").await.is_empty());
}

impl World {
    /// Kills a service with −9; what it held is free again.
    async fn kill(&mut self, name: &str) {
        self.stack.kill(name).unwrap();
        wait::until(DEADLINE, "the database", async || {
            self.stack.holds("SELECT true").await.ok()
        })
        .await;
        self.expire_leases().await;
    }
}
