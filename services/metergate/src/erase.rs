//! `metergate erase`: removes one customer everywhere.

use std::io::Write;
use std::time::Duration;

use diesel_async::AsyncConnection;
use serde_json::json;
use service_kit::shutdown::Shutdown;
use storage::kinds::{OutputExpire, SmdRelease};
use storage::smd::{authorization, erasure};
use storage::{Database, DatabaseConfig, audit};

use crate::jobs::{CommandError, block_on};

/// Erases one customer everywhere: readings, name and tokens at once, then the files, and the
/// authorization at the custodian if it still stands. What is left is a tombstone without personal data.
#[derive(Debug, clap::Args)]
pub struct Erase {
    #[command(flatten)]
    database: DatabaseConfig,
    /// The custodian's subscription id (it is in the file names), or our id of an authorization (it is
    /// in the logs).
    customer: String,
    /// Seconds to wait for the files to be removed by csv-exporter.
    #[arg(long, default_value_t = 30)]
    wait_seconds: u64,
}

impl Erase {
    /// Erases.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.erase(out))?
    }

    async fn erase(self, out: &mut impl Write) -> Result<(), CommandError> {
        let database = Database::new(&self.database)?;
        let mut conn = database.get().await?;
        storage::check_version(&mut conn).await?;
        let found = erasure::find(&mut conn, &self.customer).await?;
        if found.is_empty() {
            return Err(CommandError::NoCustomer(self.customer));
        }
        let removal = conn
            .transaction(async |conn| {
                for authorization in &found {
                    let authorization = *authorization;
                    let known = authorization::get(conn, authorization).await?;
                    // Before the authorization is locked: a running release holds its job first.
                    if known.is_some_and(|known| !known.released) {
                        job_queue::enqueue_one(conn, &SmdRelease { authorization }).await?;
                    }
                    erasure::erase(conn, authorization).await?;
                    audit::record(conn, "smd.erased", Some(authorization.uuid()), &json!({}))
                        .await?;
                }
                Ok::<_, CommandError>(job_queue::enqueue_one(conn, &OutputExpire {}).await?)
            })
            .await?;
        drop(conn);
        for authorization in &found {
            writeln!(out, "erased from the database: {authorization}")?;
        }
        let shutdown = Shutdown::new();
        let listener = database.listen(&shutdown);
        let limit = Duration::from_secs(self.wait_seconds);
        let removed = job_queue::wait_for(database.pool(), &listener, removal, limit).await;
        shutdown.begin_hard();
        match removed {
            Ok(_) => writeln!(out, "the files are removed")?,
            Err(error) => writeln!(
                out,
                "the files are not removed yet ({error}); csv-exporter does it when it runs"
            )?,
        }
        Ok(())
    }
}
