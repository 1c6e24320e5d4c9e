//! The request budget that all replicas share: slots reserved in Postgres, by its clock.

use std::time::Duration;

use async_trait::async_trait;
use storage::Database;
use storage::smd::budget::{self, Limits, Slot, Standing};
use tokio::time::Instant;

use crate::{Budget, BudgetError, Wait};

/// How long everybody keeps away after a throttling answer that names no time.
const CLOSED_BY_DEFAULT: Duration = Duration::from_mins(1);

/// Bounds for what the custodian asks for in `Retry-After`: it may be 0, in the past, or next year.
const CLOSED_AT_LEAST: Duration = Duration::from_secs(5);
/// See [`CLOSED_AT_LEAST`].
const CLOSED_AT_MOST: Duration = Duration::from_hours(1);

/// How long nobody asks after a throttling answer.
#[must_use]
pub fn closed_after(retry_after: Option<Duration>) -> Duration {
    retry_after
        .unwrap_or(CLOSED_BY_DEFAULT)
        .clamp(CLOSED_AT_LEAST, CLOSED_AT_MOST)
}

/// The custodian's limits.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Request budget")]
pub struct BudgetConfig {
    /// Milliseconds between two requests. PG&E allows one per second; a little more leaves room for
    /// the network's jitter.
    #[arg(
        long = "smd-request-spacing",
        env = "METERGATE_SMD_REQUEST_SPACING_MS",
        default_value_t = 1100
    )]
    pub request_spacing_ms: u64,

    /// Most requests in any hour. PG&E: 2,000 per client id.
    #[arg(long = "smd-requests-per-hour", env = "METERGATE_SMD_REQUESTS_PER_HOUR", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_hour: u32,

    /// Most requests in any 24 hours. PG&E: 20,000 per client id and day.
    #[arg(long = "smd-requests-per-day", env = "METERGATE_SMD_REQUESTS_PER_DAY", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_day: u32,
}

/// A [`Budget`] held in Postgres: one for all services and replicas that share the database. Its clock
/// is the database's, so that the replicas' own need not agree.
#[derive(Debug, Clone)]
pub struct PostgresBudget {
    database: Database,
    limits: Limits,
}

impl PostgresBudget {
    /// Over this database; every replica must have the same limits.
    #[must_use]
    pub fn new(database: Database, config: &BudgetConfig) -> Self {
        metrics::describe_counter!(
            "smd_throttled_total",
            "Answers of the custodian that we ask too often"
        );
        // An increase from nothing would not be seen as one.
        metrics::counter!("smd_throttled_total").increment(0);
        let limits = Limits {
            spacing: Duration::from_millis(config.request_spacing_ms),
            per_hour: config.requests_per_hour,
            per_day: config.requests_per_day,
        };
        Self { database, limits }
    }

    async fn reserve(&self, wait: Duration) -> Result<Slot, BudgetError> {
        let mut conn = self.database.get().await.map_err(unavailable)?;
        budget::reserve(&mut conn, self.limits, wait)
            .await
            .map_err(unavailable)
    }

    /// How much of it is used.
    pub(crate) async fn standing(&self) -> Result<(Limits, Standing), BudgetError> {
        let mut conn = self.database.get().await.map_err(unavailable)?;
        let standing = budget::standing(&mut conn, self.limits)
            .await
            .map_err(unavailable)?;
        Ok((self.limits, standing))
    }

    async fn closed_for(&self) -> Result<Duration, BudgetError> {
        let mut conn = self.database.get().await.map_err(unavailable)?;
        budget::closed_for(&mut conn).await.map_err(unavailable)
    }
}

#[async_trait]
impl Budget for PostgresBudget {
    async fn admit(&self, wait: Wait) -> Result<(), BudgetError> {
        let started = Instant::now();
        loop {
            let left = wait.longest().saturating_sub(started.elapsed());
            match self.reserve(left).await? {
                Slot::NotBefore(time) => return Err(BudgetError::Later(time)),
                Slot::In(time) => tokio::time::sleep(time).await,
            }
            // Somebody may have been throttled while we waited: then this slot is void, and the next
            // one lies behind the closure.
            if self.closed_for().await?.is_zero() {
                return Ok(());
            }
        }
    }

    async fn throttled(&self, retry_after: Option<Duration>) {
        let time = closed_after(retry_after);
        metrics::counter!("smd_throttled_total").increment(1);
        let closed = async {
            let mut conn = self.database.get().await?;
            budget::close(&mut conn, time).await?;
            Ok::<_, storage::DatabaseError>(())
        };
        match closed.await {
            Ok(()) => tracing::warn!(
                seconds = time.as_secs(),
                "the custodian throttles us: nobody asks for now"
            ),
            Err(error) => {
                tracing::error!(%error, "the custodian throttles us and the others cannot be told");
            }
        }
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> BudgetError {
    BudgetError::Unavailable(Box::new(error))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

    use super::*;
    use crate::refusal::retry_after;

    /// How long we keep away when this comes at 2026-03-02T12:00:00Z.
    fn closed_by(header: Option<&'static str>) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Mon, 02 Mar 2026 12:00:00 GMT".parse().unwrap());
        headers.extend(header.map(|value| (RETRY_AFTER, value.parse().unwrap())));
        closed_after(retry_after(&headers, Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn what_the_custodian_asks_for_is_kept_within_reason() {
        for (header, seconds) in [
            (None, 60),
            (Some("soon"), 60),
            (Some("-1"), 60),
            (Some("0"), 5),
            (Some("5"), 5),
            (Some("90"), 90),
            (Some("3600"), 3_600),
            (Some("31536000"), 3_600),
            (Some("18446744073709551615"), 3_600),
            (Some("Mon, 02 Mar 2026 11:59:00 GMT"), 5),
            (Some("Thu, 01 Jan 1970 00:00:00 GMT"), 5),
            (Some("Mon, 02 Mar 2026 12:02:00 GMT"), 120),
            (Some("Tue, 02 Mar 2027 12:00:00 GMT"), 3_600),
        ] {
            assert_eq!(
                closed_by(header),
                Duration::from_secs(seconds),
                "Retry-After: {header:?}"
            );
        }
    }
}
