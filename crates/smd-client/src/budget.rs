//! The custodian's request budget, as this crate sees it: something to ask before every request.
//!
//! PG&E allows a vendor 1 request/s over all its client ids, and a client id 2,000/h and
//! 20,000/24 h. The limit must hold across all replicas, so the real budget lives in the database;
//! here is only its shape, and [`Unlimited`] for tests and for commands that send one request.

use std::time::Duration;

use async_trait::async_trait;

/// How long a caller is ready to wait for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(Duration);

impl Wait {
    /// Not at all: a turn that is not free now is [`BudgetError::Later`].
    pub const NONE: Self = Self(Duration::ZERO);

    /// At most this long; a turn further away is [`BudgetError::Later`], so that a job can snooze
    /// instead of holding its worker.
    #[must_use]
    pub const fn at_most(longest: Duration) -> Self {
        Self(longest)
    }

    /// The longest wait allowed.
    #[must_use]
    pub const fn longest(self) -> Duration {
        self.0
    }
}

/// Why no request may be sent now.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// The next turn is this far away, longer than the caller would wait. No turn was taken.
    #[error("the request budget has no turn within the wait allowed: try again in {0:?}")]
    Later(Duration),
    /// The budget itself could not be asked (its database is away, say).
    #[error("the request budget could not be asked: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Gives out turns for requests to the custodian.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Takes one turn and returns when it has come. Tokens and deletions need one as well.
    async fn admit(&self, wait: Wait) -> Result<(), BudgetError>;

    /// The custodian throttled us (429 or 503). `retry_after` is what it asked for, if anything;
    /// the budget moves everybody's next turn.
    async fn throttled(&self, retry_after: Option<Duration>);
}

/// A budget that admits everything at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

#[async_trait]
impl Budget for Unlimited {
    async fn admit(&self, _wait: Wait) -> Result<(), BudgetError> {
        Ok(())
    }

    async fn throttled(&self, _retry_after: Option<Duration>) {}
}
