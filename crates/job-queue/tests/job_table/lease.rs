//! Leases: renewed while the run lives, bounded by the deadline, and every write names its token.

use std::time::Duration;

use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use job_queue::{Job, LeaseLost, Outcome, WorkerSettings};
use serde_json::json;

use crate::common::{BUSY, ON_NOTICE, Run, Table, puppet, value, within};
use crate::kinds::{Bounded, Brief, Keyed, Plain};

/// Renews often, rescues nothing.
const RENEWING: WorkerSettings = WorkerSettings {
    heartbeat: Duration::from_millis(20),
    ..ON_NOTICE
};

#[tokio::test]
async fn a_claim_is_leased_for_what_its_kind_declares() {
    let table = Table::new().await;
    let id = table.enqueue(Brief { n: 1 }).await;
    table.claim("test.brief").await;
    let times = "SELECT jsonb_build_array(extract(epoch FROM lease_expires_at - started_at)::numeric(9, 1),
                                          extract(epoch FROM deadline_at - started_at)::numeric(9, 1)) FROM jobs.job";
    assert_eq!(table.value(times).await, json!([1.5, 600.0]));
    assert!(table.row(id).await["lease_token"].is_string());
}

#[tokio::test]
async fn a_heartbeat_keeps_the_job_beyond_one_lease() {
    let table = Table::new().await;
    let id = table.enqueue(Brief { n: 1 }).await;
    let (handler, mut runs) = puppet::<Brief>();
    let working = table.start(BUSY, |worker| worker.handle(2, handler));
    let run = runs.next().await;
    table
        .until(id, "clock_timestamp() > started_at + interval '3.5 s'")
        .await;
    assert!(runs.is_empty(), "rescued although its worker lives");
    run.end.send(Outcome::Done).unwrap();
    working.stop().await;
    assert_eq!(
        table
            .count("state = 'completed' AND attempt = 1 AND errors = '{}'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_deadline_ends_the_run_and_costs_an_attempt() {
    let table = Table::new().await;
    let id = table.enqueue(Bounded { n: 1 }).await;
    let (handler, mut runs) = puppet::<Bounded>();
    let _working = table.start(RENEWING, |worker| worker.handle(1, handler));
    let mut run = runs.next().await;
    within(run.end.closed()).await;
    let row = table.until(id, "state = 'available'").await;
    assert_eq!(
        row["errors"],
        json!(["attempt 1: not done within the deadline of 300ms"])
    );
}

#[tokio::test]
async fn no_renewal_passes_the_deadline() {
    let table = Table::new().await;
    let id = table.enqueue(Bounded { n: 1 }).await;
    let token = table.claim("test.bounded").await;
    assert_eq!(
        table
            .count("lease_expires_at = deadline_at OR lease_expires_at < deadline_at")
            .await,
        1
    );
    let renew = format!("SELECT jsonb_agg(h) FROM jobs.heartbeat('{{{id}}}', '{{{token}}}') h");
    table
        .sql("UPDATE jobs.job SET deadline_at = clock_timestamp() + interval '1 min'")
        .await;
    assert_eq!(table.value(&renew).await, json!([id]));
    assert_eq!(
        table
            .count("lease_expires_at BETWEEN clock_timestamp() + interval '20 s' AND deadline_at")
            .await,
        1
    );
    table
        .sql("UPDATE jobs.job SET deadline_at = clock_timestamp() + interval '1 s'")
        .await;
    assert_eq!(table.value(&renew).await, json!([id]));
    assert_eq!(table.count("lease_expires_at = deadline_at").await, 1);
    table
        .sql("UPDATE jobs.job SET deadline_at = clock_timestamp() - interval '1 s'")
        .await;
    assert!(table.value(&renew).await.is_null());
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let outcomes = [
        Outcome::Done,
        Outcome::DoneWith(json!(1)),
        Outcome::Retry("x".to_owned()),
        Outcome::Snooze(Duration::from_secs(5)),
        Outcome::Cancel("x".to_owned()),
        Outcome::Fail("x".to_owned()),
        Outcome::HandBack,
    ];
    for outcome in outcomes {
        let table = Table::new().await;
        let id = table.enqueue(Plain { n: 1 }).await;
        let (handler, mut runs) = puppet::<Plain>();
        let working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
        let run = runs.next().await;
        // Somebody else rescues it and claims it.
        table.expire(id).await;
        assert_eq!(table.maintain().await["rescued"], json!(["test.plain"]));
        table.claim("test.plain").await;
        let before = table.row(id).await;

        let mut conn = table.connect().await;
        assert!(
            matches!(run.job.lease.hold(&mut conn).await, Err(LeaseLost::Lost(lost)) if lost == id)
        );
        assert!(matches!(
            run.job.lease.progressed(&mut conn).await,
            Err(LeaseLost::Lost(_))
        ));
        run.end.send(outcome.clone()).unwrap();
        working.stop().await;
        assert_eq!(table.row(id).await, before, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_run_that_lost_its_lease_is_abandoned() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let (handler, mut runs) = puppet::<Plain>();
    let _working = table.start(RENEWING, |worker| worker.handle(1, handler));
    let mut run = runs.next().await;
    table
        .sql("UPDATE jobs.job SET lease_token = gen_random_uuid()")
        .await;
    within(run.end.closed()).await;
    assert_eq!(table.state(id).await, "running");
}

/// Only the heartbeat fails here, as when the database does not answer.
#[tokio::test]
async fn without_an_answer_the_lease_runs_out_by_the_workers_clock() {
    let table = Table::new().await;
    table.enqueue(Brief { n: 1 }).await;
    let (handler, mut runs) = puppet::<Brief>();
    let _working = table.start(RENEWING, |worker| worker.handle(1, handler));
    let mut run = runs.next().await;
    table
        .sql("ALTER FUNCTION jobs.heartbeat RENAME TO no_heartbeat")
        .await;
    within(run.end.closed()).await;
}

#[tokio::test]
async fn a_held_lease_is_not_taken_away_before_the_commit() {
    let table = Table::new().await;
    let id = table.enqueue(Keyed { n: 1 }).await;
    let (handler, mut runs) = puppet::<Keyed>();
    let working = table.start(RENEWING, |worker| worker.handle(1, handler));
    let run = runs.next().await;
    let (mut conn, mut other) = (table.connect().await, table.connect().await);
    conn.batch_execute("BEGIN").await.unwrap();
    run.job.lease.hold(&mut conn).await.unwrap();
    other
        .batch_execute("SET lock_timeout = '2s'")
        .await
        .unwrap();
    // Neither heartbeats nor enqueuers wait for the handler's transaction.
    let before = table.row(id).await["lease_expires_at"].take();
    table
        .until(
            id,
            &format!("lease_expires_at > '{}'", before.as_str().unwrap()),
        )
        .await;
    job_queue::enqueue_one(&mut other, &Keyed { n: 1 })
        .await
        .unwrap();
    // Whoever takes the lease away does, or passes the row over.
    table.expire(id).await;
    assert_eq!(table.maintain().await["rescued"], json!([]));
    let discard = value(
        &mut other,
        &format!("SELECT to_jsonb(jobs.discard({id}, 'x'))"),
    )
    .await;
    assert!(discard.unwrap_err().to_string().contains("lock timeout"));
    run.job.lease.progressed(&mut conn).await.unwrap();
    conn.batch_execute("COMMIT").await.unwrap();
    run.end.send(Outcome::Cancel("the end".to_owned())).unwrap();
    assert_eq!(runs.next().await.job.id, id);
    drop(working);
}

#[tokio::test]
async fn one_locked_row_does_not_cost_the_others_their_lease() {
    let table = Table::new().await;
    let (one, other) = (
        table.enqueue(Plain { n: 1 }).await,
        table.enqueue(Plain { n: 2 }).await,
    );
    let tokens = (
        table.claim("test.plain").await,
        table.claim("test.plain").await,
    );
    table
        .sql("UPDATE jobs.job SET lease_expires_at = clock_timestamp() + interval '1 s'")
        .await;
    let mut writer = table.connect().await;
    writer
        .batch_execute(&format!(
            "BEGIN; SELECT jobs.progressed({one}, '{}')",
            tokens.0
        ))
        .await
        .unwrap();
    let renew = format!(
        "SELECT jsonb_agg(h ORDER BY h) FROM jobs.heartbeat('{{{one},{other}}}', '{{{},{}}}') h",
        tokens.0, tokens.1
    );
    assert_eq!(
        within(table.value(&renew)).await,
        json!([one, other]),
        "both are still held"
    );
    assert_eq!(
        table
            .count(&format!(
                "lease_expires_at > clock_timestamp() + interval '10 s' AND id = {other}"
            ))
            .await,
        1
    );
    writer.batch_execute("ROLLBACK").await.unwrap();
}

/// A transaction that an abandoned run leaves open in the pool neither keeps the run from ending nor
/// ever commits.
#[tokio::test]
async fn a_run_cut_off_inside_a_transaction_leaves_nothing() {
    let table = Table::new().await;
    let id = table.enqueue(Bounded { n: 1 }).await;
    let pool = table.pool.clone();
    let handler = Run(move |job: Job<Bounded>| {
        let pool = pool.clone();
        async move {
            let mut conn = pool.get().await.unwrap();
            conn.transaction(async |conn| {
                job.lease.hold(conn).await?;
                job_queue::enqueue_one(conn, &Plain { n: 1 }).await.unwrap();
                std::future::pending::<()>().await;
                Ok::<_, LeaseLost>(())
            })
            .await
            .unwrap();
            Outcome::Done
        }
    });
    let _working = table.start(BUSY, |worker| worker.handle::<Bounded, _>(1, handler));
    table
        .until(id, "state = 'discarded' AND cardinality(errors) = 3")
        .await;
    assert_eq!(table.count("kind = 'test.plain'").await, 0);
}

#[tokio::test]
async fn a_completion_that_comes_late_but_before_the_rescue_counts() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let token = table.claim("test.plain").await;
    table.expire(id).await;
    assert_eq!(table.finish(id, &token, "completed").await, "completed");
    assert_eq!(table.maintain().await["rescued"], json!([]));
}
