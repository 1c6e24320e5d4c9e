//! A database for one test, cloned from a migrated template in milliseconds.

use std::sync::{Arc, PoisonError};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use service_kit::random::{Random as _, SystemRandom};

use crate::cluster::Cluster;
use crate::rows;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection.
    #[error("no connection to the private cluster; its log ends with:\n{log}")]
    Connect {
        /// The end of the cluster's log.
        log: String,
        /// What the library says.
        #[source]
        source: diesel::ConnectionError,
    },
    /// A statement failed.
    #[error("a statement failed: {statement}")]
    Statement {
        /// The statement.
        statement: String,
        /// What Postgres says.
        #[source]
        source: diesel::result::Error,
    },
    /// Its answer is not what was asked for.
    #[error("the rows of {statement} cannot be read")]
    Rows {
        /// The statement.
        statement: String,
        /// What is wrong with them.
        #[source]
        source: serde_json::Error,
    },
    /// The template cannot be filled.
    #[error("the template {template} cannot be migrated: {reason}")]
    Migrate {
        /// The template.
        template: String,
        /// Why.
        reason: String,
    },
}

impl Cluster {
    /// Runs SQL statements as the superuser in `database`.
    pub async fn sql(&self, database: &str, statement: &str) -> Result<(), DatabaseError> {
        self.connect(database)
            .await?
            .batch_execute(statement)
            .await
            .map_err(|source| DatabaseError::Statement {
                statement: statement.to_owned(),
                source,
            })
    }

    /// Cuts every connection to `database`, as an administrator or a failing network would.
    pub async fn terminate_backends(&self, database: &str) -> Result<(), DatabaseError> {
        self.sql("postgres", &cut_off(database)).await
    }

    /// Makes a template called `name` once per cluster, filled by `migrate`, which is given the
    /// address of the empty database. Returns the database to clone. Safe to call from several
    /// runtimes at once.
    pub async fn template<E: std::fmt::Display>(
        &self,
        name: &str,
        migrate: impl AsyncFnOnce(String) -> Result<(), E>,
    ) -> Result<String, DatabaseError> {
        let cell = {
            let mut templates = self
                .templates
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(templates.entry(name.to_owned()).or_default())
        };
        let template = format!("template_{name}");
        let made = cell.get_or_try_init(async || {
            // An attempt before this one may have failed half way.
            let drop = format!("DROP DATABASE IF EXISTS \"{template}\" WITH (FORCE)");
            self.sql("postgres", &drop).await?;
            self.sql("postgres", &format!("CREATE DATABASE \"{template}\""))
                .await?;
            migrate(self.url(&template))
                .await
                .map_err(|error| DatabaseError::Migrate {
                    template: template.clone(),
                    reason: error.to_string(),
                })?;
            // Cloning needs a template that nobody is connected to.
            let close = format!("ALTER DATABASE \"{template}\" ALLOW_CONNECTIONS false");
            self.sql("postgres", &close).await?;
            self.terminate_backends(&template).await?;
            Ok(template.clone())
        });
        made.await.cloned()
    }
}

/// Ends every connection to `database` but the one that says so.
pub(crate) fn cut_off(database: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    )
}

/// A database of its own for one test; deleted when dropped.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: Arc<Cluster>,
    name: String,
}

impl TestDatabase {
    /// A database with the current schema in the cluster that this process shares.
    ///
    /// # Panics
    /// When it cannot be made; the message says why.
    pub async fn new() -> Self {
        Self::in_cluster(&Cluster::shared()).await
    }

    /// A database with the current schema in `cluster`.
    ///
    /// # Panics
    /// When it cannot be made; the message says why.
    #[expect(clippy::panic, reason = "no test can go on without its database")]
    pub async fn in_cluster(cluster: &Arc<Cluster>) -> Self {
        let migrate = async |url: String| storage::migrate(&url).await;
        let made = match cluster.template("metergate", migrate).await {
            Ok(template) => Self::from_template(cluster, &template).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(database) => database,
            Err(error) => panic!("{}", service_kit::config::chain(&error)),
        }
    }

    /// An empty database in `cluster`.
    pub async fn empty(cluster: &Arc<Cluster>) -> Result<Self, DatabaseError> {
        Self::from_template(cluster, "template1").await
    }

    /// A clone of `template` (as [`Cluster::template`] returns it) in `cluster`.
    pub async fn from_template(
        cluster: &Arc<Cluster>,
        template: &str,
    ) -> Result<Self, DatabaseError> {
        let name = format!("test_{}", SystemRandom.uuid().simple());
        // Copying files is three times as fast as logging their content, which is the default.
        let create =
            format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\" STRATEGY file_copy");
        cluster.sql("postgres", &create).await?;
        Ok(Self {
            cluster: Arc::clone(cluster),
            name,
        })
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    #[must_use]
    pub const fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// The address for the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// The address for `role`; its password is checked.
    #[must_use]
    pub fn url_as(&self, role: &str, password: &str) -> String {
        self.cluster.url_as(role, password, &self.name)
    }

    /// Runs SQL statements as the superuser.
    pub async fn sql(&self, statement: &str) -> Result<(), DatabaseError> {
        self.cluster.sql(&self.name, statement).await
    }

    /// A connection of the superuser's.
    pub async fn connect(&self) -> Result<AsyncPgConnection, DatabaseError> {
        self.cluster.connect(&self.name).await
    }

    /// The one number that a query answers; the superuser asks.
    pub async fn number(&self, query: &str) -> Result<i64, DatabaseError> {
        rows::number(&mut self.connect().await?, query).await
    }

    /// The one value that a query answers, as text; `None` where there is no row, or no value in it.
    pub async fn text(&self, query: &str) -> Result<Option<String>, DatabaseError> {
        rows::text(&mut self.connect().await?, query).await
    }

    /// The first column of a query's rows, as text, in their order; all of them have a value.
    pub async fn texts(&self, query: &str) -> Result<Vec<String>, DatabaseError> {
        rows::texts(&mut self.connect().await?, query).await
    }

    /// Cuts every connection to this database.
    pub async fn terminate_backends(&self) -> Result<(), DatabaseError> {
        self.cluster.terminate_backends(&self.name).await
    }
}

impl Drop for TestDatabase {
    /// The test's own runtime may be ending, so another thread deletes the database. Whatever is
    /// left when the process ends goes with the cluster.
    fn drop(&mut self) {
        let (cluster, name) = (Arc::clone(&self.cluster), std::mem::take(&mut self.name));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime {
                let statement = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
                // The cluster may have been stopped on purpose.
                let _: Result<(), DatabaseError> =
                    runtime.block_on(cluster.sql("postgres", &statement));
            }
        });
    }
}
