//! Stopping: softly with time to finish, or at once; nothing that was taken is kept.

use job_queue::{NewJob, Outcome};
use serde_json::json;

use crate::common::{BUSY, ON_NOTICE, Table, always, puppet, within};
use crate::kinds::{Plain, Told};

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let table = Table::new().await;
    let working = table.start(ON_NOTICE, |worker| {
        worker.handle::<Plain, _>(1, always(Outcome::Done))
    });
    working.listening().await.stop().await;
}

#[tokio::test]
async fn a_soft_stop_claims_nothing_more_and_lets_the_run_end() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let (handler, mut runs) = puppet::<Plain>();
    let working = table
        .start(BUSY, |worker| worker.handle(2, handler))
        .listening()
        .await;
    let run = runs.next().await;
    working.shutdown.begin_soft();
    within(run.job.stopping.cancelled()).await;
    let waiting = table.enqueue(Plain { n: 2 }).await;
    let stopped = tokio::spawn(working.stop());
    run.end.send(Outcome::Done).unwrap();
    within(stopped).await.unwrap();
    assert_eq!(table.state(id).await, "completed");
    assert_eq!(
        (table.state(waiting).await, runs.is_empty()),
        (json!("available"), true)
    );
}

#[tokio::test]
async fn what_was_being_claimed_when_the_stop_came_is_handed_back() {
    let table = Table::new().await;
    for n in 0..3 {
        table.enqueue(Plain { n }).await;
    }
    let gate = table.gate_behind_claims().await;
    let (handler, runs) = puppet::<Plain>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(3, handler));
    table.until_blocked().await;
    working.shutdown.begin_soft();
    gate.open().await;
    working.stop().await;
    assert!(runs.is_empty());
    assert_eq!(table.count("state = 'available' AND attempt = 0").await, 3);
}

#[tokio::test]
async fn what_a_soft_stop_interrupts_runs_elsewhere_without_an_attempt() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let (handler, mut runs) = puppet::<Plain>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
    let run = runs.next().await;
    let (handler, mut elsewhere) = puppet::<Plain>();
    let other = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    working.shutdown.begin_soft();
    within(run.job.stopping.cancelled()).await;
    run.end.send(Outcome::HandBack).unwrap();
    // The other is woken by the notification alone.
    let again = elsewhere.next().await;
    assert_eq!((again.job.id, again.job.attempt), (id, 1));
    again.end.send(Outcome::Done).unwrap();
    working.stop().await;
    other.stop().await;
    assert_eq!(table.state(id).await, "completed");
}

#[tokio::test]
async fn a_hard_stop_hands_back_what_runs_without_an_attempt() {
    let table = Table::new().await;
    for n in 0..3 {
        table.enqueue(Plain { n }).await;
    }
    let (handler, mut runs) = puppet::<Plain>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(3, handler));
    let held = [runs.next().await, runs.next().await, runs.next().await];
    working.shutdown.begin_hard();
    working.stop().await;
    assert_eq!(
        table
            .count("state = 'available' AND attempt = 0 AND errors = '{}'")
            .await,
        3
    );
    drop(held);
}

#[tokio::test]
async fn runs_that_ended_before_the_stop_are_completed() {
    let table = Table::new().await;
    let jobs: Vec<_> = (0..300)
        .map(|n| NewJob::new(&Plain { n }).unwrap())
        .collect();
    job_queue::enqueue(&mut table.connect().await, &jobs)
        .await
        .unwrap();
    let gate = table.gate_before_completions().await;
    let working = table.start(ON_NOTICE, |worker| {
        worker.handle::<Plain, _>(300, always(Outcome::Done))
    });
    table.until_blocked().await;
    working.shutdown.begin_soft();
    let stopped = tokio::spawn(working.stop());
    gate.open().await;
    within(stopped).await.unwrap();
    assert_eq!(
        table.count("state = 'completed' AND attempt = 1").await,
        300
    );
}

#[tokio::test]
async fn results_written_before_the_stop_stay() {
    let table = Table::new().await;
    let id = table.enqueue(Told { n: 1 }).await;
    let working = table.start(ON_NOTICE, |worker| {
        worker.handle::<Told, _>(1, always(Outcome::DoneWith(json!(5))))
    });
    table.until(id, "state = 'completed'").await;
    working.stop().await;
    assert_eq!(table.row(id).await["result"], 5);
}
