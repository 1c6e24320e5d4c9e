//! Configuration and pool of database connections.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use diesel::ConnectionError;
use diesel_async::pooled_connection::deadpool::{BuildError, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, SetupCallback};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt as _;
use job_queue::{Listener, Pool};
use service_kit::health::{Checks, Readiness};
use service_kit::secret::{self, ExposeSecret, Secret, SecretError};
use service_kit::shutdown::Shutdown;
use tokio::runtime::Handle;
use url::Url;

use crate::migration::{MigrateError, check_version};
use crate::numbers::PoolMeasure;

/// Options of every connection, where the operator's URL does not give others: a host that vanishes without a word is
/// noticed within half a minute, on a connection that waits for an answer as on one that listens. Sockets of this
/// machine know none of it. In seconds, but for the number of probes.
const WATCHFUL: [(&str, &str); 5] = [
    ("connect_timeout", "10"),
    ("keepalives_idle", "15"),
    ("keepalives_interval", "5"),
    ("keepalives_retries", "3"),
    ("tcp_user_timeout", "30"),
];

/// Connections of a process beside its pool: its listener for notifications.
pub const BESIDE_POOL: usize = 1;

/// How to reach Postgres.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseConfig {
    /// Connection URL, `postgres://role:password@host:port/database`. The role is a login role that is
    /// a member of the service's group role (`metergate_smd_auth`, …), or the owner for `migrate` and
    /// for all services in one process.
    #[arg(long, env = "METERGATE_DATABASE_URL", hide_env_values = true)]
    pub database_url: Secret,

    /// File that holds the role's password, for a URL without one.
    #[arg(long, env = "METERGATE_DATABASE_PASSWORD_FILE")]
    pub database_password_file: Option<PathBuf>,

    /// Most connections of this process. Too low: jobs and pages wait for each other; too high: the
    /// replicas together exceed Postgres's `max_connections`.
    #[arg(long, env = "METERGATE_DATABASE_CONNECTIONS", default_value_t = 8)]
    pub database_connections: usize,
}

impl DatabaseConfig {
    /// The URL, with the password of the file if one is named, and with what makes a connection notice that its host has
    /// vanished.
    pub fn url(&self) -> Result<Secret, DatabaseUrlError> {
        let url = self.url_with_password()?;
        Ok(Secret::from(watchful(url.expose_secret())))
    }

    fn url_with_password(&self) -> Result<Secret, DatabaseUrlError> {
        let file = self.database_password_file.as_deref();
        let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else {
            return Ok(self.database_url.clone());
        };
        let password = secret::read("METERGATE_DATABASE_PASSWORD", None, Some(file))?;
        let mut url = Url::parse(self.database_url.expose_secret())?;
        if url.password().is_some() {
            return Err(DatabaseUrlError::Both);
        }
        url.set_password(Some(password.expose_secret()))
            .map_err(|()| DatabaseUrlError::NoHost)?;
        Ok(Secret::from(String::from(url)))
    }
}

/// The URL, or the words `name=value` in place of one, with the options of [`WATCHFUL`] that it does not name.
fn watchful(url: &str) -> String {
    let missing = WATCHFUL.iter().filter(|(name, _)| !url.contains(name));
    let missing: Vec<_> = missing
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if missing.is_empty() {
        return url.to_owned();
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return format!("{url} {}", missing.join(" "));
    }
    // A password may hold a question mark.
    let address = url.split_once('@').map_or(url, |(_, address)| address);
    let joint = if !address.contains('?') {
        "?"
    } else if address.ends_with(['?', '&']) {
        ""
    } else {
        "&"
    };
    format!("{url}{joint}{}", missing.join("&"))
}

/// The password of the file cannot be put into the URL. Never holds either.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseUrlError {
    /// The file.
    #[error(transparent)]
    Password(#[from] SecretError),
    /// Not a URL.
    #[error(
        "METERGATE_DATABASE_URL is no URL ({0}): write postgres://ROLE@HOST:PORT/DATABASE beside METERGATE_DATABASE_PASSWORD_FILE"
    )]
    Url(#[from] url::ParseError),
    /// Two passwords.
    #[error(
        "METERGATE_DATABASE_URL has a password and METERGATE_DATABASE_PASSWORD_FILE is set: keep one of them"
    )]
    Both,
    /// Nobody to give the password to.
    #[error(
        "METERGATE_DATABASE_URL names no host: write postgres://ROLE@HOST:PORT/DATABASE beside METERGATE_DATABASE_PASSWORD_FILE"
    )]
    NoHost,
}

/// The database could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The configuration.
    #[error(transparent)]
    Url(#[from] DatabaseUrlError),
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
    /// Makes the pool; connects when first used. Must be called inside a tokio runtime, which is to outlive the pool.
    pub fn new(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let url = config.url()?;
        let mut settings = ManagerConfig::default();
        settings.custom_setup = connecting_on(Handle::current());
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(
            url.expose_secret(),
            settings,
        );
        let pool = Pool::builder(manager)
            .max_size(config.database_connections)
            .wait_timeout(Some(Duration::from_secs(10)))
            .create_timeout(Some(Duration::from_secs(10)))
            // A connection whose last query was cut off and goes on in the server is thrown away.
            .recycle_timeout(Some(Duration::from_secs(10)))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self { pool, url })
    }

    /// Opens the database for a service: reaches it, refuses a schema that this binary was not built
    /// for, makes the program ready only while the database answers, and has its pool measured.
    pub async fn open(config: &DatabaseConfig, checks: &Checks) -> Result<Self, OpenError> {
        let database = Self::new(config)?;
        check_version(&mut *database.get().await?).await?;
        checks.add(DatabaseCheck::new(database.clone()));
        checks.measure(PoolMeasure::new(database.pool.clone()));
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

/// Connects on this runtime whoever asks, because there a connection is driven from then on. The threads of a server
/// have runtimes of their own and end one after the other: none may take along what another one has borrowed.
fn connecting_on(runtime: Handle) -> SetupCallback<AsyncPgConnection> {
    Box::new(move |url| {
        let url = Secret::from(url);
        let connecting =
            runtime.spawn(async move { AsyncPgConnection::establish(url.expose_secret()).await });
        async move {
            connecting
                .await
                .unwrap_or_else(|error| Err(ConnectionError::BadConnection(error.to_string())))
        }
        .boxed()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_is_to_notice_that_its_host_has_vanished() {
        let options = "connect_timeout=10&keepalives_idle=15&keepalives_interval=5&keepalives_retries=3&tcp_user_timeout=30";
        for (url, joint) in [
            ("postgres://role:pass?word@host:5433/name", "?"),
            ("postgresql://host/name?", ""),
            ("postgres:///name?host=%2Frun%2Fpostgresql", "&"),
        ] {
            assert_eq!(watchful(url), format!("{url}{joint}{options}"));
        }
        let words = options.replace('&', " ");
        assert_eq!(
            watchful("host=/run/postgresql"),
            format!("host=/run/postgresql {words}")
        );
    }

    #[test]
    fn what_the_operator_wants_of_connections_stays() {
        let own = "postgres://host/name?keepalives_idle=600&tcp_user_timeout=0&connect_timeout=3";
        let expected = format!("{own}&keepalives_interval=5&keepalives_retries=3");
        assert_eq!(watchful(own), expected);
        assert_eq!(watchful(&expected), expected);
    }
}
