//! Broken on purpose: workers killed with −9, Postgres restarted and crashed, connections cut; then the
//! books are checked.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use job_queue::{Job, Listener, NewJob, Notice, Outcome, Worker};
use serde_json::json;
use service_kit::shutdown::Shutdown;
use test_support::Cluster;
use test_support::process::Process;

use crate::common::{BUSY, LIMIT, ON_NOTICE, Run, Table, always, pool, puppet, within};
use crate::kinds::{Brief, Plain};
use crate::proxy::Proxy;

const URL: &str = "JOB_TABLE_TEST_URL";

/// Run by the test below in a process of its own: works on one job until it is killed.
#[tokio::test]
#[ignore = "run by orphans_of_a_killed_process_run_again_within_a_lease"]
#[expect(
    clippy::disallowed_methods,
    reason = "told by the test, not configured"
)]
async fn helper_that_is_killed() {
    let url = std::env::var(URL).unwrap();
    let shutdown = Shutdown::new();
    let listener = Listener::start(url.clone(), &shutdown);
    let handler = Run(|job: Job<Brief>| async move {
        println!("working on {}.", job.id);
        std::future::pending().await
    });
    Worker::new(pool(&url, 4), listener, shutdown, BUSY)
        .handle::<Brief, _>(1, handler)
        .run()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_of_a_killed_process_run_again_within_a_lease() {
    let table = Table::new().await;
    let id = table.enqueue(Brief { n: 1 }).await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--ignored",
        "--nocapture",
        "--exact",
        "crash::helper_that_is_killed",
    ]);
    command.env(URL, table.database.url());
    let mut victim = Process::spawn("the victim", command).unwrap();
    victim
        .wait_for_output(&format!("working on {id}."), LIMIT)
        .unwrap();
    let (handler, mut runs) = puppet::<Brief>();
    let working = table.start(BUSY, |worker| worker.handle(1, handler));
    // The victim lives beyond its first lease: nobody takes the job.
    table
        .until(id, "clock_timestamp() > started_at + interval '1.6 s'")
        .await;
    assert!(runs.is_empty());

    let killed = table.value("SELECT to_jsonb(clock_timestamp())").await;
    victim.kill().unwrap();
    let run = runs.next().await;
    assert_eq!((run.job.id, run.job.attempt), (id, 2));
    // A lease is 1.5 s; the rest is for a busy machine.
    let soon = format!(
        "started_at - '{}' < interval '3 s'",
        killed.as_str().unwrap()
    );
    table.until(id, &soon).await;
    run.end.send(Outcome::Done).unwrap();
    working.stop().await;
    let row = table.row(id).await;
    assert_eq!(row["state"], "completed");
    assert_eq!(
        row["errors"],
        json!(["attempt 1: the worker vanished or ran into the deadline"])
    );
}

