//! What keeps the table in order: periodic kinds, pruning, orphans.

use job_queue::{JobKind, Outcome};
use serde_json::json;

use crate::common::{BUSY, Table, always};
use crate::kinds::{Eager, Plain, Tick};

#[tokio::test(flavor = "multi_thread")]
async fn a_periodic_kind_is_enqueued_once_per_due_time_with_three_workers() {
    let table = Table::new().await;
    let start = || {
        table.start(BUSY, |worker| {
            worker.handle::<Tick, _>(1, always(Outcome::Done))
        })
    };
    let workers = [start(), start(), start()];
    for round in 1..=5 {
        table
            .sql("UPDATE jobs.schedule SET due_at = clock_timestamp() WHERE kind = 'test.tick'")
            .await;
        test_support::wait::until(crate::common::LIMIT, "the periodic job", async || {
            (table
                .count("kind = 'test.tick' AND state = 'completed'")
                .await
                == round)
                .then_some(())
        })
        .await;
    }
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(table.count("kind = 'test.tick' AND attempt = 1").await, 5);
    assert_eq!(table.count("kind = 'test.tick'").await, 5);
}

#[tokio::test]
async fn missed_due_times_are_made_up_for_once() {
    let table = Table::new().await;
    table.sql("UPDATE jobs.schedule SET due_at = clock_timestamp() - interval '1 day' WHERE kind = 'test.tick'").await;
    assert_eq!(table.maintain().await["scheduled"], 1);
    assert_eq!(table.maintain().await["scheduled"], 0);
    let next = "SELECT to_jsonb(due_at > clock_timestamp() + interval '29 min') FROM jobs.schedule WHERE kind = 'test.tick'";
    assert_eq!(table.value(next).await, true);

    // On time, the next due time is exactly one period later.
    table.sql("DELETE FROM jobs.job; UPDATE jobs.schedule SET due_at = clock_timestamp() - interval '1 s' WHERE kind = 'test.tick'").await;
    let due =
        "SELECT to_jsonb(due_at - interval '1 h') FROM jobs.schedule WHERE kind = 'test.tick'";
    let now = "SELECT to_jsonb(due_at) FROM jobs.schedule WHERE kind = 'test.tick'";
    let before = table.value(now).await;
    assert_eq!(table.maintain().await["scheduled"], 1);
    assert_eq!(table.value(due).await, before);
}

/// The clock is right again, and the next due time was written before.
#[tokio::test]
async fn a_clock_that_was_ahead_holds_up_no_periodic_kind() {
    let table = Table::new().await;
    let due_in = async |time: &str| {
        let set = format!(
            "DELETE FROM jobs.job;
             UPDATE jobs.schedule SET due_at = clock_timestamp() + interval '{time}' WHERE kind = 'test.tick'"
        );
        table.sql(&set).await;
        table.maintain().await["scheduled"].take()
    };
    assert_eq!(due_in("59 min").await, 0);
    assert_eq!(due_in("5 h").await, 1);
    let next = "SELECT to_jsonb(due_at BETWEEN clock_timestamp() + interval '30 min' AND clock_timestamp() + interval '1 h')
                FROM jobs.schedule WHERE kind = 'test.tick'";
    assert_eq!(table.value(next).await, true);
    assert_eq!(table.maintain().await["scheduled"], 0);
    table
        .sql("UPDATE jobs.schedule SET due_at = 'infinity'")
        .await;
    assert_eq!(table.maintain().await["scheduled"], 0);
}

#[tokio::test]
async fn a_kind_that_is_no_longer_declared_is_no_longer_periodic() {
    let table = Table::new().await;
    job_queue::declare(&mut table.connect().await, &[Plain::SPEC])
        .await
        .unwrap();
    table
        .sql("UPDATE jobs.schedule SET due_at = clock_timestamp()")
        .await;
    assert_eq!(table.maintain().await["scheduled"], 0);
    // Its jobs can still be run by an older worker.
    table.enqueue(Eager { n: 1 }).await;
    table.claim("test.eager").await;
}

#[tokio::test]
async fn declaring_again_updates_a_kind() {
    let table = Table::new().await;
    let slower = job_queue::KindSpec {
        announced: true,
        ..Plain::SPEC
    };
    job_queue::declare(&mut table.connect().await, &[slower])
        .await
        .unwrap();
    assert_eq!(
        table
            .value("SELECT to_jsonb(announced) FROM jobs.kind WHERE name = 'test.plain'")
            .await,
        true
    );
}

#[tokio::test]
async fn completed_rows_go_after_a_day_and_discarded_ones_stay() {
    let table = Table::new().await;
    for (n, (outcome, age)) in [
        ("completed", "25 h"),
        ("cancelled", "25 h"),
        ("fail", "25 h"),
        ("completed", "23 h"),
        ("cancelled", "23 h"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = table
            .enqueue(Plain {
                n: i64::try_from(n).unwrap(),
            })
            .await;
        let token = table.claim("test.plain").await;
        table.finish(id, &token, outcome).await;
        table
            .sql(&format!(
                "UPDATE jobs.job SET finished_at = finished_at - interval '{age}' WHERE id = {id}"
            ))
            .await;
    }
    assert_eq!(table.maintain().await["pruned"], 2);
    let left = "SELECT jsonb_agg(state ORDER BY id) FROM jobs.job";
    assert_eq!(
        table.value(left).await,
        json!(["discarded", "completed", "cancelled"])
    );
}

#[tokio::test]
async fn orphans_run_again_at_once_and_say_why() {
    let table = Table::new().await;
    let orphan = table.enqueue(Plain { n: 1 }).await;
    table.claim("test.plain").await;
    let alive = table.enqueue(Plain { n: 2 }).await;
    table.claim("test.plain").await;
    table.expire(orphan).await;
    assert_eq!(table.maintain().await["rescued"], json!(["test.plain"]));
    let row = table
        .until(
            orphan,
            "state = 'available' AND run_at <= clock_timestamp()",
        )
        .await;
    assert_eq!(
        row["errors"],
        json!(["attempt 1: the worker vanished or ran into the deadline"])
    );
    assert_eq!(table.state(alive).await, "running");
}
