//! The end that the eligible party wants: the home is told, and confirms it; until then it can connect, to hear it.

use diesel_async::AsyncPgConnection;
use job_queue::{NewJob, QueueError};
use permission::{Command, IllegalStep, PermissionId, Status};
use storage::aiida::OutgoingId;
use storage::aiida::event::Cause;
use storage::aiida::outgoing::{self, Kind, NewOutgoing};
use storage::aiida::permission::{self as table};
use storage::kinds::AiidaCommand;

use crate::Service;

/// Why a permission was not terminated; the caller's transaction must not commit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TerminateError {
    /// Only an accepted permission has a home that can be told.
    #[error("the permission is not ACCEPTED (any more)")]
    NotAccepted,
    #[error("a permission could not be terminated")]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Process(#[from] IllegalStep),
}

/// Takes an `ACCEPTED` permission over `TERMINATED` to `REQUIRES_EXTERNAL_TERMINATION` and has the command published, in
/// the caller's transaction, which has touched no permission before (jobs before rows); audit lines may follow. `detail` goes
/// into the history.
pub(crate) async fn terminate(
    service: &Service,
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    cause: Cause,
    detail: Option<&str>,
) -> Result<(), TerminateError> {
    let terminated = Status::Accepted.step(Status::Terminated)?;
    let told = Status::Terminated.step(Status::RequiresExternalTermination)?;
    let message = OutgoingId::from(service.random.uuid());
    let job = NewJob::new(&AiidaCommand { message })?;
    service.announce(conn, vec![job]).await?;
    if !table::advance(conn, id, terminated, cause, detail).await? {
        return Err(TerminateError::NotAccepted);
    }
    let command = Command::Terminate;
    outgoing::insert(
        conn,
        &NewOutgoing {
            id: message,
            permission: id,
            kind: Kind::Command,
            name: command.name(),
            payload: &command.payload(id),
        },
    )
    .await?;
    if table::advance(conn, id, told, cause, None).await? {
        Ok(())
    } else {
        // Locked by the step before: cannot be.
        Err(TerminateError::NotAccepted)
    }
}