/// Every job leaves one row in a table of its own, as a domain would.
async fn count_runs(table: &Table) {
    table.sql("CREATE TABLE ran (id bigint NOT NULL)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_on_after_a_restart_and_a_crash_of_postgres() {
    let cluster = Arc::new(
        tokio::task::spawn_blocking(Cluster::start)
            .await
            .unwrap()
            .unwrap(),
    );
    let table = Table::in_cluster(&cluster).await;
    count_runs(&table).await;
    // A crash may lose what is not flushed; this is about the job table.
    cluster
        .sql("postgres", "ALTER SYSTEM SET synchronous_commit = on")
        .await
        .unwrap();
    cluster
        .sql("postgres", "SELECT pg_reload_conf()")
        .await
        .unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let (counted, domain) = (Arc::clone(&ran), table.pool.clone());
    let handler = Run(move |job: Job<Brief>| {
        let (ran, pool) = (Arc::clone(&counted), domain.clone());
        async move {
            match once(&pool, &job).await {
                Ok(()) => {
                    ran.fetch_add(1, Ordering::SeqCst);
                    Outcome::Done
                }
                Err(error) => Outcome::Retry(error),
            }
        }
    });
    let working = table
        .start(BUSY, |worker| worker.handle::<Brief, _>(4, handler))
        .listening()
        .await;
    let mut notices = working.listener.subscribe();
    let mut expected = Vec::new();
    for round in 0..3_i64 {
        let jobs: Vec<_> = (0..100)
            .map(|n| {
                NewJob::new(&Brief {
                    n: round * 1000 + n,
                })
                .unwrap()
            })
            .collect();
        expected.extend(
            job_queue::enqueue(&mut table.connect().await, &jobs)
                .await
                .unwrap(),
        );
        table.sql("UPDATE jobs.kind SET backoff_first = interval '1 ms', max_attempts = NULL; UPDATE jobs.job SET max_attempts = NULL").await;
        // In the middle of the round.
        let so_far = ran.load(Ordering::SeqCst);
        test_support::wait::until(LIMIT, "some runs", async || {
            (ran.load(Ordering::SeqCst) > so_far).then_some(())
        })
        .await;
        let broken = Arc::clone(&cluster);
        let broke = tokio::task::spawn_blocking(move || match round {
            0 => broken.restart(),
            1 => broken.crash().and_then(|()| broken.start_again()),
            _ => Ok(()),
        });
        broke.await.unwrap().unwrap();
        if round == 2 {
            table.database.terminate_backends().await.unwrap();
        }
        while within(notices.recv()).await.unwrap() != Notice::Connected {}
    }
    test_support::wait::until(LIMIT, "all jobs to be completed", async || {
        let query = "SELECT to_jsonb(count(*)) FROM jobs.job WHERE state = 'completed'";
        let mut conn = table.pool.get().await.ok()?;
        let completed = crate::common::value(&mut conn, query).await.ok()?;
        (completed == 300).then_some(())
    })
    .await;
    working.stop().await;
    let mut runs: HashMap<i64, i64> = HashMap::new();
    for id in table
        .value("SELECT jsonb_agg(id) FROM ran")
        .await
        .as_array()
        .unwrap()
    {
        *runs.entry(id.as_i64().unwrap()).or_default() += 1;
    }
    assert!(
        expected.iter().all(|id| runs.get(id) == Some(&1)),
        "lost or doubled: {runs:?}"
    );
    assert_eq!(runs.len(), expected.len());
}

/// Idempotent, as every handler: what is there already is left alone, under the lease.
async fn once(pool: &job_queue::Pool, job: &Job<Brief>) -> Result<(), String> {
    use diesel_async::{AsyncConnection, RunQueryDsl};
    let mut conn = pool.get().await.map_err(|error| error.to_string())?;
    let written = conn
        .transaction(async |conn| {
            job.lease.hold(conn).await?;
            diesel::sql_query(
                "INSERT INTO ran SELECT $1 WHERE NOT EXISTS (SELECT FROM ran WHERE id = $1)",
            )
            .bind::<diesel::sql_types::BigInt, _>(job.id)
            .execute(conn)
            .await?;
            Ok::<_, job_queue::LeaseLost>(())
        })
        .await;
    written.map_err(|error| error.to_string())
}

/// Without a second run: the lease outlives the outage.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_end_while_the_database_is_away_are_completed_later() {
    let cluster = Arc::new(
        tokio::task::spawn_blocking(Cluster::start)
            .await
            .unwrap()
            .unwrap(),
    );
    let table = Table::in_cluster(&cluster).await;
    let ids = [
        table.enqueue(Plain { n: 1 }).await,
        table.enqueue(Plain { n: 2 }).await,
        table.enqueue(Plain { n: 3 }).await,
    ];
    let (handler, mut runs) = puppet::<Plain>();
    let working = table.start(BUSY, |worker| worker.handle(3, handler));
    let held = [runs.next().await, runs.next().await, runs.next().await];
    let stopped = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || stopped.stop())
        .await
        .unwrap()
        .unwrap();
    for (run, outcome) in held.into_iter().zip([
        Outcome::Done,
        Outcome::DoneWith(json!(1)),
        Outcome::Cancel("x".to_owned()),
    ]) {
        run.end.send(outcome).unwrap();
    }
    let started = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || started.start_again())
        .await
        .unwrap()
        .unwrap();
    for id in ids {
        test_support::wait::until(LIMIT, "the end of the run", async || {
            let mut conn = table.pool.get().await.ok()?;
            let query = format!("SELECT to_jsonb(j) FROM jobs.job j WHERE id = {id} AND finished_at IS NOT NULL AND attempt = 1");
            let row = crate::common::value(&mut conn, &query).await.ok()?;
            (!row.is_null()).then_some(())
        })
        .await;
    }
    assert!(runs.is_empty());
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_database_is_away_ends_and_the_job_runs_again() {
    let cluster = Arc::new(
        tokio::task::spawn_blocking(Cluster::start)
            .await
            .unwrap()
            .unwrap(),
    );
    let table = Table::in_cluster(&cluster).await;
    let id = table.enqueue(Brief { n: 1 }).await;
    let (handler, mut runs) = puppet::<Brief>();
    let working = table.start(ON_NOTICE, |worker| worker.handle(1, handler));
    let _run = runs.next().await;
    let stopped = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || stopped.stop())
        .await
        .unwrap()
        .unwrap();
    working.shutdown.begin_hard();
    working.stop().await;
    let started = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || started.start_again())
        .await
        .unwrap()
        .unwrap();
    // The connections of the pool died with the server.
    let table = Table {
        pool: pool(&table.database.url(), 4),
        ..table
    };
    let working = table.start(BUSY, |worker| {
        worker.handle::<Brief, _>(1, always(Outcome::Done))
    });
    table.until(id, "state = 'completed' AND attempt = 2").await;
    working.stop().await;
}

