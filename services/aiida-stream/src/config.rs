//! What this service is configured with.

use std::net::SocketAddr;
use std::time::Duration;

use storage::DatabaseConfig;

use crate::ServeError;
use crate::broker::BrokerConfig;
use crate::ingest::Tls;
use crate::live::LiveConfig;
use crate::outbound::OutboundConfig;

/// Taking data in.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Stream")]
pub struct StreamConfig {
    /// Where the live event streams are served; nginx stands in front.
    #[arg(
        id = "aiida_stream_address",
        long = "aiida-stream-address",
        env = "METERGATE_AIIDA_STREAM_ADDRESS",
        default_value = "127.0.0.1:8082"
    )]
    pub address: SocketAddr,

    /// Days that messages and readings are kept, counted from the message's own time. Older messages are refused,
    /// also when a home sends them late.
    #[arg(
        long = "aiida-stream-retention-days",
        env = "METERGATE_AIIDA_STREAM_RETENTION_DAYS",
        default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(2..=3650)
    )]
    pub stream_retention_days: u16,

    /// Most messages that are stored in one transaction. More is faster under load; the broker must allow as many in
    /// flight.
    #[arg(
        long = "aiida-stream-batch-messages",
        env = "METERGATE_AIIDA_STREAM_BATCH_MESSAGES",
        default_value_t = 500,
        value_parser = clap::value_parser!(u16).range(1..=5000)
    )]
    pub batch_messages: u16,

    /// Milliseconds that a batch waits for more messages. Every message is stored this much later; too low, and there
    /// is a transaction for each.
    #[arg(
        long = "aiida-stream-batch-milliseconds",
        env = "METERGATE_AIIDA_STREAM_BATCH_MILLISECONDS",
        default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=5000)
    )]
    pub batch_milliseconds: u64,

    /// Most messages that the broker sends before it has an acknowledgement (MQTT's Receive Maximum): what this
    /// process holds in memory. Four times a batch: one is stored, one waits, one is collected and one is on its way.
    #[arg(
        long = "aiida-stream-in-flight",
        env = "METERGATE_AIIDA_STREAM_IN_FLIGHT",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub in_flight: u16,

    /// Largest payload, in bytes. Larger ones are refused; the broker's own limit for homes should be no lower.
    #[arg(
        long = "aiida-stream-message-bytes",
        env = "METERGATE_AIIDA_STREAM_MESSAGE_BYTES",
        default_value_t = 131_072,
        value_parser = clap::value_parser!(u32).range(1..=262_144)
    )]
    pub message_bytes: u32,

    /// Most values that one message may hold.
    #[arg(
        long = "aiida-stream-message-values",
        env = "METERGATE_AIIDA_STREAM_MESSAGE_VALUES",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u16).range(1..=2000)
    )]
    pub message_values: u16,

    /// Hours that the broker keeps the session of a replica that is gone, with the messages that came meanwhile. Too
    /// low, and a longer outage loses what the broker had already acknowledged to the homes.
    #[arg(
        long = "aiida-stream-session-hours",
        env = "METERGATE_AIIDA_STREAM_SESSION_HOURS",
        default_value_t = 24,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub session_hours: u32,

    /// Seconds that the client id of a fallen replica stays unused. Lower takes its messages over sooner; too low, and
    /// a slow database costs replicas their connection.
    #[arg(
        long = "aiida-stream-lease-seconds",
        env = "METERGATE_AIIDA_STREAM_LEASE_SECONDS",
        default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub lease_seconds: u64,

    /// Seconds after the end of its lease when the session of a replica that was not replaced is emptied and ended by
    /// another one. Until then the broker goes on to give it a share of the messages, which wait there.
    #[arg(
        long = "aiida-stream-orphan-seconds",
        env = "METERGATE_AIIDA_STREAM_ORPHAN_SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub orphan_seconds: u64,
}

impl StreamConfig {
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    pub(crate) fn orphan_after(&self) -> Duration {
        Duration::from_secs(self.orphan_seconds)
    }

    pub(crate) fn batch_time(&self) -> Duration {
        Duration::from_millis(self.batch_milliseconds)
    }

    pub(crate) fn retention(&self) -> Duration {
        Duration::from_hours(24) * u32::from(self.stream_retention_days)
    }
}

/// Configuration of `aiida-stream`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerConfig,
    /// The stream.
    #[command(flatten)]
    pub stream: StreamConfig,
    /// What goes out.
    #[command(flatten)]
    pub outbound: OutboundConfig,
    /// Event streams.
    #[command(flatten)]
    pub live: LiveConfig,
}

impl Config {
    /// Looks at what parsing does not.
    pub fn check(&self) -> Result<(), ServeError> {
        self.broker.clone().resolved()?;
        Tls::load(&self.broker)?;
        Ok(())
    }
}
