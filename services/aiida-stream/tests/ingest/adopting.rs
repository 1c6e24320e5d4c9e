//! A replica ends, another takes its place: with the session, and with everything that was not acknowledged.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

use crate::harness::{DEADLINE, Grant, World, hex, raw};

/// Keeps every replica from storing until the connection is dropped.
async fn nothing_is_stored(world: &World) -> AsyncPgConnection {
    let mut conn = world.connect().await;
    conn.batch_execute("BEGIN; LOCK TABLE aiida.message IN SHARE ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    conn
}

/// Waits until a replica tries to store.
async fn until_it_tries(world: &World) {
    let waiting = "SELECT least(count(*), 1) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    world.until(waiting, 1).await;
}

/// Waits until the lease of the replica that is gone has ended.
async fn until_the_lease_ends(world: &World) {
    let over = "SELECT count(*) FROM aiida.stream_slot WHERE lease_expires_at <= clock_timestamp()";
    world.until(over, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_is_replaced_and_nothing_is_lost() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let mut killed = world.child(&[]).await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..50).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(50).await;
    let lock = nothing_is_stored(&world).await;
    publisher
        .send_all(&grant.data(), (50..100).map(|n| raw(&grant, n)).collect())
        .await;
    until_it_tries(&world).await;
    killed.kill();
    // The broker keeps what comes while there is nobody.
    publisher
        .send_all(&grant.data(), (100..120).map(|n| raw(&grant, n)).collect())
        .await;
    drop(lock);
    until_the_lease_ends(&world).await;
    let heir = world.replica().await;
    world.until_stored(120).await;
    assert_eq!(
        world.number("SELECT count(*) FROM aiida.stream_slot").await,
        1,
        "the same slot"
    );
    assert_eq!(
        world.number("SELECT count(*) FROM aiida.reading").await,
        240
    );
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_that_is_back_before_its_lease_ends_gets_everything_too() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let mut killed = world.child(&[]).await;
    let lock = nothing_is_stored(&world).await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..50).map(|n| raw(&grant, n)).collect())
        .await;
    until_it_tries(&world).await;
    killed.kill();
    drop(lock);
    // Under a client id of its own; the session of the old one is emptied later.
    let _heir = world
        .replica_with(&[("--aiida-stream-orphan-seconds", "1")])
        .await;
    publisher
        .send_all(&grant.data(), (50..100).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_not_acknowledged() {
    let world = World::start().await;
    let grant = Grant::outbound()
        .schemas(&["SMART-METER-P1-RAW", "OPAQUE"])
        .store(&world)
        .await;
    let first = world.replica().await;
    let lock = nothing_is_stored(&world).await;
    let publisher = world.broker.publisher();
    publisher.send(&grant.data(), raw(&grant, 1)).await;
    publisher
        .send(&grant.topic("data/outbound/opaque"), "no time of its own")
        .await;
    until_it_tries(&world).await;
    first.cut().await;
    drop(lock);
    assert_eq!(world.number("SELECT count(*) FROM aiida.message").await, 0);
    until_the_lease_ends(&world).await;
    let _second = world.replica().await;
    world.until_stored(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_time_that_was_stored_but_not_acknowledged_is_stored_once() {
    let world = World::start().await;
    let grant = Grant::outbound().schemas(&["OPAQUE"]).store(&world).await;
    let first = world.replica().await;
    // The batch is committed, but the acknowledgement never leaves: it waits behind a lock until the replica is cut,
    // and the same message is stored by hand meanwhile, as if the commit had come through.
    let lock = nothing_is_stored(&world).await;
    let publisher = world.broker.publisher();
    publisher
        .send(&grant.topic("data/outbound/opaque"), "twice")
        .await;
    until_it_tries(&world).await;
    first.cut().await;
    drop(lock);
    let digest = storage::aiida::stream::ingest::digest(
        storage::aiida::stream::ingest::Channel::Data,
        "OPAQUE",
        b"twice",
    );
    let digest = hex(&digest);
    world
        .sql(&format!(
            "SELECT aiida.make_partitions(ARRAY[(now() AT TIME ZONE 'UTC')::date]);
             INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
             VALUES ('{}', date_trunc('day', now(), 'UTC'), '{digest}', 'data', 'OPAQUE', 'twice')",
            grant.id
        ))
        .await;
    let _second = world.replica().await;
    publisher
        .send(&grant.topic("data/outbound/opaque"), "another")
        .await;
    world.until_stored(2).await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM aiida.message WHERE payload = 'twice'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_end_gives_the_slot_back_and_leaves_the_session() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let mut first = world
        .child(&[("--aiida-stream-lease-seconds", "600")])
        .await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..200).map(|n| raw(&grant, n)).collect())
        .await;
    first.terminate();
    let free = "SELECT count(*) FROM aiida.stream_slot WHERE lease_expires_at <= clock_timestamp()";
    assert_eq!(
        world.number(free).await,
        1,
        "nobody waits for the lease to end"
    );
    publisher
        .send_all(&grant.data(), (200..300).map(|n| raw(&grant, n)).collect())
        .await;
    let started = std::time::Instant::now();
    let _second = world.replica().await;
    world.until_stored(300).await;
    assert!(started.elapsed() < DEADLINE.min(Duration::from_secs(30)));
}
