//! Configuration and pool of database connections.

use std::time::Duration;

use async_trait::async_trait;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::{BuildError, PoolError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use job_queue::{Listener, Pool};
use service_kit::health::{Checks, Readiness};
use service_kit::secret::{ExposeSecret, Secret};
use service_kit::shutdown::Shutdown;

use crate::migration::{MigrateError, check_version};

/// How to reach Postgres.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseConfig {
    /// Connection URL, `postgres://role:password@host:port/database`. The role is a login role that is
    /// a member of the service's group role (`metergate_smd_auth`, …), or the owner for `migrate` and
    /// for all services in one process.
    #[arg(long, env = "METERGATE_DATABASE_URL", hide_env_values = true)]
    pub database_url: Secret,

    /// Most connections of this process. Too low: jobs and pages wait for each other; too high: the
    /// replicas together exceed Postgres's `max_connections`.
    #[arg(long, env = "METERGATE_DATABASE_CONNECTIONS", default_value_t = 8)]
    pub database_connections: usize,
}

/// The database could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The pool could not be made.
    #[error("the connection pool: {0}")]
    Build(#[from] BuildError),
    /// No connection.
    #[error(
        "no connection to Postgres ({0}): check METERGATE_DATABASE_URL and that Postgres is up"
    )]
    Connect(#[from] PoolError),
    /// A query failed.
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
}

/// A service cannot work on the database.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Its schema is not this binary's.
    #[error(transparent)]
    Schema(#[from] MigrateError),
}

/// A pool, and the URL for connections outside it.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    url: Secret,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

/// A borrowed connection.
pub type Connection = diesel_async::pooled_connection::deadpool::Object<AsyncPgConnection>;

impl Database {
    /// Makes the pool; connects when first used.
    pub fn new(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let url = config.database_url.expose_secret();
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
        let pool = Pool::builder(manager)
            .max_size(config.database_connections)
            .wait_timeout(Some(Duration::from_secs(10)))
            .create_timeout(Some(Duration::from_secs(10)))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self {
            pool,
            url: config.database_url.clone(),
        })
    }

    /// Opens the database for a service: reaches it, refuses a schema that this binary was not built
    /// for, and makes the program ready only while the database answers.
    pub async fn open(config: &DatabaseConfig, checks: &Checks) -> Result<Self, OpenError> {
        let database = Self::new(config)?;
        check_version(&mut *database.get().await?).await?;
        checks.add(DatabaseCheck::new(database.clone()));
        Ok(database)
    }

    /// A connection from the pool.
    pub async fn get(&self) -> Result<Connection, DatabaseError> {
        Ok(self.pool.get().await?)
    }

    /// The pool itself, for the job queue.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Starts this process's listener for job notifications.
    #[must_use]
    pub fn listen(&self, shutdown: &Shutdown) -> Listener {
        Listener::start(self.url.expose_secret().to_owned(), shutdown)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let mut conn = self.get().await?;
        diesel::sql_query("SELECT 1").execute(&mut conn).await?;
        Ok(())
    }
}

/// The readiness check of every service: the database answers.
#[derive(Debug)]
pub struct DatabaseCheck(Database);

impl DatabaseCheck {
    /// Over this pool.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl Readiness for DatabaseCheck {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}
