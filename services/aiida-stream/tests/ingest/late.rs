//! Times: homes send late what they could not send, and their clocks are wrong.

use jiff::SignedDuration;
use service_kit::clock::{Clock as _, ManualClock, SystemClock};

use crate::harness::{Grant, World, raw_at};

#[tokio::test(flavor = "multi_thread")]
async fn late_records_find_their_day_and_partitions_come_and_go() {
    let world = World::start().await;
    let grant = Grant {
        starts: -200,
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    let days = [0, -1, -10, -40, -89];
    for day in days {
        publisher
            .send(
                &grant.data(),
                raw_at(&grant, 1, SignedDuration::from_hours(24 * day)),
            )
            .await;
    }
    // The home's clock may be a little ahead.
    publisher
        .send(
            &grant.data(),
            raw_at(&grant, 2, SignedDuration::from_mins(9)),
        )
        .await;
    world.until_stored(6).await;
    let of_days = "SELECT count(DISTINCT tableoid) FROM aiida.message";
    assert!(world.number(of_days).await >= 5, "one partition per day");
    assert_eq!(world.number("SELECT count(*) FROM aiida.reading").await, 12);

    // The periodic job makes a week ahead.
    let ahead = "SELECT count(*) FROM generate_series(0, 7) AS d
        WHERE to_regclass('aiida.message_' || to_char((now() AT TIME ZONE 'UTC')::date + d, 'YYYYMMDD')) IS NOT NULL
          AND to_regclass('aiida.reading_' || to_char((now() AT TIME ZONE 'UTC')::date + d, 'YYYYMMDD')) IS NOT NULL";
    world.until(ahead, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_dropped_with_its_partition() {
    let world = World::start().await;
    let grant = Grant {
        starts: -200,
        ..Grant::outbound()
    }
    .store(&world)
    .await;
    let first = world.replica().await;
    let publisher = world.broker.publisher();
    publisher
        .send(
            &grant.data(),
            raw_at(&grant, 1, SignedDuration::from_hours(-24 * 40)),
        )
        .await;
    publisher
        .send(
            &grant.data(),
            raw_at(&grant, 1, SignedDuration::from_hours(-24)),
        )
        .await;
    world.until_stored(2).await;
    first.stop().await;
    // A shorter retention, and the job is due at once.
    world
        .sql("UPDATE jobs.schedule SET due_at = now() WHERE kind = 'stream.partitions'")
        .await;
    let _second = world
        .replica_with(&[("--aiida-stream-retention-days", "30")])
        .await;
    world.until_stored(1).await;
    let gone = "SELECT count(*) FROM pg_class WHERE relname =
        'message_' || to_char((now() AT TIME ZONE 'UTC')::date - 40, 'YYYYMMDD')";
    world.until(gone, 0).await;
    publisher
        .send(
            &grant.data(),
            raw_at(&grant, 2, SignedDuration::from_hours(-24 * 40)),
        )
        .await;
    world.until_refused("too-old", 1).await;
}

/// Otherwise every record would be one of the future, refused, and lost: the broker has acknowledged it.
#[tokio::test(flavor = "multi_thread")]
async fn a_replicas_own_clock_decides_nothing() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let clock = ManualClock::new(SystemClock.now() - SignedDuration::from_hours(3));
    let _replica = world.replica_at(&clock).await;
    let publisher = world.broker.publisher();
    let at = |minutes| raw_at(&grant, 1, SignedDuration::from_mins(minutes));
    publisher.send(&grant.data(), at(0)).await;
    world.until_stored(1).await;
    clock.advance(SignedDuration::from_hours(24 * 200));
    publisher.send(&grant.data(), at(-1)).await;
    world.until_stored(2).await;
    world
        .sql("UPDATE jobs.schedule SET due_at = now() WHERE kind = 'stream.partitions'")
        .await;
    let kept =
        "SELECT count(*) FROM jobs.job WHERE kind = 'stream.partitions' AND state = 'completed'
        AND finished_at > (SELECT max(received_at) FROM aiida.message)";
    world.until(kept, 1).await;
    world.until_stored(2).await;
    let seen = "SELECT count(*) FROM aiida.permission
        WHERE last_message_at BETWEEN now() - interval '1 hour' AND now() + interval '1 minute'";
    assert_eq!(world.number(seen).await, 1);
    publisher.send(&grant.data(), at(20)).await;
    world.until_refused("future", 1).await;
}
