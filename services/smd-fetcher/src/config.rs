//! What this service is configured with.

use clap::builder::RangedU64ValueParser;
use jiff::tz::TimeZone;
use service_kit::secret::KeyringConfig;
use smd_client::{BudgetConfig, SmdConfig};
use storage::DatabaseConfig;
use storage::policy::{HistoryConfig, RetentionConfig};

use crate::ServeError;

/// What only this service needs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Fetching")]
pub struct FetchConfig {
    /// Customers whose history is pulled at the same time. They share one request budget: more only
    /// spreads it over more customers.
    #[arg(
        long = "smd-fetcher-concurrency",
        env = "METERGATE_SMD_FETCHER_CONCURRENCY",
        default_value_t = 4,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=64)
    )]
    pub concurrency: usize,

    /// Minutes after which a request that was answered 202 is asked again when no notification came.
    #[arg(long, env = "METERGATE_SMD_ASK_AGAIN_MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub ask_again_minutes: u32,

    /// Hours after which a history that is still not complete is given up.
    #[arg(long, env = "METERGATE_SMD_GIVE_UP_HOURS", default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..))]
    pub give_up_hours: u32,
}

/// Configuration of `smd-fetcher`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Fetching.
    #[command(flatten)]
    pub fetch: FetchConfig,
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

impl Config {
    /// Looks at what parsing does not.
    pub fn check(&self) -> Result<(), ServeError> {
        self.keys.load()?;
        smd_client::Client::new(&self.smd, std::sync::Arc::new(smd_client::Unlimited))?;
        let zone = &self.history.time_zone;
        TimeZone::get(zone).map_err(|source| ServeError::TimeZone {
            zone: zone.clone(),
            source,
        })?;
        Ok(())
    }
}
