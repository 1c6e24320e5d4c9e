//! Settings of the event streams.

use std::time::Duration;

use clap::builder::RangedU64ValueParser;

/// Event streams to the eligible party.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Event streams")]
pub struct LiveConfig {
    /// Most event streams of this process at a time; one more is answered 503. Each asks the database
    /// twice a second.
    #[arg(
        long = "aiida-stream-live-streams",
        env = "METERGATE_AIIDA_STREAM_LIVE_STREAMS",
        default_value_t = 100,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000)
    )]
    pub streams: usize,

    /// Seconds between two signs of life on a stream without events; the key is checked again as often.
    /// Longer than what stands in between allows a silent connection (nginx: `proxy_read_timeout`), and
    /// streams break off.
    #[arg(
        long = "aiida-stream-live-heartbeat-seconds",
        env = "METERGATE_AIIDA_STREAM_LIVE_HEARTBEAT_SECONDS",
        default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(1..=300)
    )]
    pub heartbeat_seconds: u64,
}

impl LiveConfig {
    /// Between two signs of life.
    #[must_use]
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }
}
