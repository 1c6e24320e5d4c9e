//! The schema: migrating it, and refusing one that this binary was not built for.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use job_queue::QueueError;

use crate::kinds;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Only one migration at a time, whoever starts it.
const LOCK: &str = "SELECT pg_advisory_lock(hashtext('metergate migrate'))";

/// Why the schema is not what this binary needs.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error(
        "no connection to Postgres ({0}): check METERGATE_DATABASE_URL and that Postgres is up"
    )]
    Connect(#[from] diesel::ConnectionError),
    /// A query failed.
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    /// A migration failed; earlier ones stay, this one left nothing.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// The kinds of jobs could not be declared.
    #[error("declaring the kinds of jobs: {0}")]
    Kinds(#[from] QueueError),
    /// The schema is newer than this binary.
    #[error("the database has the newer migrations {}: run a newer Metergate, or restore an older backup", .0.join(", "))]
    Newer(Vec<String>),
    /// The schema is older than this binary.
    #[error("the database lacks the migrations {}: run `metergate migrate`", .0.join(", "))]
    Older(Vec<String>),
}

/// Brings the schema of the database at this URL up to date and declares the kinds of jobs. Safe to
/// run at any time and twice at once. Refuses a schema that is newer than this binary, and leaves it
/// as it is.
pub async fn migrate(database_url: &str) -> Result<(), MigrateError> {
    let mut conn = AsyncPgConnection::establish(database_url).await?;
    // Held until this connection ends.
    conn.batch_execute(LOCK).await?;
    match check_version(&mut conn).await {
        Ok(()) | Err(MigrateError::Older(_)) => {}
        Err(error) => return Err(error),
    }
    let (mut conn, applied) = tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(conn);
        let applied = harness
            .run_pending_migrations(MIGRATIONS)
            .map(|versions| versions.len());
        (
            harness.into_inner(),
            applied.map_err(|error| error.to_string()),
        )
    })
    .await
    .map_err(|error| MigrateError::Migration(error.to_string()))?;
    let applied = applied.map_err(MigrateError::Migration)?;
    conn.transaction(async |conn| job_queue::declare(conn, &kinds::all()).await)
        .await?;
    tracing::info!(applied, "the schema is up to date");
    Ok(())
}

/// Fails when the schema is older or newer than this binary.
pub async fn check_version(conn: &mut AsyncPgConnection) -> Result<(), MigrateError> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let wanted = embedded()?;
    let exists: Vec<Version> = diesel::sql_query(
        "SELECT 'found' AS version WHERE to_regclass('__diesel_schema_migrations') IS NOT NULL",
    )
    .load(conn)
    .await?;
    let present: BTreeSet<String> = if exists.is_empty() {
        BTreeSet::new()
    } else {
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
            .load::<Version>(conn)
            .await?
            .into_iter()
            .map(|row| row.version)
            .collect()
    };
    let newer: Vec<String> = present.difference(&wanted).cloned().collect();
    if !newer.is_empty() {
        return Err(MigrateError::Newer(newer));
    }
    let older: Vec<String> = wanted.difference(&present).cloned().collect();
    if older.is_empty() {
        Ok(())
    } else {
        Err(MigrateError::Older(older))
    }
}

/// The versions this binary was built for.
fn embedded() -> Result<BTreeSet<String>, MigrateError> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS)
        .map_err(|error| MigrateError::Migration(error.to_string()))?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}
