//! The pool: it answers, it says what to check when it does not, and it survives lost connections.

use diesel_async::RunQueryDsl as _;
use service_kit::health::Readiness;
use service_kit::secret::Secret;
use storage::{Database, DatabaseCheck, DatabaseConfig};
use test_support::TestDatabase;

fn pool(url: String) -> Database {
    Database::new(&DatabaseConfig {
        database_url: Secret::from(url),
        database_password_file: None,
        database_connections: 2,
    })
    .unwrap()
}

#[tokio::test]
async fn a_database_that_answers_is_ready_also_after_its_connections_were_cut() {
    let database = TestDatabase::new().await;
    let pool = pool(database.url());
    let check = DatabaseCheck::new(pool.clone());
    assert_eq!(check.name(), "database");
    check.check().await.unwrap();
    database.terminate_backends().await.unwrap();
    check.check().await.unwrap();
}

#[tokio::test]
async fn a_connection_outlives_the_thread_that_first_asked_for_it() {
    let database = TestDatabase::new().await;
    let pool = pool(database.url());
    let asked = pool.clone();
    // As a server's worker does, which ends before the others.
    let worker = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(asked.get()).unwrap()
    });
    let mut conn = worker.await.unwrap();
    let answered = diesel::sql_query("SELECT 1").execute(&mut conn).await;
    assert_eq!(answered, Ok(1));
}

#[tokio::test]
async fn a_database_that_is_away_is_named_with_the_remedy_and_without_the_password() {
    let database = TestDatabase::new().await;
    let url = database.url().replace(database.name(), "nowhere");
    let pool = pool(url.clone());
    let error = DatabaseCheck::new(pool.clone()).check().await.unwrap_err();
    assert!(error.contains("check METERGATE_DATABASE_URL"), "{error}");
    let password = url.split([':', '@']).nth(2).unwrap();
    assert!(
        !error.contains(password) && !format!("{pool:?}").contains(password),
        "{error}"
    );
}
