//! Claiming: each job once, in order, by notification or by looking.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use job_queue::{Job, NewJob, Notice, Outcome};
use serde_json::{Value, json};
use tokio::sync::{Barrier, mpsc};

use crate::common::{BUSY, ON_NOTICE, Run, Table, always, puppet, value, within};
use crate::kinds::{Keyed, Plain};

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_jobs_and_run_none_twice() {
    const JOBS: usize = 200;
    let table = Table::new().await;
    let jobs: Vec<_> = (0..JOBS)
        .map(|n| {
            NewJob::new(&Plain {
                n: i64::try_from(n).unwrap(),
            })
            .unwrap()
        })
        .collect();
    let expected = job_queue::enqueue(&mut table.connect().await, &jobs)
        .await
        .unwrap();
    let (sender, mut ran) = mpsc::unbounded_channel();
    // The first run of each worker waits for the first of the other.
    let both = Arc::new(Barrier::new(2));
    let start = |number: u8| {
        let (sender, both) = (sender.clone(), Arc::clone(&both));
        let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let handler = Run(move |job: Job<Plain>| {
            let (sender, both) = (sender.clone(), Arc::clone(&both));
            let is_first = first.swap(false, std::sync::atomic::Ordering::SeqCst);
            async move {
                if is_first {
                    both.wait().await;
                }
                sender.send((number, job.id)).unwrap();
                Outcome::Done
            }
        });
        table.start(BUSY, |worker| worker.handle::<Plain, _>(5, handler))
    };
    let workers = [start(1), start(2)];
    let mut seen = Vec::new();
    for _ in 0..JOBS {
        seen.push(within(ran.recv()).await.unwrap());
    }
    for worker in workers {
        worker.stop().await;
    }
    assert!(ran.try_recv().is_err(), "a job ran twice");
    assert!(seen.iter().any(|run| run.0 == 1) && seen.iter().any(|run| run.0 == 2));
    let mut ids: Vec<i64> = seen.into_iter().map(|run| run.1).collect();
    ids.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(
        table.count("state = 'completed' AND attempt = 1").await,
        200
    );
}

#[tokio::test]
async fn a_claim_takes_its_limit_and_passes_over_what_another_takes() {
    let table = Table::new().await;
    for n in 0..10 {
        table.enqueue(Plain { n }).await;
    }
    table.sql("ANALYZE jobs.job").await;
    let claim = |limit: usize| {
        format!("SELECT jsonb_agg(id ORDER BY id) FROM jobs.claim('test.plain', {limit})")
    };
    let (mut one, mut other) = (table.connect().await, table.connect().await);
    one.batch_execute("BEGIN").await.unwrap();
    let first = value(&mut one, &claim(3)).await.unwrap();
    assert_eq!(first.as_array().unwrap().len(), 3);
    // The first claim is not committed: this one must neither wait nor take the same.
    other
        .batch_execute("SET lock_timeout = '1s'")
        .await
        .unwrap();
    let second = value(&mut other, &claim(100)).await.unwrap();
    assert_eq!(second.as_array().unwrap().len(), 7);
    let both: Vec<&Value> = first
        .as_array()
        .unwrap()
        .iter()
        .chain(second.as_array().unwrap())
        .collect();
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(table.count("state = 'running' AND attempt = 1").await, 10);
    assert_eq!(both.len(), 10);
}

#[tokio::test]
async fn priority_comes_first_then_due_time_then_age() {
    let table = Table::new().await;
    let job = |n| NewJob::new(&Plain { n }).unwrap();
    for new in [
        job(3),
        job(4),
        job(1).priority(9),
        job(2).priority(1),
        job(5).priority(-1),
    ] {
        table.enqueue_new(new).await;
    }
    let early = table.enqueue(Plain { n: 0 }).await;
    table
        .sql(&format!(
            "UPDATE jobs.job SET run_at = run_at - interval '1 h' WHERE id = {early}"
        ))
        .await;
    let (handler, mut runs) = puppet::<Plain>();
    let _working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
    let mut order = Vec::new();
    for _ in 0..6 {
        let run = runs.next().await;
        order.push(run.job.payload.n);
        run.end.send(Outcome::Done).unwrap();
    }
    assert_eq!(order, [1, 2, 0, 3, 4, 5]);
}

