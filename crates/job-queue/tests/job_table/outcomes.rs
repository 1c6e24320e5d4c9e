//! How runs end, and what remains of it in the row.

use std::time::Duration;

use job_queue::{Job, JobKind, Outcome};
use serde_json::json;

use crate::common::{BUSY, ON_NOTICE, Run, Table, always, puppet};
use crate::kinds::{Eager, Keyed, Plain};

/// Runs one job of a fresh table to this outcome; the table and the id.
async fn ended<K: JobKind>(payload: K, outcome: Outcome) -> (Table, i64) {
    let table = Table::new().await;
    let id = table.enqueue(payload).await;
    let (handler, mut runs) = puppet::<K>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
    runs.next().await.end.send(outcome).unwrap();
    working.stop().await;
    (table, id)
}

#[tokio::test]
async fn done() {
    let (table, id) = ended(Plain { n: 1 }, Outcome::Done).await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["attempt"], &row["errors"]),
        (&json!("completed"), &json!(1), &json!([]))
    );
    assert!(
        row["result"].is_null() && row["lease_token"].is_null() && !row["finished_at"].is_null()
    );
}

#[tokio::test]
async fn done_with_a_result() {
    let (table, id) = ended(Plain { n: 1 }, Outcome::DoneWith(json!({ "rows": 3 }))).await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["result"]),
        (&json!("completed"), &json!({ "rows": 3 }))
    );
}

#[tokio::test]
async fn a_retry_waits_costs_an_attempt_and_leaves_one_short_line() {
    let note = format!("first\nsecond\t\u{7}{}", "x".repeat(400));
    let (table, id) = ended(Plain { n: 1 }, Outcome::Retry(note)).await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["attempt"]),
        (&json!("available"), &json!(1))
    );
    assert_eq!(table.count("run_at > clock_timestamp()").await, 1);
    let line = row["errors"][0].as_str().unwrap();
    assert!(line.starts_with("attempt 1: first second xxx"), "{line}");
    assert!(
        line.chars().count() <= 320 && !line.contains(char::is_control),
        "{line}"
    );
}

#[tokio::test]
async fn the_back_off_doubles_up_to_its_limit_with_jitter() {
    let table = Table::new().await;
    let mut waits = Vec::new();
    for n in 0..20 {
        table.enqueue(Keyed { n }).await;
    }
    table.sql("UPDATE jobs.kind SET max_attempts = 1000 WHERE name = 'test.keyed'; UPDATE jobs.job SET max_attempts = 1000").await;
    // (attempt, seconds): the first wait is 1 s, the longest 600 s.
    for (attempt, full) in [
        (1, 1.0),
        (2, 2.0),
        (5, 16.0),
        (10, 512.0),
        (11, 600.0),
        (200, 600.0),
    ] {
        table
            .sql(&format!(
                "UPDATE jobs.job SET run_at = clock_timestamp(), attempt = {}",
                attempt - 1
            ))
            .await;
        let claimed = "SELECT jsonb_agg(jobs.finish(id, lease_token, 'retry', 'x', NULL, 0)) FROM jobs.claim('test.keyed', 100)";
        let states = table.value(claimed).await;
        assert_eq!(states, serde_json::Value::from(vec!["available"; 20]));
        let seconds =
            "SELECT jsonb_agg(extract(epoch FROM run_at - clock_timestamp())) FROM jobs.job";
        for wait in table.value(seconds).await.as_array().unwrap() {
            let part = wait.as_f64().unwrap() / full;
            assert!(
                part > 0.6 && part <= 1.0,
                "attempt {attempt}: {wait} of {full} s"
            );
            waits.push(part);
        }
    }
    let shortest = waits.iter().copied().fold(1.0, f64::min);
    let longest = waits.iter().copied().fold(0.0, f64::max);
    assert!(longest - shortest > 0.1, "no jitter: {shortest}..{longest}");
}

#[tokio::test]
async fn errors_are_one_line_per_attempt_and_the_last_twenty() {
    let table = Table::new().await;
    let id = table.enqueue(Eager { n: 1 }).await;
    table.sql("UPDATE jobs.job SET max_attempts = NULL").await;
    for _ in 0..25 {
        let token = table.claim("test.eager").await;
        table.finish(id, &token, "retry").await;
    }
    let errors = table.row(id).await["errors"].take();
    let errors = errors.as_array().unwrap();
    assert_eq!(errors.len(), 20);
    assert_eq!(
        (&errors[0], &errors[19]),
        (&json!("attempt 6: because"), &json!("attempt 25: because"))
    );
}

#[tokio::test]
async fn a_snooze_waits_and_costs_no_attempt() {
    let (table, id) = ended(Plain { n: 1 }, Outcome::Snooze(Duration::from_mins(1))).await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["attempt"], &row["errors"]),
        (&json!("available"), &json!(0), &json!([]))
    );
    assert_eq!(
        table
            .count("run_at BETWEEN now() + interval '50 s' AND now() + interval '60 s'")
            .await,
        1
    );
}

#[tokio::test]
async fn cancel_and_fail_end_the_job_with_their_reason() {
    let (table, id) = ended(Plain { n: 1 }, Outcome::Cancel("not wanted".to_owned())).await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["errors"]),
        (&json!("cancelled"), &json!(["attempt 1: not wanted"]))
    );
    let (table, id) = ended(Plain { n: 1 }, Outcome::fail("hopeless")).await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["errors"]),
        (&json!("discarded"), &json!(["attempt 1: hopeless"]))
    );
}

