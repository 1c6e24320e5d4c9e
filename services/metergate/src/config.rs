//! All concerns, each once; every service takes its part.

use service_kit::secret::KeyringConfig;
use smd_client::{BudgetConfig, SmdConfig};
use storage::DatabaseConfig;
use storage::policy::{HistoryConfig, RetentionConfig};

/// Configuration of everything.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
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
    /// The pages of `smd-auth`.
    #[command(flatten)]
    pub pages: smd_auth::PagesConfig,
    /// The fetching of `smd-fetcher`.
    #[command(flatten)]
    pub fetch: smd_fetcher::FetchConfig,
    /// The download folder of `csv-exporter`.
    #[command(flatten)]
    pub output: csv_exporter::OutputConfig,
}

impl From<Config> for smd_auth::Config {
    fn from(all: Config) -> Self {
        let Config {
            database,
            keys,
            smd,
            budget,
            history,
            retention,
            pages,
            ..
        } = all;
        Self {
            pages,
            database,
            keys,
            smd,
            budget,
            history,
            retention,
        }
    }
}

impl From<Config> for smd_fetcher::Config {
    fn from(all: Config) -> Self {
        let Config {
            database,
            keys,
            smd,
            budget,
            history,
            retention,
            fetch,
            ..
        } = all;
        Self {
            fetch,
            database,
            keys,
            smd,
            budget,
            history,
            retention,
        }
    }
}

impl From<Config> for csv_exporter::Config {
    fn from(all: Config) -> Self {
        let Config {
            database,
            history,
            retention,
            output,
            ..
        } = all;
        Self {
            output,
            database,
            history,
            retention,
        }
    }
}
