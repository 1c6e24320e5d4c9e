//! `metergate erase`: removes one customer everywhere.

use std::io::Write;
use std::time::Duration;

use service_kit::shutdown::Shutdown;
use storage::aiida::erasure::Erased;
use storage::{DatabaseConfig, erasure};
use tokio::time::Instant;

use crate::command::{CommandError, block_on, open};

/// Erases one customer everywhere: readings, name, tokens and permissions at once, then the files, the
/// authorization at the custodian if it still stands, and what the MQTT broker holds. A home is not told: it is
/// disconnected and cannot log in again. What is left is a tombstone without personal data, and the audit log.
#[derive(Debug, clap::Args)]
pub struct Erase {
    #[command(flatten)]
    database: DatabaseConfig,
    /// For Share My Data: the receipt number that the customer was shown, the custodian's subscription id (it is in
    /// the file names), or our id of an authorization (it is in the logs). For AIIDA: the connection id, or the id of
    /// one of the permissions. A text that names somebody on both sides is refused.
    customer: String,
    /// Seconds to wait for what other services do: csv-exporter removes the files, mqtt-iam disconnects the homes.
    #[arg(long, default_value_t = 30)]
    wait_seconds: u64,
}

impl Erase {
    /// Erases.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.erase(out))
    }

    async fn erase(self, out: &mut impl Write) -> Result<(), CommandError> {
        let (database, mut conn) = open(&self.database).await?;
        let found = erasure::find(&mut conn, &self.customer).await?;
        if found.is_empty() {
            return Err(CommandError::NoCustomer(self.customer));
        }
        if found.is_of_both_sides() {
            return Err(CommandError::BothSides(self.customer));
        }
        let begun = erasure::begin(&mut conn, &found, None).await?;
        drop(conn);
        for authorization in &found.authorizations {
            writeln!(out, "erased from the database: {authorization}")?;
        }
        if !found.permissions.is_empty() {
            let Erased {
                permissions,
                messages,
                readings,
                refused,
            } = begun.erased;
            writeln!(
                out,
                "erased from the database: {permissions} permissions, {messages} messages, {readings} readings, \
                 {refused} refused messages"
            )?;
        }
        let shutdown = Shutdown::new();
        let listener = database.listen(&shutdown);
        let limit = Instant::now() + Duration::from_secs(self.wait_seconds);
        let done = async {
            let files = ("the files are", "removed", "csv-exporter");
            let homes = ("the broker is", "clear of the homes", "mqtt-iam");
            let steps = [(files, begun.files.as_slice()), (homes, &begun.homes)];
            for ((what, done, service), jobs) in steps {
                if jobs.is_empty() {
                    continue;
                }
                match job_queue::wait_for_all(database.pool(), &listener, jobs, limit).await {
                    Ok(()) => writeln!(out, "{what} {done}")?,
                    Err(error) => writeln!(
                        out,
                        "{what} not {done} yet ({error}); {service} does it when it runs"
                    )?,
                }
            }
            Ok(())
        };
        let done = done.await;
        shutdown.begin_hard();
        done
    }
}
