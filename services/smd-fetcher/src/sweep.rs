//! `smd.sweep`: finds what was left lying. Every step of the flow may be the last before a crash;
//! what has no job any more gets one here.

use std::collections::BTreeSet;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use espi::AuthorizationStatus;
use job_queue::{Handler, Job, JobKind, Outcome, QueueError};
use serde_json::json;
use smd_client::certificate::EXPIRES_SOON;
use storage::audit;
use storage::kinds::{CsvExport, SmdFetch, SmdRelease, SmdSweep};
use storage::smd::authorization::{self, Stage};
use storage::smd::{AuthorizationId, comparison, erasure, login, notice, reading};

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
    async fn sweep_here(&self, job: &Job<SmdSweep>) -> Result<(), StepError> {
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
            for id in erasure::due(conn, self.config.gateway.retention.readings()).await? {
                self.expire(conn, id).await?;
            }
            login::forget_old(conn).await?;
            notice::forget_old(conn).await?;
            reading::discard_abandoned(conn).await?;
            Ok::<_, StepError>(())
        })
        .await
    }

    async fn expire(
        &self,
        conn: &mut AsyncPgConnection,
        id: AuthorizationId,
    ) -> Result<(), StepError> {
        erasure::erase_data(conn, id).await?;
        audit::record(conn, "smd.expired", Some(id.uuid()), &json!({})).await?;
        tracing::info!(authorization = %id, "the time of the readings is over: erased");
        Ok(())
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
    if !job_queue::is_live(conn, payload).await? {
        job_queue::enqueue_one(conn, payload).await?;
        metrics::counter!("smd_swept_total", "kind" => K::SPEC.name).increment(1);
        tracing::warn!(
            kind = K::SPEC.name,
            "a step without a job was found and enqueued"
        );
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
