//! `metergate migrate`: brings the database up to date, and the logins of the services with it.

use std::path::PathBuf;

use service_kit::secret::ExposeSecret;
use storage::DatabaseConfig;

use crate::command::{CommandError, block_on};

/// Brings the database up to date; safe at any time, also twice at once.
///
/// The role of `METERGATE_DATABASE_URL` must own the database and may need CREATEROLE the first time.
#[derive(Debug, clap::Args)]
pub struct Migrate {
    #[command(flatten)]
    database: DatabaseConfig,

    /// Folder of the services' database passwords, a file for each login: `smd-auth`, `smd-fetcher`, `csv-exporter`,
    /// `aiida-permission`, `mqtt-iam`, `aiida-stream`, `operator`, `console` and `emqx`. Each login is made, or given this
    /// password; what has no file is left alone. Their names in the database are the same with `_` for `-`.
    #[arg(long, env = "METERGATE_LOGINS_DIR")]
    logins: Option<PathBuf>,
}

impl Migrate {
    /// Migrates.
    pub fn run(self) -> Result<(), CommandError> {
        block_on(async {
            let url = self.database.url().map_err(storage::DatabaseError::from)?;
            storage::migrate(url.expose_secret()).await?;
            if let Some(folder) = &self.logins {
                storage::logins::set(url.expose_secret(), folder).await?;
            }
            Ok::<_, CommandError>(())
        })
    }
}
