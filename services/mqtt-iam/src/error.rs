//! What can fail in a step, and what that means for its job: all of it may pass, so the job comes again after its
//! back-off. Grants and revocations are never given up.

use job_queue::{LeaseLost, Outcome, QueueError};
use storage::DatabaseError;
use storage::iam::IamError;

use crate::broker::BrokerError;

/// A step of a job that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Iam(#[from] IamError),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Somebody is connected again and again, or the broker does not do what it says.
    #[error(
        "the broker still lists {left} {what} of the permission after {rounds} rounds: look at the broker's log"
    )]
    StillThere {
        what: &'static str,
        left: usize,
        rounds: u32,
    },
}

impl StepError {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::retry(self)
    }
}
