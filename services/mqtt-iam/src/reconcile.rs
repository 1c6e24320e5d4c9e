//! `mqtt.reconcile`: holds tables and broker against the permissions. Any step of a grant or a revocation may be
//! the last before a crash, a job may be lost to an operator's hand, and so may rows; what differs is mended here by
//! the same jobs. What has a job already is left to it.

use std::collections::BTreeSet;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use job_queue::{Handler, Job, JobKind, Outcome, QueueError};
use permission::PermissionId;
use serde_json::json;
use storage::kinds::{MqttGrant, MqttReconcile, MqttRevoke};
use storage::{audit, iam};

use crate::Iam;
use crate::broker::Client;
use crate::error::StepError;
use crate::revoke::disconnect;

impl Handler<MqttReconcile> for Iam {
    async fn run(&self, job: Job<MqttReconcile>) -> Outcome {
        match self.reconcile(&job).await {
            Ok(outcome) => outcome,
            Err(error) => error.outcome(),
        }
    }
}

/// What the database had to say.
struct Mended {
    /// Users whose rows are on their way.
    missing: Vec<PermissionId>,
    /// Names of users that were nobody's.
    foreign: Vec<String>,
    grants: usize,
    revocations: usize,
}

impl Iam {
    async fn reconcile(&self, job: &Job<MqttReconcile>) -> Result<Outcome, StepError> {
        // Before the tables are read: whoever is connected now had a row when it came.
        let connected = self.broker.clients().all().await;
        let mended = self.mend(job).await?;
        // What the broker does not answer must not keep the tables wrong; the next round asks again.
        let disconnected = match connected {
            Ok(connected) => self.disconnect_strays(connected, &mended).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &disconnected {
            metrics::counter!("mqtt_comparisons_failed_total").increment(1);
            tracing::warn!(%error, "connections could not be held against the users");
        }
        Ok(Outcome::DoneWith(json!({
            "grants": mended.grants,
            "revocations": mended.revocations,
            "foreign": mended.foreign.len(),
            "disconnected": disconnected.ok(),
        })))
    }

    async fn mend(&self, job: &Job<MqttReconcile>) -> Result<Mended, StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let missing = iam::missing(conn).await?;
            let orphans = iam::orphans(conn).await?;
            let (mut grants, mut revocations) = (0, 0);
            for &permission in &missing {
                grants += usize::from(ensure(conn, &MqttGrant { permission }).await?);
            }
            for permission in orphans {
                revocations += usize::from(ensure(conn, &MqttRevoke { permission }).await?);
            }
            let foreign = iam::remove_foreign(conn).await?;
            if !foreign.is_empty() {
                let users = foreign.len();
                count("foreign users removed", users);
                let detail = json!({ "users": users });
                audit::record(conn, "mqtt.foreign_removed", None, &detail).await?;
                tracing::error!(users, "users that belong to no permission stood in aiida_mqtt_user and are removed: find out who writes there");
            }
            Ok::<_, StepError>(Mended {
                missing,
                foreign,
                grants,
                revocations,
            })
        })
        .await
    }

    /// Ends connections of homes that are no users any more. Names that are no permission's are the operator's own
    /// and are left alone.
    async fn disconnect_strays(
        &self,
        connected: Vec<Client>,
        mended: &Mended,
    ) -> Result<usize, StepError> {
        let spared: BTreeSet<_> = mended.missing.iter().map(ToString::to_string).collect();
        let homes: BTreeSet<_> = connected
            .iter()
            .filter_map(|client| client.username.clone())
            .filter(|name| is_home(name) && !spared.contains(name))
            .collect();
        let unknown = {
            let mut conn = self.database.get().await?;
            let homes: Vec<_> = homes.into_iter().collect();
            iam::unknown(&mut conn, &homes).await?
        };
        let strays: BTreeSet<_> = unknown.iter().chain(&mended.foreign).collect();
        let mut disconnected = 0;
        for client in &connected {
            if client
                .username
                .as_ref()
                .is_some_and(|name| strays.contains(name))
            {
                disconnect(&self.broker, &client.id, "stray").await?;
                disconnected += 1;
            }
        }
        if disconnected > 0 {
            count("strays disconnected", disconnected);
            tracing::warn!(
                disconnected,
                "connections of homes that are no users any more were ended"
            );
        }
        Ok(disconnected)
    }
}

/// Whether this is a home's username: a permission's id, written as we write it.
fn is_home(name: &str) -> bool {
    name.parse::<PermissionId>()
        .is_ok_and(|id| id.to_string() == name)
}

async fn ensure<K: JobKind>(conn: &mut AsyncPgConnection, payload: &K) -> Result<bool, QueueError> {
    let is_new = job_queue::ensure(conn, payload).await?;
    count(K::SPEC.name, usize::from(is_new));
    Ok(is_new)
}

fn count(done: &'static str, times: usize) {
    let times = u64::try_from(times).unwrap_or(u64::MAX);
    metrics::counter!("mqtt_reconciled_total", "done" => done).increment(times);
}
