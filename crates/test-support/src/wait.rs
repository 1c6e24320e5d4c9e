//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(10);

/// Looks at `condition` until it gives a value, and returns that.
///
/// # Panics
/// When `deadline` has passed; the message says what was waited for.
pub async fn until<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            started.elapsed() < deadline,
            "waited {deadline:?} in vain: {what}"
        );
        tokio::time::sleep(STEP).await;
    }
}

/// The same for code that is not asynchronous; false when `deadline` has passed.
#[must_use]
pub fn blocking(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() >= deadline {
            return false;
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_is_returned_when_it_comes() {
        let mut left = 3;
        let value = until(Duration::from_secs(10), "the countdown", async || {
            left -= 1;
            (left == 0).then_some("here")
        })
        .await;
        assert_eq!(value, "here");
    }

    #[tokio::test]
    #[should_panic(expected = "in vain: a cat to bark")]
    async fn the_deadline_fails_with_the_message() {
        until(Duration::ZERO, "a cat to bark", async || None::<()>).await;
    }

    #[test]
    fn blocking_tells_whether_it_came() {
        assert!(blocking(Duration::ZERO, || true));
        assert!(!blocking(Duration::ZERO, || false));
    }
}
