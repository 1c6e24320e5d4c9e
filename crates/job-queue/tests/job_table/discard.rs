//! Giving up: the discard action in the discarding transaction, whoever discards; and kinds that are
//! never given up.

use std::time::Duration;

use job_queue::Outcome;
use serde_json::json;

use crate::common::{BUSY, ON_NOTICE, Table, always, puppet};
use crate::kinds::{Endless, Followed, Plain};

/// The job that follows, with the same payload and key, written by the same transaction.
async fn assert_followed(table: &Table, id: i64) {
    let pair = format!(
        "SELECT jsonb_build_array(gone.state, next.kind, next.state, next.payload = gone.payload,
                                  next.unique_key = gone.unique_key, next.xmin = gone.xmin)
         FROM jobs.job gone, jobs.job next WHERE gone.id = {id} AND next.id <> gone.id"
    );
    assert_eq!(
        table.value(&pair).await,
        json!(["discarded", "test.endless", "available", true, true, true])
    );
}

#[tokio::test]
async fn after_the_last_attempt() {
    let table = Table::new().await;
    let id = table.enqueue(Followed { n: 7 }).await;
    let working = table.start(BUSY, |worker| {
        worker.handle::<Followed, _>(1, always(Outcome::Retry("no".to_owned())))
    });
    let row = table.until(id, "state = 'discarded'").await;
    working.stop().await;
    assert_eq!(row["attempt"], 3);
    assert_followed(&table, id).await;
}

#[tokio::test]
async fn when_the_handler_fails_for_good() {
    let table = Table::new().await;
    let id = table.enqueue(Followed { n: 7 }).await;
    let working = table.start(BUSY, |worker| {
        worker.handle::<Followed, _>(1, always(Outcome::fail("hopeless")))
    });
    table.until(id, "state = 'discarded' AND attempt = 1").await;
    working.stop().await;
    assert_followed(&table, id).await;
}

#[tokio::test]
async fn by_the_operator_whether_waiting_or_running() {
    for running in [false, true] {
        let table = Table::new().await;
        let id = table.enqueue(Followed { n: 7 }).await;
        if running {
            table.claim("test.followed").await;
        }
        let mut conn = table.connect().await;
        assert!(
            job_queue::operate::discard(&mut conn, id, "given up by hand")
                .await
                .unwrap()
        );
        assert_followed(&table, id).await;
    }
}

#[tokio::test]
async fn when_the_worker_vanishes_in_its_last_attempt_and_only_another_kinds_worker_is_alive() {
    let table = Table::new().await;
    let id = table.enqueue(Followed { n: 7 }).await;
    table.claim("test.followed").await;
    table.sql("UPDATE jobs.job SET attempt = 3").await;
    table.expire(id).await;
    let working = table.start(BUSY, |worker| {
        worker.handle::<Plain, _>(1, always(Outcome::Done))
    });
    let row = table.until(id, "state = 'discarded'").await;
    working.stop().await;
    assert_eq!(
        row["errors"],
        json!(["attempt 3: the worker vanished or ran into the deadline"])
    );
    assert_followed(&table, id).await;
}

#[tokio::test]
async fn what_follows_joins_its_live_twin() {
    let table = Table::new().await;
    let twin = table.enqueue(Endless { n: 7 }).await;
    let id = table.enqueue(Followed { n: 7 }).await;
    assert_eq!(
        table
            .value(&format!("SELECT to_jsonb(jobs.discard({id}, 'x'))"))
            .await,
        true
    );
    assert_eq!(table.count("kind = 'test.endless'").await, 1);
    assert_eq!(table.state(twin).await, "available");
}

#[tokio::test]
async fn without_a_discard_action_the_row_stays() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    table
        .value(&format!("SELECT to_jsonb(jobs.discard({id}, 'x'))"))
        .await;
    assert_eq!(table.count("state = 'discarded'").await, 1);
    assert_eq!(table.count("true").await, 1);
}

#[tokio::test]
async fn an_endless_kind_is_never_given_up_and_waits_an_hour_at_most() {
    let table = Table::new().await;
    let id = table.enqueue(Endless { n: 1 }).await;
    for (attempt, outcome) in [(100, "retry"), (100_000, "retry"), (1_000_000, "fail")] {
        table
            .sql(&format!(
                "UPDATE jobs.job SET attempt = {attempt}, run_at = clock_timestamp()"
            ))
            .await;
        let token = table.claim("test.endless").await;
        assert_eq!(table.finish(id, &token, outcome).await, "available");
        let within_the_hour = "run_at BETWEEN clock_timestamp() + interval '44 min' AND clock_timestamp() + interval '1 h'";
        assert_eq!(
            table.count(within_the_hour).await,
            1,
            "{outcome} at {attempt}"
        );
    }
    table
        .sql("UPDATE jobs.job SET run_at = clock_timestamp()")
        .await;
    table.claim("test.endless").await;
    table.expire(id).await;
    assert_eq!(table.maintain().await["given_up"], json!([]));
    assert_eq!(table.state(id).await, "available");
}

#[tokio::test]
async fn an_endless_job_raises_the_alarm_after_an_hour() {
    let metrics = service_kit::metrics::install().unwrap();
    let alarms = || {
        let text = metrics.render();
        let line = text
            .lines()
            .find(|line| line.starts_with("jobs_alarms_total{kind=\"test.endless\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .unwrap_or_default()
    };
    let table = Table::new().await;
    let id = table.enqueue(Endless { n: 1 }).await;
    let (handler, mut runs) = puppet::<Endless>();
    let working = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    runs.next()
        .await
        .end
        .send(Outcome::Retry("down".to_owned()))
        .unwrap();
    table.until(id, "state = 'available'").await;
    assert_eq!(alarms(), 0, "it is young");

    table
        .sql("UPDATE jobs.job SET created_at = created_at - interval '61 min'")
        .await;
    assert!(
        job_queue::operate::retry(&mut table.connect().await, id)
            .await
            .unwrap()
    );
    runs.next()
        .await
        .end
        .send(Outcome::Retry("down".to_owned()))
        .unwrap();
    table
        .until(id, "state = 'available' AND cardinality(errors) = 2")
        .await;
    assert_eq!(alarms(), 1);

    // Waiting on and on is no better than failing.
    assert!(
        job_queue::operate::retry(&mut table.connect().await, id)
            .await
            .unwrap()
    );
    runs.next()
        .await
        .end
        .send(Outcome::Snooze(Duration::from_hours(1)))
        .unwrap();
    table
        .until(
            id,
            "state = 'available' AND run_at > now() + interval '50 min'",
        )
        .await;
    assert_eq!(alarms(), 2);
    working.stop().await;
}
