//! What this service is configured with.

use std::net::SocketAddr;

use pages::OperatorConfig;
use smd_client::GatewayConfig;

use crate::ServeError;

/// What only this service needs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Pages")]
pub struct PagesConfig {
    /// Where the pages are served; nginx stands in front.
    #[arg(
        long = "smd-auth-address",
        env = "METERGATE_SMD_AUTH_ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub address: SocketAddr,

    /// Seconds from leaving for the custodian to coming back. Too low, and customers who log in slowly
    /// must start again.
    #[arg(long, env = "METERGATE_LOGIN_SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(60..=86400))]
    pub login_seconds: u64,

    /// What the history is for, as the consent page says it: a sentence or two in English. Without it, the page
    /// speaks of the service that the customer has asked for.
    #[arg(long = "smd-auth-purpose", env = "METERGATE_SMD_AUTH_PURPOSE")]
    pub purpose: Option<String>,

    /// The same in Spanish. Without it, the Spanish page shows the English text.
    #[arg(long = "smd-auth-purpose-es", env = "METERGATE_SMD_AUTH_PURPOSE_ES")]
    pub purpose_es: Option<String>,
}

/// Configuration of `smd-auth`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The pages.
    #[command(flatten)]
    pub pages: PagesConfig,
    /// Who is asking.
    #[command(flatten)]
    pub operator: OperatorConfig,
    /// What it shares with the other services of Share My Data; the consent page says how far back and
    /// how long.
    #[command(flatten)]
    pub gateway: GatewayConfig,
}

impl Config {
    /// Looks at what parsing does not.
    pub fn check(&self) -> Result<(), ServeError> {
        self.operator.load()?;
        Ok(self.gateway.check()?)
    }
}
