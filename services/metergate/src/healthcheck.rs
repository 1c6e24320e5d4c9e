//! `metergate healthcheck`: for the supervisor of a container.

use service_kit::health::InternalConfig;
use service_kit::program::{ProbeError, ready};

/// Asks the running service's /readyz on its internal port; fails when it is not ready.
#[derive(Debug, clap::Args)]
pub struct Healthcheck {
    #[command(flatten)]
    internal: InternalConfig,
}

impl Healthcheck {
    /// Asks.
    pub fn run(self) -> Result<(), ProbeError> {
        ready(self.internal.internal_address)
    }
}