/// Neither claiming nor what keeps the table in order waits for an answer that never comes.
#[tokio::test]
async fn a_worker_goes_on_after_its_connections_went_silent() {
    let table = Table::new().await;
    let proxy = Proxy::before(&table.database.url()).await;
    let table = Table {
        pool: pool(&proxy.url, 2),
        ..table
    };
    let (handler, mut runs) = puppet::<Brief>();
    let working = table.start(BUSY, |worker| worker.handle(1, handler));
    let id = table.enqueue(Brief { n: 1 }).await;
    runs.next().await.end.send(Outcome::Done).unwrap();
    table.until(id, "state = 'completed'").await;
    proxy.go_silent();
    job_queue::enqueue_one(&mut table.connect().await, &Brief { n: 2 })
        .await
        .unwrap();
    let run = runs.next().await;
    assert_eq!(run.job.payload.n, 2);
    run.end.send(Outcome::Done).unwrap();
    working.stop().await;
}

#[tokio::test]
async fn the_listener_reconnects_and_says_so() {
    let table = Table::new().await;
    let (handler, mut runs) = puppet::<Plain>();
    let working = table
        .start(ON_NOTICE, |worker| worker.handle(1, handler))
        .listening()
        .await;
    for n in 0..3 {
        let mut notices = working.listener.subscribe();
        table.database.terminate_backends().await.unwrap();
        // Enqueued while nobody listens, or after: found either way, without polling.
        let url = table.database.url();
        let mut conn =
            <diesel_async::AsyncPgConnection as diesel_async::AsyncConnection>::establish(&url)
                .await
                .unwrap();
        job_queue::enqueue_one(&mut conn, &Plain { n })
            .await
            .unwrap();
        let run = runs.next().await;
        assert_eq!(run.job.payload.n, n);
        run.end.send(Outcome::Done).unwrap();
        while within(notices.recv()).await.unwrap() != Notice::Connected {}
    }
    tokio::time::timeout(Duration::from_secs(20), working.stop())
        .await
        .unwrap();
}
