//! `smd.sweep`: finds what was left lying. Every step of the flow may be the last before a crash;
//! what has no job any more gets one here.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use espi::AuthorizationStatus;
use job_queue::{Handler, Job, JobKind, Lease, Outcome, QueueError};
use serde_json::json;
use smd_client::certificate::EXPIRES_SOON;
use storage::audit;
use storage::kinds::{CsvExport, SmdFetch, SmdRelease, SmdSweep};
use storage::smd::authorization::{self, Stage};
use storage::smd::{AuthorizationId, comparison, erasure, login, notice, reading};
use tokio::time::Instant;

use crate::Fetcher;
use crate::error::StepError;

impl Handler<SmdSweep> for Fetcher {
    async fn run(&self, job: Job<SmdSweep>) -> Outcome {
        // Each part for itself: what the custodian does not answer must not keep data alive.
        let here = self.sweep_here(&job).await;
        self.look_at_certificate();
        if let Err(error) = self.compare_with_custodian().await {
            // The next sweep is soon enough; a job given up each time would only bury the others.
            metrics::counter!("smd_comparisons_failed_total").increment(1);
            tracing::warn!(%error, "the custodian's list of authorizations could not be compared with ours");
        }
        match here {
            Ok(()) => Outcome::Done,
            Err(error) => error.outcome(),
        }
    }
}

impl Fetcher {
    /// Each part commits for itself: however much there is to erase, the next steps are enqueued before, and what is
    /// forgotten after it does not wait for what cannot be erased.
    async fn sweep_here(&self, job: &Job<SmdSweep>) -> Result<(), StepError> {
        let until = Instant::now() + SmdSweep::SPEC.deadline / 2;
        self.ensure_steps(job).await?;
        let expired = self.expire_all(job, until).await;
        self.forget_old(job).await?;
        expired
    }

    async fn ensure_steps(&self, job: &Job<SmdSweep>) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            for stage in [Stage::Fetched, Stage::Failed, Stage::Erased] {
                for authorization in authorization::unreleased(conn, stage).await? {
                    ensure(conn, &SmdRelease { authorization }).await?;
                }
            }
            for authorization in authorization::unreleased(conn, Stage::Fetching).await? {
                // Given up and not yet noted: the release, not a new fetch, is on its way.
                if !job_queue::is_live(conn, &SmdRelease { authorization }).await? {
                    ensure(conn, &SmdFetch { authorization }).await?;
                }
            }
            for authorization in authorization::unexported(conn).await? {
                ensure(conn, &CsvExport { authorization }).await?;
            }
            Ok::<_, StepError>(())
        })
        .await
    }

    async fn forget_old(&self, job: &Job<SmdSweep>) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            login::forget_old(conn).await?;
            notice::forget_old(conn).await?;
            reading::discard_abandoned(conn).await?;
            Ok::<_, StepError>(())
        })
        .await
    }

    /// Erases the data whose time is over, one authorization after the other. What is left at `until` is found by the
    /// next sweep.
    async fn expire_all(&self, job: &Job<SmdSweep>, until: Instant) -> Result<(), StepError> {
        let keep = self.config.gateway.retention.readings();
        let due = {
            let mut conn = self.database.get().await?;
            erasure::due(&mut conn, keep).await?
        };
        let mut first = Ok(());
        for id in due {
            if Instant::now() >= until || job.stopping.is_cancelled() {
                break;
            }
            match self.expire(&job.lease, id, keep).await {
                Ok(()) => {}
                // The next one would fare no better.
                Err(error @ (StepError::Database(_) | StepError::Lease(_))) => return Err(error),
                // One that cannot be erased does not keep the others.
                Err(error) => {
                    tracing::error!(authorization = %id, %error, "readings that must go are still there");
                    first = first.and(Err(error));
                }
            }
        }
        first
    }

    async fn expire(
        &self,
        lease: &Lease,
        id: AuthorizationId,
        keep: Duration,
    ) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            lease.hold(conn).await?;
            if erasure::lock_due(conn, id, keep).await? {
                erasure::erase_data(conn, id).await?;
                audit::record(conn, "smd.expired", Some(id.uuid()), &json!({})).await?;
                tracing::info!(authorization = %id, "the time of the readings is over: erased");
            }
            Ok::<_, StepError>(())
        })
        .await
    }

    /// An authorization that the custodian lists as active and that we do not know was lost between
    /// its code and our commit, or is not ours at all: the operator must look. Unknown once may be one
    /// that is being stored just now, so only those unknown twice in a row count.
    async fn compare_with_custodian(&self) -> Result<(), StepError> {
        let listed = self.client.authorizations().await?;
        let known: BTreeSet<String> = {
            let mut conn = self.database.get().await?;
            authorization::known_subscriptions(&mut conn)
                .await?
                .into_iter()
                .collect()
        };
        let unknown: BTreeSet<String> = listed
            .iter()
            .filter(|one| one.authorization.status == Some(AuthorizationStatus::Active))
            .map(|one| one.id.to_string())
            .filter(|id| !known.contains(id))
            .collect();
        let mut before = self.unknown.lock().await;
        let lost = unknown_twice(before.as_ref(), &unknown);
        *before = Some(unknown);
        let Some(lost) = lost else {
            // What the last look of another process has found still stands.
            return Ok(());
        };
        metrics::gauge!("smd_unknown_authorizations")
            .set(f64::from(u32::try_from(lost).unwrap_or(u32::MAX)));
        comparison::note(&mut *self.database.get().await?, lost).await?;
        if lost > 0 {
            tracing::error!(
                lost,
                "the custodian lists active authorizations that are not in our database: end them in the Share My Data portal"
            );
        }
        Ok(())
    }

    fn look_at_certificate(&self) {
        match self.client.certificate() {
            Ok(report) => {
                let now = self.clock.now();
                let days = report.days_left(now);
                if let Some(warning) = report.warning(now, EXPIRES_SOON) {
                    tracing::error!(days, warning, "our client certificate needs attention");
                }
            }
            Err(error) => tracing::error!(%error, "our client certificate cannot be read"),
        }
    }
}

/// How many were unknown at the look before, too. A process that has just started has no look before: it can tell only
/// that there are none.
fn unknown_twice(before: Option<&BTreeSet<String>>, unknown: &BTreeSet<String>) -> Option<usize> {
    match before {
        Some(before) => Some(unknown.intersection(before).count()),
        None if unknown.is_empty() => Some(0),
        None => None,
    }
}

/// Enqueues a job unless one is live: a waiting one keeps its back-off.
async fn ensure<K: JobKind>(conn: &mut AsyncPgConnection, payload: &K) -> Result<(), QueueError> {
    if job_queue::ensure(conn, payload).await? {
        metrics::counter!("smd_swept_total", "kind" => K::SPEC.name).increment(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_look_tells_only_that_nothing_is_unknown() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let (none, one, two) = (set(&[]), set(&["1"]), set(&["1", "2"]));
        assert_eq!(unknown_twice(None, &one), None);
        assert_eq!(unknown_twice(None, &none), Some(0));
        assert_eq!(unknown_twice(Some(&none), &one), Some(0));
        assert_eq!(unknown_twice(Some(&one), &two), Some(1));
        assert_eq!(unknown_twice(Some(&two), &none), Some(0));
    }
}
