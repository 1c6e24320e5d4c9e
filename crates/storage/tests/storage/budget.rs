//! The request budget, checked by the instants that were handed out.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use storage::smd::budget::{Limits, Slot, Standing, close, closed_for, reserve, standing};
use tokio::sync::Barrier;

use crate::fixture::Fixture;

const LIMITS: Limits = Limits {
    spacing: Duration::from_millis(1100),
    per_hour: 2_000,
    per_day: 20_000,
};
const FOR_EVER: Duration = Duration::from_hours(24 * 365);
const HOUR_US: i64 = 3_600_000_000;

/// Every slot handed out, in microseconds, in the order of handing out.
async fn slots(conn: &mut AsyncPgConnection) -> Vec<i64> {
    let query = "SELECT (extract(epoch FROM slot_at) * 1000000)::bigint FROM smd.budget_slot ORDER BY number";
    let slots = test_support::rows::texts(conn, query).await.unwrap();
    slots.iter().map(|at| at.parse().unwrap()).collect()
}

fn wait_of(slot: Slot) -> Duration {
    match slot {
        Slot::In(time) => time,
        Slot::NotBefore(time) => panic!("refused for {time:?}"),
    }
}

#[tokio::test]
async fn slots_are_spaced() {
    let mut it = Fixture::new().await;
    assert_eq!(
        reserve(&mut it.conn, LIMITS, Duration::ZERO).await.unwrap(),
        Slot::In(Duration::ZERO)
    );
    for n in 1..5_u32 {
        let wait = wait_of(reserve(&mut it.conn, LIMITS, FOR_EVER).await.unwrap());
        let latest = LIMITS.spacing * n;
        assert!(
            wait <= latest && wait + Duration::from_secs(5) > latest,
            "{n}: {wait:?}"
        );
    }
    let all = slots(&mut it.conn).await;
    assert!(
        all.windows(2).all(|pair| pair[1] - pair[0] == 1_100_000),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_slot_beyond_the_wait_is_not_reserved() {
    let mut it = Fixture::new().await;
    let limits = Limits {
        spacing: Duration::from_mins(1),
        ..LIMITS
    };
    wait_of(reserve(&mut it.conn, limits, Duration::ZERO).await.unwrap());
    for _ in 0..3 {
        let Slot::NotBefore(time) = reserve(&mut it.conn, limits, Duration::from_secs(5))
            .await
            .unwrap()
        else {
            panic!("reserved");
        };
        assert!(
            time <= Duration::from_mins(1) && time > Duration::from_secs(30),
            "{time:?}"
        );
    }
    assert_eq!(slots(&mut it.conn).await.len(), 1);
    wait_of(
        reserve(&mut it.conn, limits, Duration::from_mins(1))
            .await
            .unwrap(),
    );
    assert_eq!(slots(&mut it.conn).await.len(), 2);
}

#[tokio::test]
async fn the_hour_and_the_day_are_limited() {
    let mut it = Fixture::new().await;
    let limits = Limits {
        spacing: Duration::from_millis(1),
        per_hour: 3,
        per_day: 5,
    };
    for _ in 0..12 {
        wait_of(reserve(&mut it.conn, limits, FOR_EVER).await.unwrap());
    }
    let all = slots(&mut it.conn).await;
    assert_eq!(all.len(), 12);
    // Three, an hour later two more, and so on a day later.
    let hours: Vec<i64> = all.iter().map(|at| (at - all[0]) / HOUR_US).collect();
    assert_eq!(hours, [0, 0, 0, 1, 1, 24, 24, 24, 25, 25, 48, 48]);
}

#[tokio::test]
async fn old_slots_are_forgotten_and_free_the_limit() {
    let mut it = Fixture::new().await;
    let limits = Limits {
        spacing: Duration::ZERO,
        per_hour: 100,
        per_day: 3,
    };
    for _ in 0..3 {
        wait_of(reserve(&mut it.conn, limits, Duration::ZERO).await.unwrap());
    }
    assert!(matches!(
        reserve(&mut it.conn, limits, Duration::from_secs(5))
            .await
            .unwrap(),
        Slot::NotBefore(_)
    ));
    it.sql(
        "UPDATE smd.budget_slot SET slot_at = slot_at - interval '25 hours';
         UPDATE smd.budget SET last_slot_at = last_slot_at - interval '25 hours'",
    )
    .await;
    for _ in 0..3 {
        wait_of(reserve(&mut it.conn, limits, Duration::ZERO).await.unwrap());
    }
    // The table does not grow beyond a day's limit.
    assert_eq!(it.number("SELECT count(*) FROM smd.budget_slot").await, 4);
    assert_eq!(it.number("SELECT slots FROM smd.budget").await, 6);
}

#[tokio::test]
async fn the_standing_counts_and_reserves_nothing() {
    let mut it = Fixture::new().await;
    let limits = Limits {
        spacing: Duration::from_secs(20),
        ..LIMITS
    };
    for _ in 0..3 {
        reserve(&mut it.conn, limits, FOR_EVER).await.unwrap();
    }
    it.sql("UPDATE smd.budget_slot SET slot_at = slot_at - interval '2 hours' WHERE number = 1")
        .await;
    for _ in 0..2 {
        let Standing {
            last_hour,
            last_day,
            next_slot,
        } = standing(&mut it.conn, limits).await.unwrap();
        assert_eq!((last_hour, last_day), (2, 3));
        assert!(
            next_slot > Duration::from_secs(50) && next_slot <= Duration::from_mins(1),
            "{next_slot:?}"
        );
    }
    close(&mut it.conn, Duration::from_mins(10)).await.unwrap();
    let closed = standing(&mut it.conn, limits).await.unwrap().next_slot;
    assert!(closed > Duration::from_secs(570), "{closed:?}");
    assert_eq!(slots(&mut it.conn).await.len(), 3);
}

#[tokio::test]
async fn throttling_moves_everybody() {
    let mut it = Fixture::new().await;
    assert_eq!(closed_for(&mut it.conn).await.unwrap(), Duration::ZERO);
    close(&mut it.conn, Duration::from_mins(10)).await.unwrap();
    // A shorter closure does not shorten a longer one.
    close(&mut it.conn, Duration::from_secs(1)).await.unwrap();
    let left = closed_for(&mut it.conn).await.unwrap();
    assert!(
        left > Duration::from_secs(570) && left <= Duration::from_mins(10),
        "{left:?}"
    );
    let mut other = it.connect().await;
    let Slot::NotBefore(time) = reserve(&mut other, LIMITS, Duration::from_secs(30))
        .await
        .unwrap()
    else {
        panic!("reserved");
    };
    assert!(time > Duration::from_secs(570), "{time:?}");
    // Whoever waits long enough comes first after it, the next one behind.
    let first = wait_of(reserve(&mut other, LIMITS, FOR_EVER).await.unwrap());
    let second = wait_of(reserve(&mut it.conn, LIMITS, FOR_EVER).await.unwrap());
    assert!(first > Duration::from_secs(570) && second > first);
    it.sql("UPDATE smd.budget SET closed_until = now() - interval '1 second'")
        .await;
    assert_eq!(closed_for(&mut it.conn).await.unwrap(), Duration::ZERO);
}

/// What was handed out, and the closure, are dated ahead; they count as if the clock had always been right.
#[tokio::test]
async fn a_clock_that_was_ahead_closes_nothing() {
    let mut it = Fixture::new().await;
    close(&mut it.conn, Duration::from_secs(2)).await.unwrap();
    for _ in 0..3 {
        wait_of(reserve(&mut it.conn, LIMITS, FOR_EVER).await.unwrap());
    }
    it.sql(
        "UPDATE smd.budget_slot SET slot_at = slot_at + interval '30 hours';
         UPDATE smd.budget SET last_slot_at = last_slot_at + interval '30 hours',
                               closed_until = closed_until + interval '30 hours';
         UPDATE smd.budget_clock SET shown_at = shown_at + interval '30 hours'",
    )
    .await;
    let latest = Duration::from_secs(2) + LIMITS.spacing * 3;
    wait_of(reserve(&mut it.conn, LIMITS, latest).await.unwrap());
    let all = slots(&mut it.conn).await;
    assert_eq!(all.len(), 4);
    assert!(
        all.windows(2).all(|pair| pair[1] - pair[0] >= 1_100_000),
        "{all:?}"
    );
    assert!(closed_for(&mut it.conn).await.unwrap() <= Duration::from_secs(2));
    close(&mut it.conn, Duration::from_mins(1)).await.unwrap();
    assert!(closed_for(&mut it.conn).await.unwrap() <= Duration::from_mins(1));
}

/// Eight connections reserve at once. The instants in the table are what is promised, so the limits
/// are checked over hours without waiting for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_connections_at_once_never_exceed_a_limit() {
    const CONNECTIONS: usize = 8;
    const EACH: usize = 40;
    let limits = Limits {
        spacing: Duration::from_millis(7),
        per_hour: 50,
        per_day: 170,
    };
    let mut it = Fixture::new().await;
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let (mut conn, barrier) = (it.connect().await, Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            for _ in 0..EACH {
                wait_of(reserve(&mut conn, limits, FOR_EVER).await.unwrap());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let all = slots(&mut it.conn).await;
    assert_eq!(all.len(), CONNECTIONS * EACH);
    assert!(
        all.windows(2).all(|pair| pair[1] - pair[0] >= 7_000),
        "spacing"
    );
    assert!(
        all.windows(51).all(|some| some[50] - some[0] >= HOUR_US),
        "any hour"
    );
    assert!(
        all.windows(171)
            .all(|some| some[170] - some[0] >= 24 * HOUR_US),
        "any day"
    );
}
