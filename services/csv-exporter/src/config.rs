//! What this service is configured with.

use std::path::PathBuf;

use storage::DatabaseConfig;
use storage::policy::{HistoryConfig, RetentionConfig};

use crate::ServeError;
use crate::place::{Place, PlaceError};
use crate::table::Columns;

/// What only this service needs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Download folder")]
pub struct OutputConfig {
    /// The download folder that nginx serves behind a password. Must exist; this service alone writes
    /// to it, nginx reads it.
    #[arg(long, env = "METERGATE_OUTPUT_DIR", default_value = "output")]
    pub output_dir: PathBuf,

    /// Permission bits of the files, octal. nginx must be able to read them: through the group, or for
    /// everybody (644).
    #[arg(long, env = "METERGATE_OUTPUT_MODE", default_value = "640", value_parser = octal)]
    pub output_mode: u32,

    /// `full`: all columns; `model`: the model application's alone.
    #[arg(long, env = "METERGATE_CSV_COLUMNS", value_enum, default_value_t)]
    pub csv_columns: Columns,
}

/// Configuration of `csv-exporter`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The download folder.
    #[command(flatten)]
    pub output: OutputConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Local time, where the custodian tells none.
    #[command(flatten)]
    pub history: HistoryConfig,
    /// How long files are kept.
    #[command(flatten)]
    pub retention: RetentionConfig,
}

impl Config {
    /// Looks at what parsing does not.
    pub fn check(&self) -> Result<(), ServeError> {
        self.output.place()?;
        self.history.zone()?;
        Ok(())
    }
}

impl OutputConfig {
    /// The download folder.
    pub fn place(&self) -> Result<Place, PlaceError> {
        Ok(Place::open(&self.output_dir)?.with_mode(self.output_mode))
    }
}

fn octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && mode & 0o400 != 0)
        .ok_or_else(|| {
            "write permission bits in octal with the owner's read bit, such as 640".to_owned()
        })
}
