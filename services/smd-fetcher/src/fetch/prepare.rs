//! The first steps of a fetch: what the authorization covers, whose it is, and the list of windows.

use diesel_async::AsyncConnection;
use jiff::Timestamp;
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

/// An answer of the custodian's, which may be that there is nothing.
struct Told<T>(Option<T>);

/// What is known of an authorization that is being prepared. Holds the customer's name: no `Debug`.
#[derive(Default)]
pub(crate) struct Findings {
    /// From when on the custodian has data, if it says so.
    published_from: Option<Told<Timestamp>>,
    zone: Option<(TimeZone, String)>,
    /// The customer's name, if it was shared.
    name: Option<Told<String>>,
    usage_points: Option<Vec<String>>,
}

/// Customers that are being prepared and wait for their turn; more than that start again.
const MOST_REMEMBERED: usize = 1_000;

impl Fetcher {
    /// Fixes the list of windows once. A run that must wait for its turn of the request budget keeps
    /// what it has found for the next one, or else those that wait would use the budget up with
    /// questions they have asked before; a run that was killed starts these steps again.
    pub(super) async fn prepare(
        &self,
        job: &Job<SmdFetch>,
        known: &Authorization,
    ) -> Result<(), StepError> {
        let mut findings = self
            .findings
            .lock()
            .await
            .remove(&known.id)
            .unwrap_or_default();
        match self.ask(known, &mut findings).await {
            Ok(()) => self.fix(job, known, findings).await,
            Err(error) => {
                if error.wait().is_some() {
                    self.remember(known, findings).await;
                }
                Err(error)
            }
        }
    }

    /// Asks for what is not known yet, one request after the other.
    async fn ask(&self, known: &Authorization, found: &mut Findings) -> Result<(), StepError> {
        let tokens = Stored {
            fetcher: self,
            authorization: known.id,
        };
        let subscription = subscription(known)?;
        if found.published_from.is_none() {
            match consent::read(self, known).await? {
                (Standing::Ended, _) => return Err(StepError::Withdrawn),
                (Standing::Active, from) => found.published_from = Some(Told(from)),
            }
        }
        if found.zone.is_none() {
            found.zone = Some(self.zone(&tokens).await?);
        }
        if found.name.is_none() {
            found.name = Some(Told(self.customer_name(&subscription, &tokens).await?));
        }
        if found.usage_points.is_none() {
            let points = self.client.usage_points(&subscription, &tokens).await?;
            found.usage_points = Some(points.iter().map(|point| point.id.to_string()).collect());
        }
        Ok(())
    }

    async fn remember(&self, known: &Authorization, findings: Findings) {
        let mut all = self.findings.lock().await;
        if all.len() >= MOST_REMEMBERED {
            all.clear();
        }
        all.insert(known.id, findings);
    }

    async fn fix(
        &self,
        job: &Job<SmdFetch>,
        known: &Authorization,
        found: Findings,
    ) -> Result<(), StepError> {
        let usage_points = found.usage_points.unwrap_or_default();
        if usage_points.is_empty() {
            return Err(nothing_shared("the authorization covers no usage point"));
        }
        let (zone, zone_name) = found.zone.map_or_else(|| self.configured_zone(), Ok)?;
        let published_from = found.published_from.and_then(|told| told.0);
        let windows = self.windows(known.read_at, &zone, published_from)?;
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.progressed(conn).await?;
            let name = found.name.and_then(|told| told.0);
            authorization::describe(conn, known.id, name.as_deref(), &zone_name).await?;
            plan::fix(conn, known.id, &usage_points, &windows).await?;
            Ok::<_, StepError>(())
        })
        .await?;
        tracing::info!(authorization = %known.id, usage_points = usage_points.len(), windows = windows.len(), "planned");
        Ok(())
    }

    /// By the database's clock: the list is fixed once, whichever replica comes to it.
    fn windows(
        &self,
        now: Timestamp,
        zone: &TimeZone,
        published_from: Option<Timestamp>,
    ) -> Result<Vec<(Timestamp, Timestamp)>, StepError> {
        let history = &self.config.gateway.history;
        let wanted = Wanted {
            months: history.history_months,
            lag_days: history.history_lag_days,
            window_days: history.history_window_days,
        };
        let windows = windows::plan(now, zone, wanted, published_from).map_err(|error| {
            StepError::Hopeless {
                reason: format!("no windows: {error}"),
                words: OUR_FAULT,
            }
        })?;
        if windows.is_empty() {
            return Err(nothing_shared("the authorization covers no complete day"));
        }
        Ok(windows)
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
        self.configured_zone()
    }

    fn configured_zone(&self) -> Result<(TimeZone, String), StepError> {
        let history = &self.config.gateway.history;
        let zone = history.zone().map_err(|error| StepError::Hopeless {
            reason: error.to_string(),
            words: OUR_FAULT,
        })?;
        Ok((zone, history.time_zone.clone()))
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
