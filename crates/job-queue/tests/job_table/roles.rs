//! Each role may enqueue and claim only its kinds, and has no right on the tables.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use job_queue::Outcome;

use crate::common::{BUSY, Table, Working, pool, puppet, value};
use crate::kinds::{ASKER, Foreign, Plain, RUNNER, Tick};

/// A login of a service; roles belong to the cluster, so its name is this test's own.
async fn login(table: &Table, role: &str, group: &str) -> (String, AsyncPgConnection) {
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'fictional' IN ROLE {group}");
    table.sql(&create).await;
    let url = table.database.url_as(role, "fictional");
    let conn = AsyncPgConnection::establish(&url).await.unwrap();
    (url, conn)
}

#[tokio::test]
async fn a_role_enqueues_only_what_its_kinds_allow() {
    let table = Table::new().await;
    let (_, mut asker) = login(&table, "t_asker", ASKER).await;
    job_queue::enqueue_one(&mut asker, &Plain { n: 1 })
        .await
        .unwrap();
    for refused in [
        job_queue::enqueue_one(&mut asker, &Foreign { n: 1 }).await,
        job_queue::enqueue_one(&mut asker, &Tick {}).await,
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(
            error.contains("role t_asker may not enqueue jobs of kind test."),
            "{error}"
        );
    }
    assert_eq!(table.count("true").await, 1);
    // All or nothing.
    let mixed = [
        job_queue::NewJob::new(&Plain { n: 2 }).unwrap(),
        job_queue::NewJob::new(&Foreign { n: 2 }).unwrap(),
    ];
    assert!(job_queue::enqueue(&mut asker, &mixed).await.is_err());
    assert_eq!(table.count("true").await, 1);
}

#[tokio::test]
async fn a_role_claims_only_the_kinds_it_runs() {
    let table = Table::new().await;
    table.enqueue(Plain { n: 1 }).await;
    table.enqueue(Foreign { n: 1 }).await;
    let (_, mut asker) = login(&table, "t_asker_too", ASKER).await;
    let (_, mut runner) = login(&table, "t_runner", RUNNER).await;
    let claim = |kind: &str| format!("SELECT to_jsonb(c.id) FROM jobs.claim('{kind}', 1) c");
    for (by_asker, kind) in [
        (true, "test.plain"),
        (true, "test.foreign"),
        (false, "test.foreign"),
    ] {
        let conn = if by_asker { &mut asker } else { &mut runner };
        let error = value(conn, &claim(kind)).await.unwrap_err().to_string();
        assert!(error.contains("may not run jobs of kind"), "{error}");
    }
    assert!(
        value(&mut runner, &claim("test.plain"))
            .await
            .unwrap()
            .is_number()
    );
    assert_eq!(table.count("state = 'running'").await, 1);
}

#[tokio::test]
async fn services_have_no_right_on_the_tables_and_the_inner_functions() {
    let table = Table::new().await;
    let (_, mut service) = login(&table, "t_service", RUNNER).await;
    for statement in [
        "SELECT * FROM jobs.job",
        "SELECT * FROM jobs.kind",
        "SELECT * FROM jobs.schedule",
        "INSERT INTO jobs.job (kind, payload, run_at) VALUES ('test.plain', '{}', now())",
        "UPDATE jobs.job SET state = 'completed'",
        "DELETE FROM jobs.job",
        "SELECT jobs.add('{test.plain}', '{}', '{}', '{}', '{}', NULL)",
        "SELECT jobs.give_up(1, 'x')",
        "SELECT jobs.put_back(1, 'x', true)",
        "SELECT jobs.wait_until(1, now(), 0, '{}')",
        "SELECT jobs.retry(1)",
        "SELECT jobs.discard(1, 'x')",
    ] {
        let error = service
            .batch_execute(statement)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("permission denied"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn the_operator_reads_retries_and_discards() {
    let table = Table::new().await;
    let id = table.enqueue(Plain { n: 1 }).await;
    let (_, mut operator) = login(&table, "t_operator", "metergate_operator").await;
    assert_eq!(
        job_queue::operate::list(&mut operator, None, None, 5)
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(
        job_queue::operate::discard(&mut operator, id, "x")
            .await
            .unwrap()
    );
    assert!(job_queue::operate::retry(&mut operator, id).await.unwrap());
    assert!(
        operator
            .batch_execute("UPDATE jobs.job SET priority = 1")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_login_with_one_role_is_enough_for_a_worker() {
    let table = Table::new().await;
    let (url, _) = login(&table, "t_worker", RUNNER).await;
    let as_service = Table {
        pool: pool(&url, 4),
        database: table.database,
    };
    let (handler, mut runs) = puppet::<Plain>();
    let working: Working = as_service
        .start_on(&url, BUSY, |worker| worker.handle(2, handler))
        .listening()
        .await;
    let done = as_service.enqueue(Plain { n: 1 }).await;
    let first = runs.next().await;
    let retried = as_service.enqueue(Plain { n: 2 }).await;
    let second = runs.next().await;
    first
        .job
        .lease
        .progressed(&mut as_service.pool.get().await.unwrap())
        .await
        .unwrap();
    first
        .end
        .send(Outcome::DoneWith(serde_json::json!(1)))
        .unwrap();
    second.end.send(Outcome::Retry("x".to_owned())).unwrap();
    assert!(
        job_queue::wait_for(
            &as_service.pool,
            &working.listener,
            done,
            crate::common::LIMIT
        )
        .await
        .is_ok()
    );
    working.stop().await;
    let mut owner = as_service.connect().await;
    let row = value(
        &mut owner,
        &format!("SELECT to_jsonb(state) FROM jobs.job WHERE id = {retried}"),
    )
    .await
    .unwrap();
    assert_eq!(row, "available");
}
