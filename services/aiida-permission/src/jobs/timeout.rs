//! `aiida.timeout`: what time does to permissions. Oldest first, in small batches, because every event waits for the
//! commit of the one before; a pass goes on until nothing is left or a minute is over, and what is left over then is
//! found the next time.

use std::time::Duration;

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use job_queue::{Handler, Job, Outcome};
use permission::data_need::ON_ITS_WAY;
use permission::{PermissionId, Status};
use storage::aiida::event::Cause;
use storage::aiida::permission as table;
use storage::clock;
use storage::kinds::AiidaTimeout;
use tokio::time::Instant;

use super::{JobError, Jobs};

/// Permissions of one look, and of one transaction where several share one.
const BATCH: i64 = 100;

/// How long a pass begins new batches: the next one is a minute away.
const LONGEST_PASS: Duration = Duration::from_mins(1);

/// A pass: its job, when it ends, and when it began by the database's clock.
pub(super) struct Pass<'a> {
    pub(super) job: &'a Job<AiidaTimeout>,
    until: Instant,
    now: Timestamp,
}

impl Pass<'_> {
    fn goes_on(&self) -> bool {
        Instant::now() < self.until && !self.job.stopping.is_cancelled()
    }

    pub(super) fn ago(&self, time: SignedDuration) -> Timestamp {
        self.now.saturating_sub(time).unwrap_or(Timestamp::MIN)
    }
}

impl Handler<AiidaTimeout> for Jobs {
    async fn run(&self, job: Job<AiidaTimeout>) -> Outcome {
        match self.pass(&job).await {
            Ok(()) => Outcome::Done,
            Err(error) => error.outcome(),
        }
    }
}

impl Jobs {
    /// First what homes wait for, last what only takes room.
    async fn pass(&self, job: &Job<AiidaTimeout>) -> Result<(), JobError> {
        let mut conn = self.database.get().await?;
        let pass = Pass {
            job,
            until: Instant::now() + LONGEST_PASS,
            now: clock::now(&mut conn).await?,
        };
        self.sweep(&pass, &mut conn).await?;
        self.fulfil(&pass, &mut conn).await?;
        self.give_up_telling(&pass, &mut conn).await?;
        self.time_out(&pass, &mut conn).await?;
        self.prune(&pass, &mut conn).await
    }

    /// Codes that nobody scanned in time. Nothing was handed out, so nothing is taken back.
    async fn time_out(
        &self,
        pass: &Pass<'_>,
        conn: &mut AsyncPgConnection,
    ) -> Result<(), JobError> {
        let sent = Status::SentToPermissionAdministrator;
        let before = pass.ago(self.config.process.timeout());
        let step = sent.step(Status::TimedOut)?;
        while pass.goes_on() {
            let found = table::stale(conn, sent, before, BATCH).await?;
            if found.is_empty() {
                break;
            }
            let taken = conn
                .transaction(async |conn| {
                    pass.job.lease.hold(conn).await?;
                    self.announce(conn, Vec::new()).await?;
                    let taken = table::advance_all(conn, &found, step, Cause::Clock, None).await?;
                    Ok::<_, JobError>(taken)
                })
                .await?;
            count(Status::TimedOut, taken);
        }
        Ok(())
    }

    /// Time frames that are over, also where the home does not say so.
    async fn fulfil(&self, pass: &Pass<'_>, conn: &mut AsyncPgConnection) -> Result<(), JobError> {
        let today = last_begun(pass.now);
        let detail = "the time frame is over";
        let ends = (Status::Accepted, Status::Fulfilled);
        while pass.goes_on() {
            let found = table::ended(conn, today, BATCH).await?;
            if found.is_empty() {
                break;
            }
            self.end_each(pass.job, conn, found, ends, detail).await?;
        }
        Ok(())
    }

    /// Homes that never confirmed their termination are shut out.
    async fn give_up_telling(
        &self,
        pass: &Pass<'_>,
        conn: &mut AsyncPgConnection,
    ) -> Result<(), JobError> {
        let told = Status::RequiresExternalTermination;
        let before = pass.ago(self.config.process.termination());
        let detail = "the home has not confirmed the end";
        let ends = (told, Status::FailedToTerminate);
        while pass.goes_on() {
            let found = table::stale(conn, told, before, BATCH).await?;
            if found.is_empty() {
                break;
            }
            self.end_each(pass.job, conn, found, ends, detail).await?;
        }
        Ok(())
    }

    /// Permissions that ended long ago are forgotten, with their events.
    async fn prune(&self, pass: &Pass<'_>, conn: &mut AsyncPgConnection) -> Result<(), JobError> {
        let before = pass.ago(self.config.process.retention());
        while pass.goes_on() {
            let deleted = conn
                .transaction(async |conn| {
                    pass.job.lease.hold(conn).await?;
                    Ok::<_, JobError>(table::prune(conn, before, BATCH).await?)
                })
                .await?;
            if deleted == 0 {
                break;
            }
            metrics::counter!("aiida_permissions_pruned_total")
                .increment(u64::try_from(deleted).unwrap_or(u64::MAX));
            tracing::info!(permissions = deleted, "ended permissions were deleted");
        }
        Ok(())
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
}

/// The day that has begun, UTC, and lasts: a little later than midnight, because what was on its way then is still taken.
fn last_begun(now: Timestamp) -> Date {
    let before = now.saturating_sub(ON_ITS_WAY).unwrap_or(now);
    before.to_zoned(TimeZone::UTC).date()
}

fn count(status: Status, permissions: usize) {
    if permissions > 0 {
        metrics::counter!("aiida_clock_total", "status" => status.name())
            .increment(u64::try_from(permissions).unwrap_or(u64::MAX));
        tracing::info!(permissions, %status, "time has ended permissions");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_ends_a_little_after_midnight() {
        for (now, day) in [
            ("2026-07-01T00:04:59Z", "2026-06-30"),
            ("2026-07-01T00:05:00Z", "2026-07-01"),
        ] {
            assert_eq!(last_begun(now.parse().unwrap()).to_string(), day);
        }
    }
}
