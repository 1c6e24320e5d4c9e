//! Who may connect to the broker: the tables that it reads, and what it must be told besides.
//!
//! - `grant` lets a home in: its user and access rules from the permission's credential and data need.
//! - `revoke` shuts it out: rows and credential first, then its connections, sessions and retained messages.
//! - `reconcile` holds tables and broker against the permissions, and mends what differs.
//! - [`broker`] is the driver for the broker's management interface (EMQX 5.8; the sandbox broker speaks the same).
//!
//! No HTTP of its own: it is asked through the job table. The broker asks the tables itself, as role `emqx`;
//! `infra/emqx` says how.

pub mod broker;
mod config;
mod error;
mod grant;
mod reconcile;
mod revoke;

use std::sync::Arc;

use job_queue::{Worker, WorkerSettings};
use service_kit::health::Readiness;
use service_kit::program::Context;
use storage::kinds::{MqttGrant, MqttReconcile, MqttRevoke};
use storage::{Database, OpenError};

use broker::Broker;
pub use config::{BrokerApiConfig, Config, ConfigError, IamConfig};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database or its schema.
    #[error(transparent)]
    Database(#[from] OpenError),
}

/// What the handlers share.
struct Shared {
    database: Database,
    broker: Broker,
}

/// A handler: the shared things, once per kind of job.
#[derive(Clone)]
struct Iam(Arc<Shared>);

impl std::ops::Deref for Iam {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Works until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), ServeError> {
    describe_metrics();
    let broker = Broker::new(&config.iam.broker)?;
    let database = Database::open(&config.database, &context.checks).await?;
    context.checks.add(BrokerCheck(broker.clone()));
    context.checks.complete();
    let listener = database.listen(&context.shutdown);
    let pool = database.pool().clone();
    let iam = Iam(Arc::new(Shared { database, broker }));
    Worker::new(pool, listener, context.shutdown, WorkerSettings::default())
        .handle::<MqttGrant, _>(config.iam.concurrency, iam.clone())
        .handle::<MqttRevoke, _>(config.iam.concurrency, iam.clone())
        .handle::<MqttReconcile, _>(1, iam)
        .run()
        .await;
    Ok(())
}

/// Ready only while the broker answers and takes our key: without it, nobody would be disconnected.
struct BrokerCheck(Broker);

#[async_trait::async_trait]
impl Readiness for BrokerCheck {
    fn name(&self) -> &'static str {
        "broker"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.ready().await.map_err(|error| error.to_string())
    }
}

fn describe_metrics() {
    broker::describe_metrics();
    metrics::describe_counter!(
        "mqtt_grants_total",
        "Grants carried out, by outcome: written, unchanged, or nothing to grant"
    );
    metrics::describe_counter!(
        "mqtt_revocations_total",
        "Permissions of which the broker holds nothing any more"
    );
    metrics::describe_counter!(
        "mqtt_disconnections_total",
        "Connections and sessions ended at the broker, by reason"
    );
    metrics::describe_counter!(
        "mqtt_reconciled_total",
        "Differences between permissions and broker that were found, by what was done about them"
    );
    metrics::describe_counter!(
        "mqtt_comparisons_failed_total",
        "Reconciliations that could not see who is connected"
    );
    // An increase from nothing would not be seen as one.
    metrics::counter!("mqtt_comparisons_failed_total").increment(0);
}
