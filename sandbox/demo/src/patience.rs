//! Trying again as people and programs do while a service is away: pages are loaded again, what was only asked
//! for is asked for again. What must happen once (a home's yes) does not come through here.

use std::time::{Duration, Instant};

use test_support::browser::VisitorError;

use crate::BoxError;

/// How long to wait before the next try.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a try failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nobody is there just now, or they have too much to do.
    Away(BoxError),
    /// Another try would end as this one.
    Final(BoxError),
}

impl From<VisitorError> for Trouble {
    fn from(error: VisitorError) -> Self {
        if matches!(error, VisitorError::NoAnswer { .. }) {
            Self::Away(error.into())
        } else {
            Self::Final(error.into())
        }
    }
}

impl Trouble {
    /// An answer with a status that was not wanted.
    pub(crate) fn status(status: u16, said: impl Into<BoxError>) -> Self {
        if is_away(status) {
            Self::Away(said.into())
        } else {
            Self::Final(said.into())
        }
    }
}

impl From<Trouble> for BoxError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Away(error) | Trouble::Final(error) => error,
        }
    }
}

/// Whether the edge says that a service is away, or that it is asked too often.
pub(crate) const fn is_away(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// Tries until it succeeds, cannot succeed, or `patience` has run out; once, at least.
pub(crate) async fn patiently<T>(
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, Trouble>,
) -> Result<T, BoxError> {
    let started = Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(Trouble::Away(_)) if started.elapsed() < patience => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tries(patience: Duration, failures: &[u16]) -> (usize, bool) {
        let mut made = 0;
        let outcome = patiently(patience, async || {
            made += 1;
            failures
                .get(made - 1)
                .map_or(Ok(()), |status| Err(Trouble::status(*status, "no")))
        })
        .await;
        (made, outcome.is_ok())
    }

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again() {
        let patience = Duration::from_mins(1);
        let (passed, refused, impatient) = tokio::join!(
            tries(patience, &[502]),
            tries(patience, &[429, 404, 503]),
            tries(Duration::ZERO, &[502]),
        );
        assert_eq!(passed, (2, true));
        assert_eq!(refused, (2, false));
        assert_eq!(impatient, (1, false));
    }
}
