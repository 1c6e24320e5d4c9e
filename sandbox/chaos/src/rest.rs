//! Coming to rest: nothing is under way any more, and what is done from time to time was done once more.

use std::time::{Duration, Instant};

use demo::{BoxError, Claims, Stack};
use serde_json::Value;

/// How long that may take.
const LIMIT: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(500);

/// What is periodic is due now; what killed workers left half read is as old as it must be to be swept.
const ONCE_MORE: &str = "UPDATE smd.staged_reading SET staged_at = staged_at - interval '3 hours';
    UPDATE jobs.schedule SET due_at = clock_timestamp()";
/// Back-offs are over, as if time had passed.
const NO_BACKOFF: &str = "UPDATE jobs.job SET run_at = clock_timestamp()
    WHERE state = 'available' AND run_at > clock_timestamp()";
/// What is still to be done.
const UNDER_WAY: &str =
    "SELECT kind, state, attempt, errors FROM jobs.job WHERE state IN ('available', 'running')
    UNION ALL SELECT kind, 'due', 0, '{}' FROM jobs.schedule WHERE due_at <= clock_timestamp()";

/// Waits until nothing is under way.
pub(crate) async fn come(stack: &mut Stack) -> Claims {
    let mut claims = Claims::default();
    let seen = |(): &()| String::new();
    claims.take("everything comes to rest", seen, wait(stack).await);
    let fallen = stack
        .fallen()
        .unwrap_or_else(|error| vec![error.to_string()]);
    claims.note(
        "no service has ended by itself",
        fallen.is_empty(),
        fallen.join("; "),
    );
    claims
}

async fn wait(stack: &Stack) -> Result<(), BoxError> {
    stack.sql(ONCE_MORE).await?;
    let started = Instant::now();
    loop {
        let left = stack.rows(UNDER_WAY).await?;
        if left.is_empty() {
            return Ok(());
        }
        if started.elapsed() > LIMIT {
            return Err(format!("after {LIMIT:?} there is left: {}", Value::from(left)).into());
        }
        stack.sql(NO_BACKOFF).await?;
        tokio::time::sleep(LOOK).await;
    }
}
