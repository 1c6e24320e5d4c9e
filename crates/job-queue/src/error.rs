//! What can go wrong with the job table itself. What goes wrong in a handler is its
//! [`Outcome`](crate::Outcome).

use std::time::Duration;

use diesel_async::pooled_connection::deadpool::PoolError;

/// The job table could not be asked or did not take what it was given.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No connection came out of the pool.
    #[error("no database connection: {0}")]
    Pool(#[from] PoolError),
    /// The database refused or failed.
    #[error("the job table: {0}")]
    Database(#[from] diesel::result::Error),
    /// The database is silent.
    #[error("the job table did not answer within {0:?}")]
    NoAnswer(Duration),
    /// A payload that JSON cannot express.
    #[error("payload of a {kind} job: {source}")]
    Payload {
        /// The kind of job.
        kind: &'static str,
        /// What JSON objected to.
        source: serde_json::Error,
    },
    /// The database answered with fewer ids than jobs were enqueued.
    #[error("the job table answered without the id of a new {0} job")]
    NoId(&'static str),
}

/// Why [`wait_for`](crate::wait_for) has no result.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The job is still waiting or running.
    #[error("job {id} has not ended within {limit:?}; it goes on")]
    TimedOut {
        /// The job waited for.
        id: i64,
        /// How long was waited.
        limit: Duration,
    },
    /// The row was pruned or removed, or never existed.
    #[error("job {0} is not in the job table")]
    Vanished(i64),
    /// The job ended without success.
    #[error("job {id} was {state}")]
    Failed {
        /// The job waited for.
        id: i64,
        /// `discarded` or `cancelled`.
        state: String,
    },
}
