//! Enqueuing: in the caller's transaction, one live job per key, one notification per kind.

use std::time::Duration;

use diesel::result::Error as Query;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use job_queue::{JobKind, NewJob, Notice, QueueError};
use serde_json::json;

use crate::common::{Table, within};
use crate::kinds::{Endless, Keyed, Plain};

#[tokio::test]
async fn a_new_job_waits_with_what_its_kind_declares() {
    let table = Table::new().await;
    let id = table.enqueue(Keyed { n: 7 }).await;
    let row = table.row(id).await;
    assert_eq!(row["kind"], "test.keyed");
    assert_eq!(row["payload"], json!({ "n": 7 }));
    assert_eq!(row["unique_key"], "7");
    assert_eq!(
        (&row["state"], &row["attempt"], &row["max_attempts"]),
        (&json!("available"), &json!(0), &json!(3))
    );
    assert_eq!((&row["priority"], &row["errors"]), (&json!(0), &json!([])));
    for empty in [
        "lease_token",
        "lease_expires_at",
        "deadline_at",
        "result",
        "started_at",
        "finished_at",
        "again_at",
    ] {
        assert!(row[empty].is_null(), "{empty}");
    }
    let endless = table.enqueue(Endless { n: 1 }).await;
    assert!(table.row(endless).await["max_attempts"].is_null());
}

#[tokio::test]
async fn due_times_are_by_the_databases_clock() {
    let table = Table::new().await;
    let later = NewJob::new(&Plain { n: 1 })
        .unwrap()
        .after(Duration::from_mins(1))
        .priority(5);
    let id = table.enqueue_new(later).await;
    let wait = format!(
        "SELECT to_jsonb(round(extract(epoch FROM run_at - created_at) * 10) = 600 AND priority = 5) FROM jobs.job WHERE id = {id}"
    );
    assert_eq!(table.value(&wait).await, true);
    let endless = NewJob::new(&Plain { n: 1 }).unwrap().after(Duration::MAX);
    table.enqueue_new(endless).await;
}

#[tokio::test]
async fn a_job_exists_when_its_transaction_commits_and_not_before() {
    let table = Table::new().await;
    let mut conn = table.connect().await;
    let rolled_back: Result<(), QueueError> = conn
        .transaction(async |conn| {
            job_queue::enqueue_one(conn, &Plain { n: 1 }).await?;
            Err(QueueError::Database(Query::RollbackTransaction))
        })
        .await;
    assert!(rolled_back.is_err());
    assert_eq!(table.count("true").await, 0);

    conn.transaction(async |conn| {
        job_queue::enqueue_one(conn, &Plain { n: 2 }).await?;
        assert_eq!(table.count("true").await, 0, "nobody else sees it yet");
        Ok::<_, QueueError>(())
    })
    .await
    .unwrap();
    assert_eq!(table.count("payload = '{\"n\": 2}'").await, 1);
}

#[tokio::test]
async fn a_key_is_unique_among_live_jobs_of_its_kind() {
    let table = Table::new().await;
    let first = table.enqueue(Keyed { n: 1 }).await;
    assert_eq!(table.enqueue(Keyed { n: 1 }).await, first);
    assert_ne!(table.enqueue(Keyed { n: 2 }).await, first);
    assert_ne!(
        table.enqueue(Endless { n: 1 }).await,
        first,
        "keys of other kinds do not count"
    );
    assert_ne!(
        table.enqueue(Plain { n: 1 }).await,
        table.enqueue(Plain { n: 1 }).await,
        "no key, no limit"
    );

    let token = table.claim("test.keyed").await;
    assert_eq!(
        table.enqueue(Keyed { n: 1 }).await,
        first,
        "running is live"
    );
    table.sql("UPDATE jobs.job SET again_at = NULL").await;
    assert_eq!(table.finish(first, &token, "completed").await, "completed");
    assert_ne!(
        table.enqueue(Keyed { n: 1 }).await,
        first,
        "completed is not"
    );
}

#[tokio::test]
async fn the_constraint_holds_whoever_writes() {
    let table = Table::new().await;
    table.enqueue(Keyed { n: 1 }).await;
    let insert = "INSERT INTO jobs.job (kind, payload, unique_key, run_at) VALUES ('test.keyed', '{}', '1', now())";
    let error = table
        .connect()
        .await
        .batch_execute(insert)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("job_unique_among_live"),
        "{error}"
    );
}

