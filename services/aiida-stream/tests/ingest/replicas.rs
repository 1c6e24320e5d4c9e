//! Several replicas.

use crate::harness::{DEADLINE, Grant, World, raw, status};

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_the_data_and_both_hear_the_status() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let (one, other) = (world.child(&[]).await, world.child(&[]).await);
    assert_eq!(
        world
            .number("SELECT count(DISTINCT holder) FROM aiida.stream_slot WHERE number IN (0, 1)")
            .await,
        2
    );
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..200).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(200).await;
    let received = "aiida_stream_received_total";
    let (of_one, of_other) = (one.metric(received).await, other.metric(received).await);
    assert!(of_one > 0.0 && of_other > 0.0, "{of_one} and {of_other}");
    assert!(
        (of_one + of_other - 200.0).abs() < 0.5,
        "each message went to one: {of_one} and {of_other}"
    );

    publisher
        .retain(&grant.topic("status"), status(&grant, "REVOKED"))
        .await;
    test_support::wait::until(DEADLINE, "both to hear the status", async || {
        let heard = [one.metric(received).await, other.metric(received).await];
        (heard[0] + heard[1] > 201.5).then_some(())
    })
    .await;
    world
        .until(
            "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.status'",
            1,
        )
        .await;
    assert!(one.metric("aiida_stream_connected").await > 0.5);
    let lag = one.metric("aiida_stream_commit_seconds_count").await;
    assert!(lag > 0.0, "the time from arrival to commit is measured");
    for said in [one.output(), other.output()] {
        assert!(
            !said.contains(&grant.connection),
            "a connection id in the log: {said}"
        );
        assert!(!said.contains("party-secret"), "a password in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_replica_that_is_not_replaced_is_emptied_and_ended() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let stays = world
        .replica_with(&[("--aiida-stream-orphan-seconds", "1")])
        .await;
    let leaves = world.child(&[]).await;
    assert_eq!(
        world.number("SELECT count(*) FROM aiida.stream_slot").await,
        2
    );
    {
        let mut leaves = leaves;
        leaves.kill();
    }
    // The broker goes on to give it a share.
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..100).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(100).await;
    world
        .until("SELECT count(*) FROM aiida.stream_slot", 1)
        .await;
    publisher
        .send_all(&grant.data(), (100..150).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(150).await;
    assert_eq!(
        world
            .number("SELECT min(number) FROM aiida.stream_slot")
            .await,
        0
    );
    assert!(stays.is_ready().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_session_is_not_ended_while_there_is_no_other() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let replica = world
        .child(&[
            ("--aiida-stream-orphan-seconds", "1"),
            ("--aiida-stream-lease-seconds", "2"),
        ])
        .await;
    // Without slots for so long that the replica tries every few seconds only, its old one looks like an orphan's.
    world
        .sql("ALTER TABLE aiida.stream_slot RENAME TO no_slots")
        .await;
    replica.says("no slot for the session", 5).await;
    let orphans = "SELECT count(*) FROM aiida.no_slots
        WHERE lease_expires_at < clock_timestamp() - interval '1 second'";
    world.until(orphans, 1).await;
    world
        .sql("ALTER TABLE aiida.no_slots RENAME TO stream_slot")
        .await;
    let publisher = world.broker.publisher();
    for n in 0..60 {
        publisher.send(&grant.data(), raw(&grant, n)).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    world.until_stored(60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_slot_ends_the_connection_at_once() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let replica = world.replica().await;
    world
        .sql("UPDATE aiida.stream_slot SET holder = gen_random_uuid(), lease_expires_at = now() + interval '1 h'")
        .await;
    // It notices at the next renewal, and goes on as somebody else.
    world
        .until("SELECT count(*) FROM aiida.stream_slot WHERE number = 1", 1)
        .await;
    replica.ready().await;
    // Both sessions get a share; that of slot 0 has nobody.
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..20).map(|n| raw(&grant, n)).collect())
        .await;
    world
        .sql("UPDATE aiida.stream_slot SET lease_expires_at = now() WHERE number = 0")
        .await;
    let _heir = world.replica().await;
    world.until_stored(20).await;
}
