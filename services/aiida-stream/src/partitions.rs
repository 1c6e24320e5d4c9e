//! The periodic job `stream.partitions`: partitions for the days to come, and the end of those whose time is over.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use job_queue::{Handler, Job, Outcome};
use storage::aiida::outgoing;
use storage::aiida::stream::{partitions, refusal};
use storage::kinds::StreamPartitions;
use storage::{DatabaseError, clock};

use crate::Service;

/// Days ahead: a job that does not run for a week is noticed before messages are.
const AHEAD: i64 = 7;

pub(crate) struct Partitions(pub(crate) Arc<Service>);

impl Handler<StreamPartitions> for Partitions {
    async fn run(&self, _: Job<StreamPartitions>) -> Outcome {
        match self.keep().await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Partitions {
    /// Repeatable: makes what is missing and drops what is over, whatever ran before.
    async fn keep(&self) -> Result<(), DatabaseError> {
        let Service {
            database, config, ..
        } = &*self.0;
        let mut conn = database.get().await?;
        let now = clock::now(&mut conn).await?;
        let today = day_of(now);
        let days: Vec<Date> = (-1..=AHEAD)
            .map(|days| today.saturating_add(days.days()))
            .collect();
        let made = partitions::make(&mut conn, &days).await?;
        let since = oldest(now, config.stream.retention());
        let dropped = partitions::drop_before(&mut conn, day_of(since)).await?;
        let pruned = refusal::prune(&mut conn, since).await?;
        // What was sent to homes is kept no longer than what they sent.
        let days = u32::from(config.stream.stream_retention_days);
        outgoing::forget_old(&mut conn, days).await?;
        if made > 0 || dropped > 0 {
            tracing::info!(made, dropped, pruned, "partitions of the stream");
        }
        Ok(())
    }
}

/// The day of an instant, UTC.
pub(crate) fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// The oldest time that is kept.
pub(crate) fn oldest(now: Timestamp, retention: std::time::Duration) -> Timestamp {
    let retention = SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX);
    now.saturating_sub(retention).unwrap_or(Timestamp::MIN)
}
