//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::Suite;

/// Breaks a private Metergate on purpose, under load, and looks at the books afterwards.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos", version)]
pub struct Options {
    /// What is broken. Default: everything but the soak.
    #[arg(value_enum)]
    pub suites: Vec<Suite>,
    /// Decides moments and victims: a failure can be tried again with its seed. Default: by the clock.
    #[arg(long, env = "METERGATE_CHAOS_SEED")]
    pub seed: Option<u64>,
    /// `kills`: how often each service is killed.
    #[arg(long, default_value_t = 200)]
    pub kills: u32,
    /// `soak`: how long.
    #[arg(long, default_value_t = 60)]
    pub minutes: u64,
    /// `replicas`: how often every replica is replaced.
    #[arg(long, default_value_t = 4)]
    pub rounds: u32,
    /// Homes that stream all the time.
    #[arg(long, default_value_t = 12)]
    pub homes: u16,
    /// Where the summary and the run folders of failures go.
    #[arg(long, default_value = "target/chaos")]
    pub folder: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }
}
