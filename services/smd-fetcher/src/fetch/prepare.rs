//! The first steps of a fetch: what the authorization covers, whose it is, and the list of windows.

use diesel_async::AsyncConnection;
use jiff::tz::TimeZone;
use job_queue::Job;
use smd_client::{Error, SubscriptionId, Tokens};
use storage::kinds::SmdFetch;
use storage::smd::authorization::{self, Authorization};
use storage::smd::plan;

use crate::Fetcher;
use crate::consent::{self, Standing};
use crate::error::StepError;
use crate::tokens::Stored;
use crate::windows::{self, Wanted};

impl Fetcher {
    /// Fixes the list of windows once; a run that was killed before starts these steps again.
    pub(super) async fn prepare(
        &self,
        job: &Job<SmdFetch>,
        known: &Authorization,
    ) -> Result<(), StepError> {
        let tokens = Stored {
            fetcher: self,
            authorization: known.id,
        };
        let subscription = subscription(known)?;
        let published_from = match consent::read(self, known).await? {
            (Standing::Ended, _) => return Err(StepError::Withdrawn),
            (Standing::Active, published_from) => published_from,
        };
        let (zone, zone_name) = self.zone(&tokens).await?;
        let name = self.customer_name(&subscription, &tokens).await?;
        let usage_points: Vec<String> = self
            .client
            .usage_points(&subscription, &tokens)
            .await?
            .into_iter()
            .map(|point| point.id.to_string())
            .collect();
        if usage_points.is_empty() {
            return Err(nothing_shared("the authorization covers no usage point"));
        }
        let history = &self.config.history;
        let wanted = Wanted {
            months: history.history_months,
            lag_days: history.history_lag_days,
            window_days: history.history_window_days,
        };
        let windows =
            windows::plan(self.clock.now(), &zone, wanted, published_from).map_err(|error| {
                StepError::Hopeless {
                    reason: format!("no windows: {error}"),
                    words: OUR_FAULT,
                }
            })?;
        if windows.is_empty() {
            return Err(nothing_shared("the authorization covers no complete day"));
        }
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            authorization::describe(conn, known.id, name.as_deref(), &zone_name).await?;
            plan::fix(conn, known.id, &usage_points, &windows).await?;
            job.lease.progressed(conn).await?;
            Ok::<_, StepError>(())
        })
        .await?;
        tracing::info!(authorization = %known.id, usage_points = usage_points.len(), windows = windows.len(), "planned");
        Ok(())
    }

    /// The custodian's rules of local time, or the configured zone where they are missing or nonsense.
    async fn zone(&self, tokens: &dyn Tokens) -> Result<(TimeZone, String), StepError> {
        match self.client.local_time_parameters(tokens).await {
            Ok(rules) => {
                if let (Some(zone), Some(name)) = (rules.time_zone(), rules.posix_tz()) {
                    return Ok((zone, name));
                }
                tracing::warn!(
                    "the custodian's rules of local time make no sense; the configured zone is used"
                );
            }
            Err(Error::NotFound { .. } | Error::Unauthorized { .. } | Error::Malformed { .. }) => {
                tracing::warn!(
                    "the custodian tells no rules of local time; the configured zone is used"
                );
            }
            Err(error) => return Err(error.into()),
        }
        let name = self.config.history.time_zone.clone();
        let zone = TimeZone::get(&name).map_err(|error| StepError::Hopeless {
            reason: format!("METERGATE_TIME_ZONE: {error}"),
            words: OUR_FAULT,
        })?;
        Ok((zone, name))
    }

    /// For the file name. A customer who did not share it has none.
    async fn customer_name(
        &self,
        subscription: &SubscriptionId,
        tokens: &dyn Tokens,
    ) -> Result<Option<String>, StepError> {
        match self.client.retail_customer(subscription, tokens).await {
            Ok(name) => Ok(name),
            Err(Error::NotFound { .. } | Error::Unauthorized { .. } | Error::Malformed { .. }) => {
                tracing::info!("the authorization does not cover the customer's name");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

const OUR_FAULT: &str =
    "Something is wrong on our side. The operator of this service has been told.";

fn nothing_shared(reason: &str) -> StepError {
    StepError::Hopeless {
        reason: reason.to_owned(),
        words: "PG&E says that you shared no service agreement with usage. Please start again and choose at least one.",
    }
}

/// The custodian's id; gone from an erased authorization only, which no fetch comes to.
pub(super) fn subscription(known: &Authorization) -> Result<SubscriptionId, StepError> {
    Ok(known
        .subscription_id
        .as_deref()
        .unwrap_or_default()
        .parse()?)
}
