//! What the operator does by hand.

use job_queue::operate::{discard, list, retry, show};
use job_queue::{NewJob, Outcome};
use serde_json::json;

use crate::common::{ON_NOTICE, Table, puppet};
use crate::kinds::{Keyed, Plain};

#[tokio::test]
async fn jobs_are_listed_and_shown() {
    let table = Table::new().await;
    let mut conn = table.connect().await;
    let done = table.enqueue(Plain { n: 1 }).await;
    let token = table.claim("test.plain").await;
    table.finish(done, &token, "completed").await;
    let failed = table.enqueue(Plain { n: 2 }).await;
    let token = table.claim("test.plain").await;
    table.finish(failed, &token, "fail").await;
    let waiting = table.enqueue(Keyed { n: 3 }).await;

    let ids = |rows: Vec<job_queue::operate::JobRow>| {
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(list(&mut conn, None, None, 10).await.unwrap()),
        [waiting, failed]
    );
    assert_eq!(
        ids(list(&mut conn, Some("completed"), None, 10).await.unwrap()),
        [done]
    );
    assert_eq!(
        ids(list(&mut conn, None, Some("test.plain"), 10).await.unwrap()),
        [failed]
    );
    assert_eq!(
        ids(list(&mut conn, None, None, 1).await.unwrap()),
        [waiting]
    );

    let row = show(&mut conn, failed).await.unwrap().unwrap();
    assert_eq!(
        (
            row.kind.as_str(),
            row.state.as_str(),
            row.attempt,
            row.max_attempts
        ),
        ("test.plain", "discarded", 1, Some(3))
    );
    assert_eq!(
        (row.payload, row.errors),
        (json!({ "n": 2 }), vec!["attempt 1: because".to_owned()])
    );
    assert!(row.finished_at.is_some());
    assert!(show(&mut conn, 999_999).await.unwrap().is_none());
}

#[tokio::test]
async fn a_discarded_job_is_retried_with_fresh_attempts() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let mut conn = table.connect().await;
    assert!(discard(&mut conn, id, "by\nhand").await.unwrap());
    assert!(
        !discard(&mut conn, id, "again").await.unwrap(),
        "it has ended"
    );
    assert_eq!(table.row(id).await["errors"], json!(["attempt 0: by hand"]));
    let (handler, mut runs) = puppet::<Plain>();
    let working = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    assert!(retry(&mut conn, id).await.unwrap());
    let run = runs.next().await;
    assert_eq!(run.job.attempt, 1);
    assert!(!retry(&mut conn, id).await.unwrap(), "it is running");
    run.end.send(Outcome::Done).unwrap();
    working.stop().await;
    assert!(!retry(&mut conn, id).await.unwrap(), "it is completed");
    assert!(!retry(&mut conn, 999_999).await.unwrap());
}

#[tokio::test]
async fn a_waiting_job_is_run_now() {
    let table = Table::new().await;
    let later = NewJob::new(&Plain { n: 1 })
        .unwrap()
        .after(std::time::Duration::from_hours(1));
    let id = table.enqueue_new(later).await;
    assert!(retry(&mut table.connect().await, id).await.unwrap());
    table.claim("test.plain").await;
}

#[tokio::test]
async fn a_job_whose_successor_lives_is_not_retried() {
    let table = Table::new().await;
    let mut conn = table.connect().await;
    let old = table.enqueue(Keyed { n: 1 }).await;
    discard(&mut conn, old, "x").await.unwrap();
    let new = table.enqueue(Keyed { n: 1 }).await;
    assert!(!retry(&mut conn, old).await.unwrap());
    assert_eq!(
        (table.state(old).await, table.state(new).await),
        (json!("discarded"), json!("available"))
    );
}

#[tokio::test]
async fn discarding_a_running_job_takes_it_from_its_worker() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let (handler, mut runs) = puppet::<Plain>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
    let run = runs.next().await;
    assert!(
        discard(&mut table.connect().await, id, "stop it")
            .await
            .unwrap()
    );
    run.end.send(Outcome::DoneWith(json!(1))).unwrap();
    working.stop().await;
    let row = table.row(id).await;
    assert_eq!(
        (&row["state"], &row["result"]),
        (&json!("discarded"), &json!(null))
    );
}