#[tokio::test]
async fn a_job_handed_back_keeps_its_place_and_costs_no_attempt() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let before = table.row(id).await;
    let token = table.claim("test.plain").await;
    assert_eq!(table.finish(id, &token, "hand_back").await, "available");
    let mut after = table.row(id).await;
    after["started_at"] = before["started_at"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn attempts_are_counted_and_the_last_one_ends_it() {
    let table = Table::new().await;
    let id = table.enqueue(Eager { n: 1 }).await;
    let (handler, mut runs) = puppet::<Eager>();
    let working = table.start(BUSY, |worker| worker.handle(1, handler));
    for attempt in 1..=3 {
        let run = runs.next().await;
        assert_eq!((run.job.attempt, run.job.max_attempts), (attempt, Some(3)));
        run.end.send(Outcome::Retry("no".to_owned())).unwrap();
    }
    let row = table.until(id, "state = 'discarded'").await;
    working.stop().await;
    assert_eq!(
        row["errors"],
        json!(["attempt 1: no", "attempt 2: no", "attempt 3: no"])
    );
}

#[tokio::test]
async fn progress_resets_the_attempts() {
    let table = Table::new().await;
    let id = table.enqueue(Eager { n: 1 }).await;
    let (handler, mut runs) = puppet::<Eager>();
    let _working = table.start(BUSY, |worker| worker.handle(1, handler));
    // Twice as many failures as attempts, each with progress.
    for _ in 0..6 {
        let run = runs.next().await;
        run.job
            .lease
            .progressed(&mut table.connect().await)
            .await
            .unwrap();
        assert_eq!(table.row(id).await["attempt"], 1);
        run.end.send(Outcome::Retry("no".to_owned())).unwrap();
    }
    for attempt in 2..=3 {
        let run = runs.next().await;
        assert_eq!(run.job.attempt, attempt);
        run.end.send(Outcome::Retry("no".to_owned())).unwrap();
    }
    table.until(id, "state = 'discarded'").await;
}

#[tokio::test]
async fn a_job_asked_for_while_it_runs_runs_again() {
    let outcomes = [
        ("completed", Outcome::Done),
        ("completed", Outcome::DoneWith(json!(1))),
        ("cancelled", Outcome::Cancel("no".to_owned())),
        ("snoozed", Outcome::Snooze(Duration::from_hours(1))),
        ("retried", Outcome::Retry("no".to_owned())),
        ("handed back", Outcome::HandBack),
    ];
    for (name, outcome) in outcomes {
        let table = Table::new().await;
        let id = table.enqueue(Keyed { n: 1 }).await;
        let (handler, mut runs) = puppet::<Keyed>();
        let _working = table
            .start(ON_NOTICE, |worker| worker.handle(1, handler))
            .listening()
            .await;
        let run = runs.next().await;
        assert_eq!(table.enqueue(Keyed { n: 1 }).await, id, "{name}");
        run.end.send(outcome).unwrap();
        // At once: only the notification wakes this worker.
        runs.next().await.end.send(Outcome::Done).unwrap();
        let row = table.until(id, "state = 'completed'").await;
        assert!(row["again_at"].is_null(), "{name}");
    }
}

#[tokio::test]
async fn the_second_run_comes_when_it_was_asked_for() {
    let table = Table::new().await;
    let id = table.enqueue(Keyed { n: 1 }).await;
    let token = table.claim("test.keyed").await;
    let later = job_queue::NewJob::new(&Keyed { n: 1 })
        .unwrap()
        .after(Duration::from_mins(1));
    table.enqueue_new(later).await;
    assert_eq!(table.finish(id, &token, "completed").await, "available");
    assert_eq!(
        table
            .count(
                "attempt = 0 AND run_at BETWEEN now() + interval '50 s' AND now() + interval '60 s'"
            )
            .await,
        1
    );
}

#[tokio::test]
async fn a_job_asked_for_during_its_last_attempt_is_not_given_up() {
    let table = Table::new().await;
    let id = table.enqueue(Keyed { n: 1 }).await;
    table.sql("UPDATE jobs.job SET attempt = 2").await;
    let token = table.claim("test.keyed").await;
    table.enqueue(Keyed { n: 1 }).await;
    assert_eq!(table.finish(id, &token, "retry").await, "available");
    assert_eq!(table.row(id).await["attempt"], 0);
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_its_message_is_not_kept() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let handler = Run(|job: Job<Plain>| async move {
        assert!(job.payload.n != 1, "the customer's name");
        Outcome::Done
    });
    let _working = table
        .start(ON_NOTICE, |worker| worker.handle::<Plain, _>(1, handler))
        .listening()
        .await;
    let row = table
        .until(
            id,
            "state = 'available' AND attempt = 1 AND lease_token IS NULL",
        )
        .await;
    assert_eq!(
        row["errors"],
        json!(["attempt 1: the handler panicked: the log says where"])
    );
    // The worker goes on.
    let other = table.enqueue(Plain { n: 2 }).await;
    table.until(other, "state = 'completed'").await;
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_tried_again_for_a_newer_worker() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    table
        .sql("UPDATE jobs.job SET payload = '{\"m\": \"x\"}'")
        .await;
    let _working = table.start(ON_NOTICE, |worker| {
        worker.handle::<Plain, _>(1, always(Outcome::Done))
    });
    let row = table.until(id, "attempt = 1 AND state = 'available'").await;
    let line = row["errors"][0].as_str().unwrap();
    assert!(
        line.contains("does not fit this version: missing field `n`"),
        "{line}"
    );
}