#[tokio::test]
async fn no_more_run_than_the_worker_may_and_no_more_are_claimed() {
    let table = Table::new().await;
    for n in 0..5 {
        table.enqueue(Plain { n }).await;
    }
    let (handler, mut runs) = puppet::<Plain>();
    let _working = table.start(BUSY, |worker| worker.handle(3, handler));
    let mut held = vec![runs.next().await, runs.next().await, runs.next().await];
    assert_eq!(table.count("state = 'running'").await, 3);
    assert!(runs.is_empty());
    held.pop().unwrap().end.send(Outcome::Done).unwrap();
    held.push(runs.next().await);
    assert!(runs.is_empty());
    assert_eq!(table.count("state = 'available'").await, 1);
}

#[tokio::test]
async fn a_notification_wakes_within_milliseconds() {
    let table = Table::new().await;
    let (sender, mut started) = mpsc::unbounded_channel();
    let handler = Run(move |_: Job<Plain>| {
        sender.send(Instant::now()).unwrap();
        std::future::ready(Outcome::Done)
    });
    let _working = table
        .start(ON_NOTICE, |worker| worker.handle::<Plain, _>(1, handler))
        .listening()
        .await;
    let mut waits = Vec::new();
    for n in 0..20 {
        table.enqueue(Plain { n }).await;
        let enqueued = Instant::now();
        waits.push(
            within(started.recv())
                .await
                .unwrap()
                .saturating_duration_since(enqueued),
        );
    }
    waits.sort_unstable();
    // The benchmark measures; this only tells it from polling.
    assert!(waits[10] < Duration::from_millis(100), "{waits:?}");
}

#[tokio::test]
async fn looking_finds_jobs_when_no_notification_comes() {
    let table = Table::new().await;
    let (handler, mut runs) = puppet::<Plain>();
    let nowhere = "postgres://nobody:nothing@127.0.0.1:1/none";
    let _working = table.start_on(nowhere, BUSY, |worker| worker.handle(1, handler));
    for n in 0..3 {
        table.enqueue(Plain { n }).await;
        runs.next().await.end.send(Outcome::Done).unwrap();
    }
}

#[tokio::test]
async fn a_job_is_not_run_before_its_time() {
    let table = Table::new().await;
    let _working = table.start(BUSY, |worker| {
        worker.handle::<Plain, _>(1, always(Outcome::Done))
    });
    let soon = NewJob::new(&Plain { n: 1 })
        .unwrap()
        .after(Duration::from_millis(300));
    let id = table.enqueue_new(soon).await;
    table
        .until(id, "state = 'completed' AND started_at >= run_at")
        .await;
}

/// The moment in which a wake-up could be lost: the worker has looked and found nothing, and the job
/// comes before it waits. A wrapped claim holds the worker in that moment.
#[tokio::test]
async fn a_job_that_comes_while_the_worker_looks_is_not_missed() {
    let table = Table::new().await;
    let gate = table.gate_behind_claims().await;
    let (handler, mut runs) = puppet::<Plain>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
    let mut notices = working.listener.subscribe();
    let working = working.listening().await;
    table.until_blocked().await;

    table.enqueue(Plain { n: 1 }).await;
    while within(notices.recv()).await.unwrap() != Notice::Ready("test.plain".to_owned()) {}
    assert!(runs.is_empty());
    gate.open().await;
    runs.next().await.end.send(Outcome::Done).unwrap();
    working.stop().await;
}

#[tokio::test]
async fn an_unknown_kind_is_refused_with_the_remedy() {
    let table = Table::new().await;
    let mut conn = table.connect().await;
    let error = value(
        &mut conn,
        "SELECT to_jsonb(c) FROM jobs.claim('no.such', 1) c",
    )
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("run metergate migrate"),
        "{error}"
    );
}

#[tokio::test]
async fn a_worker_runs_the_kinds_it_has_handlers_for() {
    let table = Table::new().await;
    let plain = table.enqueue(Plain { n: 1 }).await;
    let keyed = table.enqueue(Keyed { n: 1 }).await;
    let working = table.start(BUSY, |worker| {
        worker.handle::<Plain, _>(1, always(Outcome::Done))
    });
    table.until(plain, "state = 'completed'").await;
    working.stop().await;
    assert_eq!(table.state(keyed).await, json!("available"));
}
