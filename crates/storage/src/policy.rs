//! What the customer is promised: how far back, and how long it is kept. The consent page says it, the
//! fetcher and the exporter keep it.

use std::time::Duration;

use jiff::tz::TimeZone;

/// How much history is pulled.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "How much history")]
pub struct HistoryConfig {
    /// Months of history, counted back from the last complete day. PG&E keeps 24 or more; more months
    /// mean more requests.
    #[arg(long, env = "METERGATE_HISTORY_MONTHS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=36))]
    pub history_months: u32,

    /// Days that the custodian's data lags behind: the last day pulled is this long ago. Too low, and
    /// the newest days are missing or only estimated; PG&E's lag is 2 to 5 days.
    #[arg(long, env = "METERGATE_HISTORY_LAG_DAYS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub history_lag_days: u32,

    /// Most days per request. PG&E advises 28 to 31; fewer days mean more requests.
    #[arg(long, env = "METERGATE_HISTORY_WINDOW_DAYS", default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=31))]
    pub history_window_days: u32,

    /// Time zone of the customers (IANA name), where the custodian's own rules are missing or nonsense.
    #[arg(
        long,
        env = "METERGATE_TIME_ZONE",
        default_value = "America/Los_Angeles"
    )]
    pub time_zone: String,
}

/// The configured time zone does not exist.
#[derive(Debug, thiserror::Error)]
#[error(
    "METERGATE_TIME_ZONE={zone}: no such time zone; write an IANA name such as America/Los_Angeles ({source})"
)]
pub struct ZoneError {
    zone: String,
    source: jiff::Error,
}

impl HistoryConfig {
    /// The configured time zone.
    pub fn zone(&self) -> Result<TimeZone, ZoneError> {
        TimeZone::get(&self.time_zone).map_err(|source| ZoneError {
            zone: self.time_zone.clone(),
            source,
        })
    }
}

/// How long data is kept.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "How long data is kept")]
pub struct RetentionConfig {
    /// Days that readings and the customer's name are kept in the database after the files were
    /// written. The files do not need them; an export can be repeated only while they are there.
    #[arg(long, env = "METERGATE_RETENTION_READINGS_DAYS", default_value_t = 30)]
    pub retention_readings_days: u32,

    /// Days that the files stay in the output folder.
    #[arg(long, env = "METERGATE_RETENTION_FILES_DAYS", default_value_t = 90)]
    pub retention_files_days: u32,
}

impl RetentionConfig {
    /// How long readings and names are kept after the export.
    #[must_use]
    pub fn readings(&self) -> Duration {
        days(self.retention_readings_days)
    }

    /// How long files are kept.
    #[must_use]
    pub fn files(&self) -> Duration {
        days(self.retention_files_days)
    }
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24) * days
}
