//! The span of a batch: from the arrival of its oldest message to the last commit. Counts and times, no ids.
//!
//! Not every batch has one: at thousands of messages a second they are all alike. Traced are one batch a second, so
//! that a slow one is always among them, and every batch with a status message, whose trace goes on in its job.

use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

use super::arrival::Arrival;

/// At most one batch without a status message in this time.
const EVERY: Duration = Duration::from_secs(1);

/// What the topics of status messages end with.
const STATUS: &str = "/status";

/// Decides which batches are traced.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    last: Option<Instant>,
}

impl Sampler {
    /// The span of this batch, disabled when it is not traced.
    pub(crate) fn span(&mut self, batch: &[Arrival], now: Instant) -> Span {
        let has_status = batch.iter().any(|one| one.topic.ends_with(STATUS));
        if !self.takes(has_status, now) {
            return Span::none();
        }
        let waited = batch
            .first()
            .map(|oldest| now.duration_since(oldest.arrived));
        tracing::info_span!(
            "batch",
            otel.name = "batch from homes",
            otel.kind = "consumer",
            messaging.system = "mqtt",
            messaging.batch.message_count = batch.len(),
            waited_ms = millis(waited.unwrap_or_default()),
            lag_ms = Empty,
        )
    }

    fn takes(&mut self, has_status: bool, now: Instant) -> bool {
        let due = self
            .last
            .is_none_or(|last| now.duration_since(last) >= EVERY);
        if due {
            self.last = Some(now);
        }
        due || has_status
    }
}

/// The step that holds a batch's messages against their permissions.
pub(crate) fn admission(batch: &Span) -> Span {
    step(batch, || tracing::info_span!(parent: batch, "admission"))
}

/// The step that stores a batch, or a piece of it, in one transaction.
pub(crate) fn transaction(batch: &Span, messages: usize) -> Span {
    step(
        batch,
        || tracing::info_span!(parent: batch, "transaction", messages, stored = Empty),
    )
}

/// A step of a batch that is not traced is not, either: without a parent it would be a trace of its own.
fn step(batch: &Span, make: impl FnOnce() -> Span) -> Span {
    if batch.is_disabled() {
        Span::none()
    } else {
        make()
    }
}

/// How long the oldest message of the batch, or of its last piece, took from its arrival to its commit.
pub(crate) fn committed(batch: &Span, lag: Duration) {
    batch.record("lag_ms", millis(lag));
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_batch_a_second_and_every_status() {
        let mut sampler = Sampler::default();
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        assert!(sampler.takes(false, at(0)));
        assert!(!sampler.takes(false, at(400)));
        assert!(sampler.takes(true, at(500)));
        assert!(!sampler.takes(false, at(999)));
        assert!(sampler.takes(false, at(1_000)));
        assert!(!sampler.takes(false, at(1_999)));
    }
}
