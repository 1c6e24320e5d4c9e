//! What this service is configured with.

use clap::builder::RangedU64ValueParser;
use smd_client::{GatewayConfig, GatewayError};

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
    /// What it shares with the other services of Share My Data.
    #[command(flatten)]
    pub gateway: GatewayConfig,
}

impl Config {
    /// Looks at what parsing does not.
    pub fn check(&self) -> Result<(), GatewayError> {
        self.gateway.check()
    }
}
