//! The request budget end to end: two replicas with pools of their own, one database.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as tests do"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use service_kit::secret::Secret;
use smd_client::{Budget, BudgetConfig, BudgetError, PostgresBudget, Wait};
use storage::{Database, DatabaseConfig};
use test_support::TestDatabase;
use tokio::sync::Barrier;

const PATIENT: Wait = Wait::at_most(Duration::from_mins(1));

fn config(request_spacing_ms: u64) -> BudgetConfig {
    BudgetConfig {
        request_spacing_ms,
        requests_per_hour: 2_000,
        requests_per_day: 20_000,
    }
}

/// A replica as it starts: its own pool, fewer connections than tasks.
fn replica(database: &TestDatabase, config: &BudgetConfig) -> Arc<PostgresBudget> {
    let database = Database::new(&DatabaseConfig {
        database_url: Secret::from(database.url()),
        database_password_file: None,
        database_connections: 2,
    });
    Arc::new(PostgresBudget::new(database.unwrap(), config))
}

fn later(outcome: Result<(), BudgetError>) -> Duration {
    match outcome {
        Err(BudgetError::Later(time)) => time,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_together_keep_the_spacing() {
    const SPACING: Duration = Duration::from_millis(20);
    const TASKS: usize = 8;
    const EACH: usize = 5;
    let database = TestDatabase::new().await;
    let config = config(20);
    let replicas = [replica(&database, &config), replica(&database, &config)];
    let barrier = Arc::new(Barrier::new(TASKS));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for replica in replicas.iter().cycle().take(TASKS) {
        let (replica, barrier) = (Arc::clone(replica), Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            let mut admitted = Vec::new();
            for _ in 0..EACH {
                replica.admit(PATIENT).await.unwrap();
                admitted.push(started.elapsed());
            }
            admitted
        }));
    }
    let mut admitted = Vec::new();
    for task in tasks {
        admitted.extend(task.await.unwrap());
    }
    admitted.sort();
    assert_eq!(admitted.len(), TASKS * EACH);
    // Nobody goes before its slot, so the n-th to go is never earlier than the n-th slot.
    let mut slot = Duration::ZERO;
    for at in admitted {
        assert!(
            at + Duration::from_millis(1) >= slot,
            "{at:?} is before {slot:?}"
        );
        slot += SPACING;
    }
}

#[tokio::test]
async fn a_turn_beyond_the_wait_is_not_taken() {
    let database = TestDatabase::new().await;
    let config = config(60_000);
    let (one, other) = (replica(&database, &config), replica(&database, &config));
    one.admit(Wait::NONE).await.unwrap();
    for budget in [&one, &other, &one] {
        let time = later(budget.admit(Wait::at_most(Duration::from_secs(5))).await);
        assert!(
            time > Duration::from_secs(30) && time <= Duration::from_mins(1),
            "{time:?}"
        );
    }
}

#[tokio::test]
async fn the_hour_is_one_for_both_replicas() {
    let database = TestDatabase::new().await;
    let config = BudgetConfig {
        requests_per_hour: 3,
        ..config(1)
    };
    let (one, other) = (replica(&database, &config), replica(&database, &config));
    one.admit(PATIENT).await.unwrap();
    other.admit(PATIENT).await.unwrap();
    one.admit(PATIENT).await.unwrap();
    for budget in [one, other] {
        assert!(later(budget.admit(PATIENT).await) > Duration::from_secs(3_500));
    }
}

#[tokio::test]
async fn a_throttled_replica_stops_the_other() {
    let database = TestDatabase::new().await;
    let config = config(1);
    let (one, other) = (replica(&database, &config), replica(&database, &config));
    one.throttled(Some(Duration::from_mins(5))).await;
    let time = later(other.admit(PATIENT).await);
    assert!(
        time > Duration::from_secs(250) && time <= Duration::from_mins(5),
        "{time:?}"
    );
}

/// Without a time, a minute; and no answer of the custodian's stops us for days.
#[tokio::test]
async fn a_closure_has_a_default_and_a_bound() {
    let database = TestDatabase::new().await;
    let one = replica(&database, &config(1));
    one.throttled(None).await;
    let time = later(one.admit(Wait::NONE).await);
    assert!(
        time > Duration::from_secs(30) && time <= Duration::from_mins(1),
        "{time:?}"
    );
    one.throttled(Some(Duration::MAX)).await;
    let time = later(one.admit(Wait::NONE).await);
    assert!(
        time > Duration::from_secs(3_500) && time <= Duration::from_hours(1),
        "{time:?}"
    );
}

/// A slot that was given out before the closure is void; the next one behind it is taken when it lies
/// within the wait, and the caller is sent away when it does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_slot_while_somebody_is_throttled_waits_on() {
    let database = TestDatabase::new().await;
    let config = config(1_000);
    let (one, other) = (replica(&database, &config), replica(&database, &config));
    one.admit(PATIENT).await.unwrap();
    let started = Instant::now();
    // Their slots come in one second and in two.
    let patient = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.admit(PATIENT).await }
    });
    let hasty =
        tokio::spawn(async move { one.admit(Wait::at_most(Duration::from_millis(2_500))).await });
    let slots = "SELECT slots FROM smd.budget WHERE slots = 3";
    test_support::wait::until(Duration::from_secs(10), "both slots", async || {
        database
            .sql(&format!("DO $$ BEGIN ASSERT EXISTS ({slots}); END $$"))
            .await
            .ok()
    })
    .await;
    other.throttled(Some(Duration::from_secs(4))).await;
    let closed = started.elapsed();
    later(hasty.await.unwrap());
    patient.await.unwrap().unwrap();
    assert!(
        started.elapsed() >= closed + Duration::from_secs(3),
        "before it opened again"
    );
}

#[tokio::test]
async fn a_database_that_is_away_is_not_a_turn() {
    let budget = {
        let database = TestDatabase::new().await;
        let url = database.url().replace(database.name(), "nowhere");
        let database = Database::new(&DatabaseConfig {
            database_url: Secret::from(url),
            database_password_file: None,
            database_connections: 1,
        });
        PostgresBudget::new(database.unwrap(), &config(1))
    };
    let outcome = budget.admit(PATIENT).await;
    assert!(
        matches!(outcome, Err(BudgetError::Unavailable(_))),
        "{outcome:?}"
    );
    // Nobody can be told; it is logged and nothing breaks.
    budget.throttled(None).await;
}
