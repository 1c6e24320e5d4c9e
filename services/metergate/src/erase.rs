//! `metergate erase`: removes one customer everywhere.

use std::io::Write;
use std::time::Duration;

use job_queue::Listener;
use permission::PermissionId;
use service_kit::shutdown::Shutdown;
use storage::aiida::erasure::Erased;
use storage::{Database, DatabaseConfig, erasure};
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
    /// the file names), or our id of an authorization (it is in the logs). For AIIDA: the connection id, or the id of one of the permissions. A text
    /// that names somebody on both sides is refused.
    customer: String,
    /// Seconds to wait for the files to be removed by csv-exporter, and for the homes to be disconnected by mqtt-iam.
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
        let committed = Instant::now();
        for authorization in &found.authorizations {
            writeln!(out, "erased from the database: {authorization}")?;
        }
        if !found.permissions.is_empty() {
            tell(out, "erased from the database", begun.erased)?;
        }
        let shutdown = Shutdown::new();
        let rest = Rest {
            listener: database.listen(&shutdown),
            limit: committed + Duration::from_secs(self.wait_seconds),
            database: &database,
        };
        let done = async {
            if let Some(job) = begun.files {
                rest.files(out, job).await?;
            }
            if !found.permissions.is_empty() {
                rest.homes(out, &found.permissions, &begun.homes, committed)
                    .await?;
            }
            Ok(())
        };
        let done = done.await;
        shutdown.begin_hard();
        done
    }
}

fn tell(out: &mut impl Write, what: &str, erased: Erased) -> std::io::Result<()> {
    let Erased {
        permissions,
        messages,
        readings,
        refused,
    } = erased;
    writeln!(
        out,
        "{what}: {permissions} permissions, {messages} messages, {readings} readings, {refused} refused messages"
    )
}

/// What other services have to do, and what is to be done after them.
struct Rest<'d> {
    database: &'d Database,
    listener: Listener,
    limit: Instant,
}

impl Rest<'_> {
    /// Waits for a job; says why it has not ended, if so.
    async fn wait(&self, job: i64) -> Result<(), String> {
        let left = self.limit.saturating_duration_since(Instant::now());
        // Also for a job that may have ended while another was waited for.
        let left = left.max(Duration::from_secs(1));
        job_queue::wait_for(self.database.pool(), &self.listener, job, left)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    async fn files(&self, out: &mut impl Write, job: i64) -> Result<(), CommandError> {
        match self.wait(job).await {
            Ok(()) => writeln!(out, "the files are removed")?,
            Err(error) => writeln!(
                out,
                "the files are not removed yet ({error}); csv-exporter does it when it runs"
            )?,
        }
        Ok(())
    }

    /// Waits until the broker holds nothing of the permissions, and erases what was stored meanwhile.
    async fn homes(
        &self,
        out: &mut impl Write,
        permissions: &[PermissionId],
        jobs: &[i64],
        committed: Instant,
    ) -> Result<(), CommandError> {
        let mut missing = None;
        for &job in jobs {
            if let Err(error) = self.wait(job).await {
                missing = Some(error);
                break;
            }
        }
        match &missing {
            None => writeln!(out, "the broker holds nothing of the homes any more")?,
            Some(error) => writeln!(
                out,
                "the broker is not cleared yet ({error}); mqtt-iam does it when it runs"
            )?,
        }
        tokio::time::sleep_until(committed + erasure::STILL_STORED).await;
        let mut conn = self.database.get().await?;
        let late = erasure::late(&mut conn, permissions, None).await?;
        if !late.is_empty() {
            tell(out, "erased afterwards, what was on its way", late)?;
        }
        if missing.is_some() {
            for permission in permissions {
                writeln!(
                    out,
                    "when mqtt-iam has run, erase what has come until then: metergate erase {permission}"
                )?;
            }
        }
        Ok(())
    }
}
