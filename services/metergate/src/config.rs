//! All concerns, each once; every service takes its part.

use smd_client::GatewayConfig;

/// Configuration of everything.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// What the services share.
    #[command(flatten)]
    pub gateway: GatewayConfig,
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
    fn from(Config { gateway, pages, .. }: Config) -> Self {
        Self { pages, gateway }
    }
}

impl From<Config> for smd_fetcher::Config {
    fn from(Config { gateway, fetch, .. }: Config) -> Self {
        Self { fetch, gateway }
    }
}

impl From<Config> for csv_exporter::Config {
    fn from(
        Config {
            gateway, output, ..
        }: Config,
    ) -> Self {
        let GatewayConfig {
            database,
            history,
            retention,
            ..
        } = gateway;
        Self {
            output,
            database,
            history,
            retention,
        }
    }
}
