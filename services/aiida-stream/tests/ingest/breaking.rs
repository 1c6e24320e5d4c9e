//! The database breaks, or does not take one message.

use std::sync::Arc;

use test_support::Cluster;

use crate::harness::{Grant, World, raw};

/// Rights and triggers cannot be changed while a partition is being attached.
async fn until_partitions_are_made(world: &World) {
    let made =
        "SELECT count(*) FROM jobs.job WHERE kind = 'stream.partitions' AND state = 'completed'";
    world.until(made, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_cannot_be_stored_is_found_and_the_others_are_stored() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    // What passes every check of ours and still cannot be stored.
    world
        .sql("ALTER TABLE aiida.reading ADD CONSTRAINT poison CHECK (value <> 13)")
        .await;
    let _replica = world
        .replica_with(&[("--aiida-stream-batch-milliseconds", "300")])
        .await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..40).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(39).await;
    world.until_refused("not-storable", 1).await;
    let kept = "SELECT count(*) FROM aiida.refused_message WHERE payload LIKE '%\"13\"%' AND reason = 'not-storable'";
    assert_eq!(world.number(kept).await, 1);
    assert_eq!(world.number("SELECT count(*) FROM aiida.reading").await, 78);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stores_nothing_is_no_reason_to_refuse() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let replica = world.child(&[]).await;
    until_partitions_are_made(&world).await;
    world
        .sql("REVOKE INSERT ON aiida.reading FROM metergate_aiida_stream")
        .await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..20).map(|n| raw(&grant, n)).collect())
        .await;
    replica.says("the stream waits for the database", 1).await;
    assert_eq!(world.refusals().await, []);
    world
        .sql("GRANT INSERT ON aiida.reading TO metergate_aiida_stream")
        .await;
    world.until_stored(20).await;
    assert_eq!(world.refusals().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_no_reason_to_refuse() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let _replica = world.replica().await;
    until_partitions_are_made(&world).await;
    // As a disk does whose files have a little room left: nothing is extended, and the smallest still fit.
    world
        .sql(
            "CREATE SEQUENCE public.attempt;
             CREATE FUNCTION public.no_room_here() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 PERFORM nextval('public.attempt');
                 RAISE disk_full;
             END $$;
             CREATE FUNCTION public.no_room() RETURNS event_trigger LANGUAGE plpgsql AS $$
             BEGIN
                 RAISE disk_full;
             END $$;
             CREATE TRIGGER full_disk BEFORE INSERT ON aiida.message
                 FOR EACH ROW WHEN (octet_length(NEW.payload) > 20) EXECUTE FUNCTION public.no_room_here();
             CREATE TRIGGER full_disk BEFORE INSERT ON aiida.refused_message
                 FOR EACH ROW EXECUTE FUNCTION public.no_room_here();
             CREATE EVENT TRIGGER full_disk ON ddl_command_start
                 WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION public.no_room()",
        )
        .await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..20).map(|n| raw(&grant, n)).collect())
        .await;
    // More often than a message must be rejected before it is to blame. A sequence knows nothing of rollbacks.
    world
        .until("SELECT least(last_value, 4) FROM public.attempt", 4)
        .await;
    // One lock at a time: the stream goes on meanwhile. Small messages find room first.
    for room in [
        "DROP TRIGGER full_disk ON aiida.message",
        "DROP TRIGGER full_disk ON aiida.refused_message",
        "DROP EVENT TRIGGER full_disk",
    ] {
        world.sql(room).await;
    }
    world.until_stored(20).await;
    assert_eq!(world.refusals().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_costs_nothing() {
    let cluster = Arc::new(
        tokio::task::spawn_blocking(Cluster::start)
            .await
            .unwrap()
            .unwrap(),
    );
    let world = World::start_in(&cluster).await;
    let grant = Grant::outbound().store(&world).await;
    let replica = world
        .replica_with(&[
            ("--aiida-stream-in-flight", "50"),
            ("--aiida-stream-lease-seconds", "2"),
        ])
        .await;
    let publisher = world.broker.publisher();
    publisher
        .send_all(&grant.data(), (0..100).map(|n| raw(&grant, n)).collect())
        .await;
    // A crash in the middle, then an outage that outlives the lease.
    let crashed = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || crashed.crash().and_then(|()| crashed.start_again()))
        .await
        .unwrap()
        .unwrap();
    publisher
        .send_all(&grant.data(), (100..200).map(|n| raw(&grant, n)).collect())
        .await;
    world.until_stored(200).await;
    let stopped = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || stopped.stop())
        .await
        .unwrap()
        .unwrap();
    replica.not_ready().await;
    publisher
        .send_all(&grant.data(), (200..300).map(|n| raw(&grant, n)).collect())
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let started = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || started.start_again())
        .await
        .unwrap()
        .unwrap();
    world.until_stored(300).await;
    assert_eq!(
        world.number("SELECT count(*) FROM aiida.reading").await,
        600
    );
    assert_eq!(world.refusals().await, []);
    replica.ready().await;
}
