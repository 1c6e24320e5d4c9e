//! What this service is configured with.

use std::net::SocketAddr;
use std::path::PathBuf;

use csv_exporter::OutputConfig;
use smd_client::BudgetConfig;
use storage::DatabaseConfig;
use storage::policy::RetentionConfig;

use crate::ServeError;

/// What only this service needs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Console")]
pub struct ConsoleConfig {
    /// Where the console's pages and the download page are served. nginx stands in front, asks for the password, and
    /// says who it is: whoever else reaches this address is believed, so keep it inside the machine or its network.
    #[arg(
        long,
        env = "METERGATE_CONSOLE_ADDRESS",
        default_value = "127.0.0.1:8083"
    )]
    pub console_address: SocketAddr,
}

/// Configuration of `console`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Where it is.
    #[command(flatten)]
    pub console: ConsoleConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The download folder, which it reads.
    #[command(flatten)]
    pub output: OutputConfig,
    /// When files expire.
    #[command(flatten)]
    pub retention: RetentionConfig,
    /// The custodian's limits, which it shows.
    #[command(flatten)]
    pub budget: BudgetConfig,
    /// The client certificate, whose end it shows.
    #[command(flatten)]
    pub certificate: CertificateConfig,
}

/// Where the client certificate lies: the same setting as the fetcher's, without the key.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Share My Data")]
pub struct CertificateConfig {
    /// Our client certificate with its chain, PEM, leaf first.
    #[arg(
        long = "smd-certificate",
        env = "METERGATE_SMD_CERTIFICATE",
        default_value = "ssl/certs/certificate.crt"
    )]
    pub certificate: PathBuf,
}

impl Config {
    /// Looks at what parsing does not: nothing here.
    pub const fn check(&self) -> Result<(), ServeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        service_kit::program::Program::new("console", "")
            .command::<Config>()
            .debug_assert();
    }
}
