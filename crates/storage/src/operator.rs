//! What an operator wants done, each with its line in the audit log and in one transaction: the operator's commands and
//! the console do it by these. `by` is whoever wants it, where the session's role does not say. Erasing has a module of
//! its own ([`crate::erasure`]). Roles: operator, console.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use job_queue::{JobKind, QueueError, operate};
use permission::PermissionId;
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::kinds::{AiidaTerminate, SmdRelease};
use crate::smd::AuthorizationId;

/// Runs a discarded or waiting job now, with fresh attempts. False, with nothing changed, when it is neither, or when
/// another job with its key is live.
pub async fn retry_job(
    conn: &mut AsyncPgConnection,
    id: i64,
    by: Option<&str>,
) -> Result<bool, QueueError> {
    conn.transaction(async |conn| {
        let changed = operate::retry(conn, id).await?;
        if changed {
            note(conn, "job.retried", id, by).await?;
        }
        Ok(changed)
    })
    .await
}

/// Gives a waiting or running job up, with what its kind declares for that case. False, with nothing changed, when it has
/// ended already.
pub async fn discard_job(
    conn: &mut AsyncPgConnection,
    id: i64,
    reason: &str,
    by: Option<&str>,
) -> Result<bool, QueueError> {
    conn.transaction(async |conn| {
        let changed = operate::discard(conn, id, reason).await?;
        if changed {
            note(conn, "job.discarded", id, by).await?;
        }
        Ok(changed)
    })
    .await
}

async fn note(
    conn: &mut AsyncPgConnection,
    action: &str,
    job: i64,
    by: Option<&str>,
) -> diesel::QueryResult<()> {
    let detail = audit::detail(by, json!({ "job": job }));
    audit::record(conn, action, None, &detail).await
}

/// Asks smd-fetcher to end an authorization at the custodian; answers the job. A history that is being fetched ends with
/// it.
pub async fn release(
    conn: &mut AsyncPgConnection,
    authorization: AuthorizationId,
    by: Option<&str>,
) -> Result<i64, QueueError> {
    let (wanted, subject) = (SmdRelease { authorization }, authorization.uuid());
    request(conn, &wanted, "smd.release_requested", subject, by).await
}

/// Asks aiida-permission to end an accepted permission, and to tell its home; answers the job.
pub async fn terminate(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    by: Option<&str>,
) -> Result<i64, QueueError> {
    let (wanted, subject) = (AiidaTerminate { permission }, permission.uuid());
    let action = "aiida.permission.terminate_requested";
    request(conn, &wanted, action, subject, by).await
}

/// A job for a service, with its line in the audit log.
async fn request(
    conn: &mut AsyncPgConnection,
    wanted: &impl JobKind,
    action: &str,
    subject: Uuid,
    by: Option<&str>,
) -> Result<i64, QueueError> {
    conn.transaction(async |conn| {
        let job = job_queue::enqueue_one(conn, wanted).await?;
        let detail = audit::detail(by, json!({ "job": job }));
        audit::record(conn, action, Some(subject), &detail).await?;
        Ok(job)
    })
    .await
}
