//! What homes say of their permissions becomes a job, once.

use crate::harness::{Grant, World, raw, status};

const JOBS: &str = "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.status'";

#[tokio::test(flavor = "multi_thread")]
async fn a_status_becomes_one_job_of_ids_and_the_status() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    publisher
        .retain(&grant.topic("status"), status(&grant, "REVOKED"))
        .await;
    publisher
        .retain(&grant.topic("status"), status(&grant, "REVOKED"))
        .await;
    publisher.send(&grant.data(), raw(&grant, 1)).await;
    world.until_stored(1).await;
    assert_eq!(world.number(JOBS).await, 1);
    let payload = format!(
        "SELECT count(*) FROM jobs.job WHERE payload = '{{\"permission\": \"{}\", \"status\": \"REVOKED\"}}'",
        grant.id
    );
    assert_eq!(world.number(&payload).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_nobody_listened_is_heard_and_what_is_known_is_not_repeated() {
    let world = World::start().await;
    let revoked = Grant::outbound().store(&world).await;
    let known = Grant {
        status: "REVOKED",
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let running = Grant::outbound().store(&world).await;
    let publisher = world.broker.publisher();
    publisher
        .retain(&revoked.topic("status"), status(&revoked, "REVOKED"))
        .await;
    publisher
        .retain(&known.topic("status"), status(&known, "REVOKED"))
        .await;
    publisher
        .retain(&running.topic("status"), status(&running, "ACCEPTED"))
        .await;
    let first = world.replica().await;
    world.until(JOBS, 1).await;
    first.stop().await;
    // The permission service has done its part.
    let done = format!(
        "UPDATE aiida.permission SET status = 'REVOKED' WHERE id = '{}'",
        revoked.id
    );
    world.sql(&done).await;
    world
        .sql("DELETE FROM jobs.job WHERE kind = 'aiida.status'")
        .await;

    let _second = world.replica().await;
    publisher.send(&running.data(), raw(&running, 1)).await;
    publisher
        .send(&running.topic("status"), status(&running, "FULFILLED"))
        .await;
    world.until_stored(1).await;
    world.until(JOBS, 1).await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM aiida.refused_message")
            .await,
        0,
        "retained messages come again"
    );
}
