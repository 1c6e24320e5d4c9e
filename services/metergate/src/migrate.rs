//! `metergate migrate`: brings the database up to date.

use service_kit::secret::ExposeSecret;
use storage::{DatabaseConfig, MigrateError};

/// Brings the database up to date; safe at any time, also twice at once.
///
/// The role of `METERGATE_DATABASE_URL` must own the database and may need CREATEROLE the first time.
#[derive(Debug, clap::Args)]
pub struct Migrate {
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Migrate {
    /// Migrates.
    pub fn run(self) -> Result<(), crate::jobs::CommandError> {
        crate::jobs::block_on(async {
            storage::migrate(self.database.database_url.expose_secret()).await?;
            Ok::<_, MigrateError>(())
        })??;
        Ok(())
    }
}
