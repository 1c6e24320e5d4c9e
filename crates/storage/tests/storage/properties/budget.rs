//! Any sequence of reservations, refusals, closures and clocks that jump: of the slots handed out, no two are closer
//! than the spacing, no hour and no 24 hours have more than their share, and none lies in a closure. A clock that goes
//! back takes nothing back with it: of what was handed out, no time has passed since.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use storage::smd::budget::{Limits, Slot, close, reserve};
use tokio::sync::Mutex;

use super::{for_all, runtime};
use crate::fixture::{Fixture, connect};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

#[derive(Debug, Clone)]
enum Step {
    /// By one of two fetchers, with a wait of so many seconds.
    Reserve { fetcher: usize, wait: u64 },
    /// The database's clock goes on by so many seconds, or back when negative.
    Clock(i64),
    /// The custodian throttles somebody for so many seconds.
    Close(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop::sample::select(vec![0, 5, 4000, 100_000, 10_000_000]);
    let jump = prop::sample::select(vec![-4000, -3, 1, 7, 1200, 3601, 90_000]);
    prop_oneof![
        10 => (0..2_usize, wait).prop_map(|(fetcher, wait)| Step::Reserve { fetcher, wait }),
        3 => jump.prop_map(Step::Clock),
        1 => (1..600_u64).prop_map(Step::Close),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..3000_u64, 1..6_u32, 1..12_u32).prop_map(|(spacing, per_hour, per_day)| Limits {
        spacing: Duration::from_millis(spacing),
        per_hour,
        per_day,
    })
}

/// The clock jumps: everything that is written moves the other way.
fn jump(seconds: i64) -> String {
    format!(
        "UPDATE smd.budget_slot SET slot_at = slot_at - interval '{seconds} seconds';
         UPDATE smd.budget SET last_slot_at = last_slot_at - interval '{seconds} seconds',
                               closed_until = closed_until - interval '{seconds} seconds';
         UPDATE smd.budget_clock SET shown_at = shown_at - interval '{seconds} seconds'"
    )
}

fn check(slots: &[i64], limits: Limits) {
    let apart = |count: u32, least: i64| {
        let count = usize::try_from(count).unwrap();
        let later = slots.iter().skip(count);
        later.zip(slots).all(|(later, slot)| later - slot >= least)
    };
    let spacing = i64::try_from(limits.spacing.as_micros()).unwrap();
    assert!(apart(1, spacing), "closer than {spacing} µs: {slots:?}");
    assert!(
        apart(limits.per_hour, HOUR),
        "too many in an hour: {slots:?}"
    );
    assert!(
        apart(limits.per_day, 24 * HOUR),
        "too many in a day: {slots:?}"
    );
}

#[test]
fn no_sequence_of_reservations_exceeds_a_limit() {
    let runtime = runtime();
    let (it, others) = runtime.block_on(async {
        let it = Fixture::new().await;
        let others = [it.connect().await, connect(&it.database.url()).await];
        (it, others)
    });
    let both = Mutex::new((it, others));
    let sequences = (limits(), vec(step(), 1..60));
    for_all(48, &sequences, &runtime, async |(limits, steps)| {
        let mut both = both.lock().await;
        let (it, fetchers) = &mut *both;
        it.sql(
            "TRUNCATE smd.budget_slot; UPDATE smd.budget_clock SET shown_at = clock_timestamp();
             UPDATE smd.budget SET slots = 0, last_slot_at = '-infinity', closed_until = '-infinity'",
        )
        .await;
        // In microseconds, by a clock that never went back and shows what the database's shows now; oldest first.
        let (mut slots, mut closed_until) = (Vec::<i64>::new(), i64::MIN);
        for step in steps {
            match step {
                Step::Reserve { fetcher, wait } => {
                    let wait = Duration::from_secs(wait);
                    let slot = reserve(&mut fetchers[fetcher], limits, wait).await.unwrap();
                    let last = "SELECT coalesce((SELECT (extract(epoch FROM slot_at) * 1000000)::bigint FROM smd.budget_slot
                                WHERE number = (SELECT slots FROM smd.budget)), 0)";
                    match slot {
                        Slot::In(time) => {
                            assert!(time <= wait);
                            let at = it.number(last).await;
                            assert!(at >= closed_until, "inside a closure");
                            slots.push(at);
                            check(&slots, limits);
                        }
                        Slot::NotBefore(time) => {
                            assert!(time > wait);
                            let count = it.number("SELECT slots FROM smd.budget").await;
                            assert_eq!(usize::try_from(count).unwrap(), slots.len());
                        }
                    }
                }
                Step::Clock(seconds) => {
                    it.sql(&jump(seconds)).await;
                    let passed = seconds.max(0) * SECOND;
                    for at in &mut slots {
                        *at -= passed;
                    }
                    closed_until = closed_until.saturating_sub(passed);
                }
                Step::Close(seconds) => {
                    let time = Duration::from_secs(seconds);
                    close(&mut fetchers[0], time).await.unwrap();
                    let until = "SELECT (extract(epoch FROM closed_until) * 1000000)::bigint FROM smd.budget";
                    closed_until = it.number(until).await;
                }
            }
        }
    });
}
