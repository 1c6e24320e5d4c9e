//! What has to be counted: counted in the background every few seconds, so that no page waits for it however much is
//! stored. With two counts of what has come in, the rate of the stream.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use service_kit::clock::SharedClock;
use service_kit::shutdown::Shutdown;
use storage::console::overview::{self, Counted};
use storage::{Database, DatabaseError};

/// Between two counts.
const EVERY: Duration = Duration::from_secs(3);
/// Seconds that a rate looks back on, at most.
const LOOK_BACK: i64 = 30;

/// What was counted last.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// When.
    pub(crate) at: Timestamp,
    pub(crate) counted: Counted,
    /// Records of homes a second, in tenths; `None` until there are two counts.
    pub(crate) rate_tenths: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct Gauge {
    clock: SharedClock,
    last: RwLock<Option<Arc<Reading>>>,
}

impl Gauge {
    pub(crate) const fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            last: RwLock::new(None),
        }
    }

    /// What was counted last.
    pub(crate) fn last(&self) -> Option<Arc<Reading>> {
        self.last
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The last count, or one made now when there is none yet.
    pub(crate) async fn reading(&self, database: &Database) -> Result<Arc<Reading>, DatabaseError> {
        if let Some(last) = self.last() {
            return Ok(last);
        }
        let counted = overview::count(&mut *database.get().await?).await?;
        Ok(Arc::new(Reading {
            at: self.clock.now(),
            counted,
            rate_tenths: None,
        }))
    }

    /// Counts until the shutdown.
    pub(crate) async fn run(&self, database: &Database, shutdown: &Shutdown) {
        let mut seen: Vec<(Timestamp, i64)> = Vec::new();
        loop {
            let counted = async { Ok(overview::count(&mut *database.get().await?).await?) };
            match counted.await {
                Ok(counted) => self.take(counted, &mut seen),
                Err(error) => {
                    let error: DatabaseError = error;
                    tracing::warn!(%error, "nothing was counted for the overview");
                }
            }
            tokio::select! {
                () = shutdown.soft().cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn take(&self, counted: Counted, seen: &mut Vec<(Timestamp, i64)>) {
        let at = self.clock.now();
        seen.retain(|(then, records)| {
            // Fewer than before: days were dropped, or the database has begun its statistics anew.
            at.duration_since(*then).as_secs() <= LOOK_BACK && *records <= counted.records
        });
        let rate_tenths = seen
            .first()
            .and_then(|(then, records)| tenths(at, *then, counted.records - records));
        seen.push((at, counted.records));
        let reading = Reading {
            at,
            counted,
            rate_tenths,
        };
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(reading));
    }
}

fn tenths(now: Timestamp, then: Timestamp, records: i64) -> Option<i64> {
    let milliseconds = i64::try_from(now.duration_since(then).as_millis()).ok()?;
    records.checked_mul(10_000)?.checked_div(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_what_came_between() {
        let then: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let now: Timestamp = "2026-11-22T09:00:10Z".parse().unwrap();
        assert_eq!(tenths(now, then, 25), Some(25));
        assert_eq!(tenths(now, then, 0), Some(0));
        assert_eq!(tenths(then, then, 5), None);
    }
}
