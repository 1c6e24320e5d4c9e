//! Migrating: twice, two at once, two databases of one cluster at once, by an owner without
//! superuser's rights, and versions that do not fit.

use std::sync::Arc;

use storage::{MigrateError, check_version, migrate};
use test_support::{Cluster, TestDatabase};

use crate::fixture::{Fixture, connect, number};

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let mut it = Fixture::new().await;
    let kinds = it.number("SELECT count(*) FROM jobs.kind").await;
    migrate(&it.database.url()).await.unwrap();
    assert_eq!(it.number("SELECT count(*) FROM jobs.kind").await, kinds);
    assert_eq!(usize::try_from(kinds).unwrap(), storage::kinds::all().len());
    check_version(&mut it.conn).await.unwrap();
}

/// The operator's command runs on a runtime of one thread.
#[tokio::test(flavor = "current_thread")]
async fn two_migrations_at_once_both_succeed() {
    let database = TestDatabase::empty(&Cluster::shared()).await.unwrap();
    let url = database.url();
    let (one, other) = tokio::join!(migrate(&url), migrate(&url));
    one.unwrap();
    other.unwrap();
    check_version(&mut connect(&url).await).await.unwrap();
}

/// In a cluster of its own: the roles are there once they were made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn databases_of_one_new_cluster_can_be_migrated_at_once() {
    let cluster = Arc::new(Cluster::start().unwrap());
    let mut databases = Vec::new();
    for _ in 0..4 {
        databases.push(TestDatabase::empty(&cluster).await.unwrap());
    }
    let migrations: Vec<_> = databases
        .iter()
        .map(|database| {
            let url = database.url();
            tokio::spawn(async move { migrate(&url).await })
        })
        .collect();
    for migration in migrations {
        migration.await.unwrap().unwrap();
    }
    let members =
        "SELECT count(*) FROM pg_auth_members WHERE roleid = 'metergate_service'::regrole";
    assert_eq!(
        number(&mut connect(&databases[0].url()).await, members).await,
        8,
        "the services' roles and the operator's"
    );
}

/// The owner needs no more than CREATEROLE, and not even that when the roles are there.
#[tokio::test]
async fn an_ordinary_owner_can_migrate() {
    let cluster = Arc::new(Cluster::start().unwrap());
    let first = TestDatabase::empty(&cluster).await.unwrap();
    let second = TestDatabase::empty(&cluster).await.unwrap();
    for (database, role, right) in [
        (&first, "first_owner", "CREATEROLE"),
        (&second, "second_owner", "NOCREATEROLE"),
    ] {
        let name = database.name();
        let owner = format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'pw' {right}; ALTER DATABASE \"{name}\" OWNER TO {role};
             CREATE ROLE stranger_to_{role};"
        );
        database.sql(&owner).await.unwrap();
        let url = database.url_as(role, "pw");
        migrate(&url).await.unwrap();
        migrate(&url).await.unwrap();
        check_version(&mut connect(&url).await).await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let mut it = Fixture::new().await;
    // As if by a newer binary that dropped a migration of ours.
    it.sql(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101');
         DROP SCHEMA audit CASCADE;
         DELETE FROM __diesel_schema_migrations WHERE version = '0004'",
    )
    .await;
    let checked = check_version(&mut it.conn).await.unwrap_err();
    assert!(
        matches!(&checked, MigrateError::Newer(versions) if versions == &["99990101"]),
        "{checked}"
    );
    assert!(
        checked.to_string().contains("run a newer Metergate"),
        "{checked}"
    );
    let migrated = migrate(&it.database.url()).await.unwrap_err();
    assert!(matches!(migrated, MigrateError::Newer(_)), "{migrated}");
    assert_eq!(
        it.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'audit'")
            .await,
        0
    );
}

#[tokio::test]
async fn an_older_schema_is_refused_with_the_remedy() {
    let mut it = Fixture::new().await;
    it.sql(
        "DROP SCHEMA audit CASCADE; DELETE FROM __diesel_schema_migrations WHERE version = '0004'",
    )
    .await;
    let error = check_version(&mut it.conn).await.unwrap_err();
    assert!(
        matches!(&error, MigrateError::Older(versions) if versions == &["0004"]),
        "{error}"
    );
    assert!(error.to_string().contains("metergate migrate"), "{error}");
    migrate(&it.database.url()).await.unwrap();
    check_version(&mut it.conn).await.unwrap();
}

#[tokio::test]
async fn an_empty_database_is_refused_with_the_remedy() {
    let database = TestDatabase::empty(&Cluster::shared()).await.unwrap();
    let error = check_version(&mut connect(&database.url()).await)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("run `metergate migrate`"),
        "{error}"
    );
}