#[tokio::test]
async fn a_second_enqueuer_waits_for_the_first_transaction() {
    for commits in [true, false] {
        let table = Table::new().await;
        let mut first = table.connect().await;
        first.batch_execute("BEGIN").await.unwrap();
        let id = job_queue::enqueue_one(&mut first, &Keyed { n: 1 })
            .await
            .unwrap();
        let mut second = table.connect().await;
        let other =
            tokio::spawn(async move { job_queue::enqueue_one(&mut second, &Keyed { n: 1 }).await });
        table.until_blocked().await;
        first
            .batch_execute(if commits { "COMMIT" } else { "ROLLBACK" })
            .await
            .unwrap();
        let other = within(other).await.unwrap().unwrap();
        assert_eq!(other == id, commits);
        assert_eq!(table.count("unique_key = '1'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_enqueuers_at_once_neither_double_nor_deadlock() {
    let table = Table::new().await;
    let forwards: Vec<_> = (0..10)
        .map(|n| NewJob::new(&Keyed { n }).unwrap())
        .collect();
    let backwards: Vec<_> = forwards.iter().rev().cloned().collect();
    let mut enqueuers = Vec::new();
    for jobs in [forwards.clone(), backwards.clone(), forwards, backwards] {
        let mut conn = table.connect().await;
        enqueuers.push(tokio::spawn(async move {
            for _ in 0..25 {
                job_queue::enqueue(&mut conn, &jobs).await?;
            }
            Ok::<_, QueueError>(())
        }));
    }
    for enqueuer in enqueuers {
        within(enqueuer).await.unwrap().unwrap();
    }
    assert_eq!(table.count("kind = 'test.keyed'").await, 10);
}

#[tokio::test]
async fn a_waiting_twin_runs_as_early_as_either_asks() {
    let table = Table::new().await;
    let job = || NewJob::new(&Keyed { n: 1 }).unwrap();
    let id = table
        .enqueue_new(job().after(Duration::from_hours(1)))
        .await;
    assert_eq!(
        table
            .enqueue_new(job().after(Duration::from_hours(2)).priority(3))
            .await,
        id
    );
    let row = format!(
        "SELECT to_jsonb(run_at < now() + interval '61 min' AND run_at > now() + interval '59 min' AND priority = 3) FROM jobs.job WHERE id = {id}"
    );
    assert_eq!(table.value(&row).await, true);
    table.enqueue_new(job()).await;
    assert_eq!(
        table
            .count("run_at <= clock_timestamp() AND priority = 3")
            .await,
        1
    );
}

#[tokio::test]
async fn ids_come_in_the_order_of_the_jobs_and_a_key_may_come_twice() {
    let table = Table::new().await;
    let job = |n| NewJob::new(&Keyed { n }).unwrap();
    let plain = |n| NewJob::new(&Plain { n }).unwrap();
    let live = table.enqueue(Keyed { n: 5 }).await;
    let mut conn = table.connect().await;
    let ids = job_queue::enqueue(
        &mut conn,
        &[plain(9), job(8), job(5), job(2), plain(9), job(8)],
    )
    .await
    .unwrap();
    assert_eq!(ids.len(), 6);
    assert_eq!((ids[2], ids[1]), (live, ids[5]));
    assert_ne!(ids[0], ids[4]);
    for (id, n) in [(ids[0], 9), (ids[1], 8), (ids[3], 2), (ids[4], 9)] {
        assert_eq!(table.row(id).await["payload"]["n"], n);
    }
    assert_eq!(
        job_queue::enqueue(&mut conn, &[]).await.unwrap(),
        Vec::<i64>::new()
    );
}

#[tokio::test]
async fn one_notification_per_kind_and_transaction() {
    let table = Table::new().await;
    let working = table
        .start(crate::common::ON_NOTICE, |worker| worker)
        .listening()
        .await;
    let mut notices = working.listener.subscribe();
    let mut conn = table.connect().await;
    conn.transaction(async |conn| {
        for n in 0..3 {
            job_queue::enqueue_one(conn, &Plain { n }).await?;
            job_queue::enqueue_one(conn, &Keyed { n }).await?;
        }
        Ok::<_, QueueError>(())
    })
    .await
    .unwrap();
    // Neither a rollback nor a job that is not due says anything.
    conn.batch_execute("BEGIN").await.unwrap();
    job_queue::enqueue_one(&mut conn, &Plain { n: 3 })
        .await
        .unwrap();
    conn.batch_execute("ROLLBACK").await.unwrap();
    table
        .enqueue_new(
            NewJob::new(&Plain { n: 4 })
                .unwrap()
                .after(Duration::from_mins(1)),
        )
        .await;
    table.enqueue(Endless { n: 1 }).await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|kind| kind != Endless::SPEC.name) {
        if let Notice::Ready(kind) = within(notices.recv()).await.unwrap() {
            heard.push(kind);
        }
    }
    assert_eq!(heard, ["test.plain", "test.keyed", "test.endless"]);
}

#[tokio::test]
async fn is_live_knows_waiting_and_running_jobs() {
    let table = Table::new().await;
    let mut conn = table.connect().await;
    assert!(
        !job_queue::is_live(&mut conn, &Keyed { n: 1 })
            .await
            .unwrap()
    );
    let id = table.enqueue(Keyed { n: 1 }).await;
    assert!(
        job_queue::is_live(&mut conn, &Keyed { n: 1 })
            .await
            .unwrap()
    );
    let token = table.claim("test.keyed").await;
    assert!(
        job_queue::is_live(&mut conn, &Keyed { n: 1 })
            .await
            .unwrap()
    );
    table.finish(id, &token, "cancelled").await;
    assert!(
        !job_queue::is_live(&mut conn, &Keyed { n: 1 })
            .await
            .unwrap()
    );
}
