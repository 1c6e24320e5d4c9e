//! What the services that talk to the custodian are configured with and start from.

use std::sync::Arc;

use service_kit::program::Context;
use service_kit::secret::{Keyring, KeyringConfig, KeyringError};
use storage::policy::{HistoryConfig, RetentionConfig, ZoneError};
use storage::{Database, DatabaseConfig, OpenError};

use crate::config::{ConfigError, SmdConfig};
use crate::numbers::{BudgetMeasure, CertificateMeasure};
use crate::postgres_budget::{BudgetConfig, PostgresBudget};
use crate::{Client, Unlimited};

/// The concerns that these services share.
#[derive(Debug, Clone, clap::Args)]
pub struct GatewayConfig {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Keys for tokens at rest.
    #[command(flatten)]
    pub keys: KeyringConfig,
    /// The custodian.
    #[command(flatten)]
    pub smd: SmdConfig,
    /// The request budget.
    #[command(flatten)]
    pub budget: BudgetConfig,
    /// How much history is pulled.
    #[command(flatten)]
    pub history: HistoryConfig,
    /// How long data is kept.
    #[command(flatten)]
    pub retention: RetentionConfig,
}

/// Why a service cannot start from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The database or its schema.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The keys for tokens at rest.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// Access to the custodian.
    #[error(transparent)]
    Custodian(#[from] ConfigError),
    /// The configured time zone.
    #[error(transparent)]
    TimeZone(#[from] ZoneError),
}

/// What a service works with.
#[derive(Debug)]
pub struct Gateway {
    /// Where everything is kept.
    pub database: Database,
    /// Access to the custodian, within the budget that all replicas share.
    pub client: Client,
    /// Keys for tokens at rest.
    pub keys: Keyring,
}

impl GatewayConfig {
    /// Looks at what parsing does not; no effects.
    pub fn check(&self) -> Result<(), GatewayError> {
        self.keys.load()?;
        self.history.zone()?;
        Client::new(&self.smd, Arc::new(Unlimited))?;
        Ok(())
    }

    /// Opens the database and makes the client; the program is ready when the database is. Certificate and
    /// budget are measured from then on.
    pub async fn open(&self, context: &Context) -> Result<Gateway, GatewayError> {
        let keys = self.keys.load()?;
        self.history.zone()?;
        let database = Database::open(&self.database, &context.checks).await?;
        let budget = PostgresBudget::new(database.clone(), &self.budget);
        let client = Client::with_clock(
            &self.smd,
            Arc::new(budget.clone()),
            Arc::clone(&context.clock),
        )?;
        context.checks.measure(CertificateMeasure::new(
            client.clone(),
            Arc::clone(&context.clock),
        ));
        context.checks.measure(BudgetMeasure::new(budget));
        Ok(Gateway {
            database,
            client,
            keys,
        })
    }
}
