//! The jobs of this service: what homes tell (`status`), what the operator wants (`terminate`), and what time does
//! (`timeout`). Each takes steps of the process model and nothing else; a step that the model does not have from where a
//! permission stands is no error, because messages come twice, late, and for permissions that have ended.

mod status;
mod sweep;
mod terminate;
mod timeout;

use actix_web::web::Data;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use job_queue::{Job, JobKind, LeaseLost, NewJob, Outcome, QueueError};
use permission::{IllegalStep, PermissionId, Step};
use storage::DatabaseError;
use storage::aiida::event::Cause;
use storage::aiida::permission as table;
use storage::kinds::MqttRevoke;

use crate::Service;

/// A handler: the shared things, once per kind of job.
pub(crate) struct Jobs(std::sync::Arc<Service>);

impl std::ops::Deref for Jobs {
    type Target = Service;
    fn deref(&self) -> &Service {
        &self.0
    }
}

impl Jobs {
    pub(crate) fn new(service: &Data<Service>) -> Self {
        Self(service.clone().into_inner())
    }

    /// Takes the step and has the credentials revoked, under the job's lease; `false`, with nothing changed and
    /// nothing enqueued, when the permission does not stand at its start any more.
    async fn end<K: JobKind>(
        &self,
        job: &Job<K>,
        conn: &mut AsyncPgConnection,
        id: PermissionId,
        step: Step,
        cause: Cause,
        detail: Option<&str>,
    ) -> Result<bool, JobError> {
        let taken = conn
            .transaction(async |conn| {
                job.lease.hold(conn).await?;
                let revoke = NewJob::new(&MqttRevoke { permission: id })?;
                self.announce(conn, vec![revoke]).await?;
                if table::advance(conn, id, step, cause, detail).await? {
                    Ok(())
                } else {
                    Err(JobError::Elsewhere)
                }
            })
            .await;
        match taken {
            Ok(()) => Ok(true),
            Err(JobError::Elsewhere) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum JobError {
    /// Rolls back.
    #[error("the permission stands elsewhere")]
    Elsewhere,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error(transparent)]
    Process(#[from] IllegalStep),
}

impl JobError {
    fn outcome(&self) -> Outcome {
        Outcome::retry(self)
    }
}
