//! How fast a home may publish: a bucket of tokens that fills with time. Who finds it empty waits,
//! so that the client is slowed down by its own connection and nothing is lost.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Seconds' worth of messages that may come at once, so that a home can send what it kept while it
/// was offline.
const BURST_SECONDS: f64 = 10.0;

pub(crate) struct Throttle {
    /// Messages per second; 0 is no limit.
    rate: f64,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Throttle {
    pub(crate) fn new(rate: u32) -> Self {
        let rate = f64::from(rate);
        Self {
            rate,
            bucket: Mutex::new(Bucket {
                tokens: rate * BURST_SECONDS,
                at: Instant::now(),
            }),
        }
    }

    /// Takes one message's token; waits for it when there is none.
    pub(crate) async fn pass(&self) {
        if self.rate > 0.0 {
            tokio::time::sleep(self.take(Instant::now())).await;
        }
    }

    /// How long to wait for the token that is taken now.
    fn take(&self, now: Instant) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.rate).min(self.rate * BURST_SECONDS) - 1.0;
        bucket.at = now;
        Duration::from_secs_f64((-bucket.tokens / self.rate).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_passes_and_then_the_rate_is_kept() {
        let throttle = Throttle::new(2);
        let now = Instant::now();
        for _ in 0..20 {
            assert_eq!(throttle.take(now), Duration::ZERO);
        }
        assert_eq!(throttle.take(now), Duration::from_millis(500));
        assert_eq!(throttle.take(now), Duration::from_secs(1));
        let later = now + Duration::from_secs(5);
        assert_eq!(throttle.take(later), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let (throttle, begun) = (Throttle::new(0), Instant::now());
        for _ in 0..1_000 {
            throttle.pass().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
