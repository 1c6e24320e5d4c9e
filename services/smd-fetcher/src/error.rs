//! What each failure means for a job, in one place.
//!
//! A failure is one of four things: somebody asked us to wait (snooze, which costs no attempt), it may
//! pass (retry), nothing will mend it (give up, with words for the customer), or the job has lost its
//! reason (done). The operator's line comes from the error itself and carries nothing personal.

use std::time::Duration;

use job_queue::{LeaseLost, Outcome, QueueError};
use storage::DatabaseError;
use storage::smd::reading::MergeError;
use storage::smd::tokens::TokenError;

use crate::ingest::IngestError;

const NOT_REACHED: &str =
    "PG&E could not be reached for too long, and we have stopped trying. Please start again later.";

/// A step of a job that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Custodian(#[from] smd_client::Error),
    #[error("an id of the custodian's: {0}")]
    Id(#[from] smd_client::IdError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The history is not being fetched any more.
    #[error("the authorization was withdrawn, superseded or erased meanwhile")]
    NotWanted,
    /// The customer ended the authorization.
    #[error("the customer withdrew the authorization")]
    Withdrawn,
    /// Nothing will mend it.
    #[error("{reason}")]
    Hopeless {
        /// For the operator.
        reason: String,
        /// For the customer.
        words: &'static str,
    },
}

impl StepError {
    /// When to come back, if somebody asked us to wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            // As long as the budget stays closed for everybody.
            Self::Custodian(error @ smd_client::Error::Throttled { .. }) => {
                Some(smd_client::closed_after(error.retry_after()))
            }
            Self::Custodian(error) => error.retry_after(),
            _ => None,
        }
    }

    /// What to tell the customer when it was the end.
    pub(crate) fn last_words(&self) -> &'static str {
        match self {
            Self::Custodian(error) if error.is_transient() => NOT_REACHED,
            Self::Ingest(error) if error.is_transient() => NOT_REACHED,
            Self::Custodian(_) | Self::Ingest(_) | Self::Hopeless { .. } => self.words(),
            _ => {
                "Something went wrong on our side, and we have stopped trying. Please start again later."
            }
        }
    }

    /// What to tell the customer while it goes on.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Custodian(error) => error.customer_words(),
            Self::Hopeless { words, .. } => words,
            Self::Ingest(error) if error.is_transient() => {
                "PG&E's answer broke off. We try again by ourselves."
            }
            Self::Ingest(_) => {
                "PG&E's answer could not be read. The operator of this service has been told."
            }
            _ => "Something went wrong on our side. We try again by ourselves.",
        }
    }

    /// The customer's token is no longer good, or PG&E no longer lets us read: consent may have been withdrawn.
    /// Our own token says nothing about consent.
    pub(crate) fn smells_of_withdrawal(&self) -> bool {
        matches!(self, Self::Custodian(error) if error.is_customers_token_refused())
    }

    /// The outcome for jobs without words of their own.
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.wait(), self) {
            (Some(wait), _) => Outcome::Snooze(wait),
            (None, Self::Hopeless { reason, .. }) => Outcome::fail(reason),
            (None, error) => Outcome::retry(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use smd_client::{Error, RequestKind};

    use super::*;

    #[test]
    fn the_last_words_do_not_promise_to_go_on() {
        let kind = RequestKind::Batch;
        let throttled = Error::Throttled {
            kind,
            status: 429,
            retry_after: None,
        };
        for error in [
            Error::TimedOut { kind }.into(),
            throttled.into(),
            Error::InvalidCertificate { kind }.into(),
            StepError::Ingest(IngestError::NoReadingType),
            StepError::Query(diesel::result::Error::NotFound),
        ] {
            let words = error.last_words();
            assert!(!words.contains("by ourselves"), "{error}: {words}");
        }
    }
}
