//! Waiting for the end of a job.

use std::time::{Duration, Instant};

use job_queue::{Outcome, WaitError, wait_for};
use serde_json::json;

use crate::common::{LIMIT, ON_NOTICE, Table, always, pool, puppet, within};
use crate::kinds::{Plain, Told};

#[tokio::test]
async fn the_result_comes_when_the_job_ends() {
    let table = Table::new().await;
    let (handler, mut runs) = puppet::<Told>();
    let working = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    let id = table.enqueue(Told { n: 1 }).await;
    let (pool, listener) = (table.pool.clone(), working.listener.clone());
    let waiting = tokio::spawn(async move { wait_for(&pool, &listener, id, LIMIT).await });
    let run = runs.next().await;
    assert!(!waiting.is_finished());
    run.end.send(Outcome::DoneWith(json!("here"))).unwrap();
    assert_eq!(within(waiting).await.unwrap().unwrap(), Some(json!("here")));
    // A job that has ended already is answered at once; without a result there is none.
    assert_eq!(
        wait_for(&table.pool, &working.listener, id, LIMIT)
            .await
            .unwrap(),
        Some(json!("here"))
    );
    let plain = table.enqueue(Told { n: 2 }).await;
    runs.next().await.end.send(Outcome::Done).unwrap();
    assert_eq!(
        wait_for(&table.pool, &working.listener, plain, LIMIT)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_kind_that_is_not_announced_is_noticed_by_reading_again() {
    let table = Table::new().await;
    let working = table
        .start(ON_NOTICE, |worker| {
            worker.handle::<Plain, _>(1, always(Outcome::Done))
        })
        .listening()
        .await;
    let id = table.enqueue(Plain { n: 1 }).await;
    assert_eq!(
        wait_for(&table.pool, &working.listener, id, LIMIT)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn every_end_of_an_announced_job_is_notified() {
    let table = Table::new().await;
    let working = table.start(ON_NOTICE, |worker| worker).listening().await;
    let mut notices = working.listener.subscribe();
    for (n, outcome) in ["completed", "cancelled", "fail"].into_iter().enumerate() {
        let id = table
            .enqueue(Told {
                n: i64::try_from(n).unwrap(),
            })
            .await;
        let token = table.claim("test.told").await;
        table.finish(id, &token, outcome).await;
        while within(notices.recv()).await.unwrap() != job_queue::Notice::Done(id) {}
    }
    let id = table.enqueue(Told { n: 9 }).await;
    let token = table.claim("test.told").await;
    table
        .value(&format!(
            "SELECT to_jsonb(c) FROM jobs.complete('{{{id}}}', '{{{token}}}') c"
        ))
        .await;
    while within(notices.recv()).await.unwrap() != job_queue::Notice::Done(id) {}
}

#[tokio::test]
async fn a_limit_is_kept_and_the_job_goes_on() {
    let table = Table::new().await;
    let working = table.start(ON_NOTICE, |worker| worker);
    let id = table.enqueue(Told { n: 1 }).await;
    let started = Instant::now();
    let limit = Duration::from_millis(300);
    let error = wait_for(&table.pool, &working.listener, id, limit)
        .await
        .unwrap_err();
    assert!(
        matches!(error, WaitError::TimedOut { id: late, .. } if late == id),
        "{error}"
    );
    assert!(started.elapsed() >= limit);
    assert_eq!(table.state(id).await, "available");
}

#[tokio::test]
async fn a_job_that_was_given_up_is_an_error() {
    let table = Table::new().await;
    let working = table.start(ON_NOTICE, |worker| worker);
    for (outcome, state) in [("fail", "discarded"), ("cancelled", "cancelled")] {
        let id = table.enqueue(Told { n: 1 }).await;
        let token = table.claim("test.told").await;
        table.finish(id, &token, outcome).await;
        let error = wait_for(&table.pool, &working.listener, id, LIMIT)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), format!("job {id} was {state}"));
    }
}

#[tokio::test]
async fn a_row_that_vanishes_is_an_error() {
    let table = Table::new().await;
    let working = table.start(ON_NOTICE, |worker| worker);
    let id = table.enqueue(Told { n: 1 }).await;
    let (pool, listener) = (table.pool.clone(), working.listener.clone());
    let waiting = tokio::spawn(async move { wait_for(&pool, &listener, id, LIMIT).await });
    table.sql("DELETE FROM jobs.job").await;
    let error = within(waiting).await.unwrap().unwrap_err();
    assert!(
        matches!(error, WaitError::Vanished(gone) if gone == id),
        "{error}"
    );
}

#[tokio::test]
async fn waiters_hold_no_connection() {
    let table = Table::new().await;
    let (handler, mut runs) = puppet::<Told>();
    let working = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    let id = table.enqueue(Told { n: 1 }).await;
    let single = pool(&table.database.url(), 1);
    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let (pool, listener) = (single.clone(), working.listener.clone());
            tokio::spawn(async move { wait_for(&pool, &listener, id, LIMIT).await })
        })
        .collect();
    let run = runs.next().await;
    // Ten wait over a pool of one, and it can still be used.
    for _ in 0..20 {
        let mut conn = within(single.get()).await.unwrap();
        assert_eq!(
            crate::common::value(&mut conn, "SELECT to_jsonb(1)")
                .await
                .unwrap(),
            1
        );
    }
    // Nor does a waiter hold a lock or an open transaction.
    let open = "SELECT to_jsonb(count(*)) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    assert_eq!(table.value(open).await, 0);
    run.end.send(Outcome::Done).unwrap();
    for waiter in waiters {
        within(waiter).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_lost_connection_does_not_end_the_wait() {
    let table = Table::new().await;
    let (handler, mut runs) = puppet::<Told>();
    let working = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    let id = table.enqueue(Told { n: 1 }).await;
    let run = runs.next().await;
    let (pool, listener) = (table.pool.clone(), working.listener.clone());
    let waiting = tokio::spawn(async move { wait_for(&pool, &listener, id, LIMIT).await });
    table.database.terminate_backends().await.unwrap();
    run.end.send(Outcome::DoneWith(json!(1))).unwrap();
    assert_eq!(within(waiting).await.unwrap().unwrap(), Some(json!(1)));
}
