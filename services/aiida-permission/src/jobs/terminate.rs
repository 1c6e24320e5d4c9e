//! `aiida.terminate`: the end that the operator wants. The operator's role changes no status itself.

use diesel_async::AsyncConnection as _;
use job_queue::{Handler, Job, LeaseLost, Outcome};
use storage::DatabaseError;
use storage::aiida::event::Cause;
use storage::kinds::AiidaTerminate;

use super::Jobs;
use crate::terminate::{TerminateError, terminate};

#[derive(Debug, thiserror::Error)]
enum EndError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error(transparent)]
    Terminate(#[from] TerminateError),
}

impl Handler<AiidaTerminate> for Jobs {
    async fn run(&self, job: Job<AiidaTerminate>) -> Outcome {
        match self.terminate(&job).await {
            Ok(()) => Outcome::Done,
            // Ended meanwhile, or by an earlier run of this job that was not noted.
            Err(EndError::Terminate(error @ TerminateError::NotAccepted)) => {
                Outcome::Cancel(error.to_string())
            }
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Jobs {
    async fn terminate(&self, job: &Job<AiidaTerminate>) -> Result<(), EndError> {
        let id = job.payload.permission;
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            terminate(self, conn, id, Cause::Operator, None).await?;
            Ok::<_, EndError>(())
        })
        .await?;
        tracing::info!(permission = %id, "the operator has ended a permission");
        Ok(())
    }
}
