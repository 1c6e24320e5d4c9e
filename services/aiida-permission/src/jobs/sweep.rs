//! Steps that were left without a job: each is enqueued together with its reason, so this finds what was lost by
//! other means (a job removed by hand, a restored backup), and says so.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::SignedDuration;
use job_queue::{Job, JobKind};
use permission::Status;
use storage::aiida::permission as table;
use storage::aiida::webhook;
use storage::kinds::{AiidaTimeout, MqttGrant, MqttRevoke, WebhookDeliver};

use super::timeout::Pass;
use super::{JobError, Jobs};

/// Permissions of one pass and reason.
const BATCH: i64 = 500;

/// What is under way gets this long before it counts as lost.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(1);

impl Jobs {
    pub(super) async fn sweep(
        &self,
        pass: &Pass<'_>,
        conn: &mut AsyncPgConnection,
    ) -> Result<(), JobError> {
        let before = pass.ago(UNDER_WAY);
        let over: Vec<Status> = Status::ALL
            .into_iter()
            .filter(|status| !status.needs_iam())
            .collect();
        for permission in table::unremoved(conn, &over, before, BATCH).await? {
            self.ensure(pass.job, conn, &MqttRevoke { permission })
                .await?;
        }
        for permission in table::ungranted(conn, before, BATCH).await? {
            self.ensure(pass.job, conn, &MqttGrant { permission })
                .await?;
        }
        if self.config.webhook.webhook_url.is_some() && webhook::is_behind(conn, before).await? {
            self.ensure(pass.job, conn, &WebhookDeliver {}).await?;
        }
        let mut stuck = 0;
        // One transaction leads through all of these.
        for status in [Status::Created, Status::Validated, Status::Terminated] {
            stuck += table::stale(conn, status, before, BATCH).await?.len();
        }
        metrics::gauge!("aiida_permissions_stuck")
            .set(f64::from(u32::try_from(stuck).unwrap_or(u32::MAX)));
        if stuck > 0 {
            tracing::error!(
                stuck,
                "permissions rest where none can: the table was changed by something else than this service"
            );
        }
        Ok(())
    }

    async fn ensure<K: JobKind>(
        &self,
        job: &Job<AiidaTimeout>,
        conn: &mut AsyncPgConnection,
        payload: &K,
    ) -> Result<(), JobError> {
        let is_new = conn
            .transaction(async |conn| {
                job.lease.hold(conn).await?;
                Ok::<_, JobError>(job_queue::ensure(conn, payload).await?)
            })
            .await?;
        if is_new {
            metrics::counter!("aiida_swept_total", "kind" => K::SPEC.name).increment(1);
        }
        Ok(())
    }
}
