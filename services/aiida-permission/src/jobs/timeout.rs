//! `aiida.timeout`: what time does to permissions. Bounded, oldest first: what is left over is found the next time.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::{SignedDuration, Timestamp};
use job_queue::{Handler, Job, Outcome};
use permission::{PermissionId, Status};
use storage::aiida::event::Cause;
use storage::aiida::permission as table;
use storage::kinds::AiidaTimeout;

use super::{JobError, Jobs};

/// Permissions of one run and reason.
pub(super) const BATCH: i64 = 500;

impl Handler<AiidaTimeout> for Jobs {
    async fn run(&self, job: Job<AiidaTimeout>) -> Outcome {
        match self.pass(&job).await {
            Ok(()) => Outcome::Done,
            Err(error) => error.outcome(),
        }
    }
}

impl Jobs {
    async fn pass(&self, job: &Job<AiidaTimeout>) -> Result<(), JobError> {
        let mut conn = self.database.get().await?;
        self.time_out(job, &mut conn).await?;
        self.fulfil(job, &mut conn).await?;
        self.give_up_telling(job, &mut conn).await?;
        self.sweep(job, &mut conn).await
    }

    /// Codes that nobody scanned in time. Nothing was handed out, so nothing is taken back.
    async fn time_out(
        &self,
        job: &Job<AiidaTimeout>,
        conn: &mut AsyncPgConnection,
    ) -> Result<(), JobError> {
        let sent = Status::SentToPermissionAdministrator;
        let before = self.ago(self.config.process.timeout());
        let found = table::stale(conn, sent, before, BATCH).await?;
        if found.is_empty() {
            return Ok(());
        }
        let step = sent.step(Status::TimedOut)?;
        let taken = conn
            .transaction(async |conn| {
                job.lease.hold(conn).await?;
                self.announce(conn, Vec::new()).await?;
                let taken = table::advance_all(conn, &found, step, Cause::Clock, None).await?;
                Ok::<_, JobError>(taken)
            })
            .await?;
        count(Status::TimedOut, taken);
        Ok(())
    }

    /// Time frames that are over, also where the home does not say so.
    async fn fulfil(
        &self,
        job: &Job<AiidaTimeout>,
        conn: &mut AsyncPgConnection,
    ) -> Result<(), JobError> {
        let found = table::ended(conn, self.today(), BATCH).await?;
        let detail = "the time frame is over";
        self.end_each(
            job,
            conn,
            found,
            (Status::Accepted, Status::Fulfilled),
            detail,
        )
        .await
    }

    /// Homes that never confirmed their termination are shut out.
    async fn give_up_telling(
        &self,
        job: &Job<AiidaTimeout>,
        conn: &mut AsyncPgConnection,
    ) -> Result<(), JobError> {
        let told = Status::RequiresExternalTermination;
        let before = self.ago(self.config.process.termination());
        let found = table::stale(conn, told, before, BATCH).await?;
        let detail = "the home has not confirmed the end";
        self.end_each(job, conn, found, (told, Status::FailedToTerminate), detail)
            .await
    }

    /// One transaction each: a permission that has moved on meanwhile must not lose its credentials, so its job is
    /// rolled back with the step.
    async fn end_each(
        &self,
        job: &Job<AiidaTimeout>,
        conn: &mut AsyncPgConnection,
        found: Vec<PermissionId>,
        (from, to): (Status, Status),
        detail: &str,
    ) -> Result<(), JobError> {
        let step = from.step(to)?;
        for id in found {
            let taken = self
                .end(job, conn, id, step, Cause::Clock, Some(detail))
                .await?;
            count(to, usize::from(taken));
        }
        Ok(())
    }

    pub(super) fn ago(&self, time: SignedDuration) -> Timestamp {
        self.clock
            .now()
            .saturating_sub(time)
            .unwrap_or(Timestamp::MIN)
    }
}

fn count(status: Status, permissions: usize) {
    if permissions > 0 {
        metrics::counter!("aiida_clock_total", "status" => status.name())
            .increment(u64::try_from(permissions).unwrap_or(u64::MAX));
        tracing::info!(permissions, %status, "time has ended permissions");
    }
}
