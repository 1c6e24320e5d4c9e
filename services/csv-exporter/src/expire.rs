//! `output.expire`: removes files whose time is over or whose customer was erased.

use job_queue::{Handler, Job, Lease, Outcome};
use storage::kinds::OutputExpire;
use storage::smd::export;

use crate::Exporter;
use crate::companion;
use crate::export::{ExportError, remove};

impl Handler<OutputExpire> for Exporter {
    async fn run(&self, job: Job<OutputExpire>) -> Outcome {
        match self.expire(&job.lease).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Exporter {
    async fn expire(&self, lease: &Lease) -> Result<(), ExportError> {
        let expired = {
            let mut conn = self.database.get().await?;
            export::expired(&mut conn, self.config.retention.files()).await?
        };
        let mut first = Ok(());
        for one in expired {
            // One file that cannot be removed does not keep the others.
            match remove(self, lease, one.id, &one.files).await {
                Ok(()) => {
                    let erased = one.erased;
                    tracing::info!(authorization = %one.id, erased, "files removed");
                }
                Err(error) => {
                    tracing::error!(authorization = %one.id, %error, "files that must go are still there");
                    first = first.and(Err(error));
                }
            }
        }
        first?;
        self.place.clean_up()?;
        self.remove_orphans()
    }

    /// A replica of an older version removes the tables and knows of nothing beside them.
    fn remove_orphans(&self) -> Result<(), ExportError> {
        let present = self.place.files()?;
        for name in companion::orphans(&present) {
            if self.place.remove(name)? {
                tracing::warn!("a report or readme whose tables are gone was removed");
            }
        }
        Ok(())
    }
}
