//! What all requests share: the model and the registered third parties, which never change, and
//! behind one lock what does change. The lock is held for moments, never while waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use service_kit::clock::SharedClock;
use service_kit::random::SharedRandom;
use uuid::Uuid;

use crate::clients::Clients;
use crate::config::Config;
use crate::faults::Faults;
use crate::grants::{Authorization, Grants, Lifetimes};
use crate::ledger::Ledger;
use crate::model::{DayRange, Model, ModelError};
use crate::notify::{NotificationRecord, Notifier};
use crate::pages::Sessions;

/// Where the resources are, below the base.
pub(crate) const RESOURCES: &str = "/GreenButtonConnect/espi/1_1/resource";

/// A batch that was answered with 202, to be fetched under a correlation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deferred {
    /// The path below the resources that it was announced under.
    pub(crate) path: String,
    pub(crate) subscription: u64,
    /// The usage points in it.
    pub(crate) usage_points: Vec<String>,
    pub(crate) days: DayRange,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) grants: Grants,
    pub(crate) ledger: Ledger,
    pub(crate) deferred: HashMap<Uuid, Deferred>,
    pub(crate) sessions: Sessions,
    pub(crate) notifications: Vec<NotificationRecord>,
    pub(crate) faults: Faults,
}

/// The sandbox as all requests see it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) model: Arc<Model>,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) notifier: Notifier,
    /// The API without a trailing slash, as links name it.
    pub(crate) api_base: String,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(
        config: Config,
        clients: Clients,
        clock: SharedClock,
        random: SharedRandom,
        notifier: Notifier,
        api_base: String,
    ) -> Result<Self, ModelError> {
        let behaviour = &config.behaviour;
        let model = Model::beginning_at(behaviour.seed, clock.now())?
            .with_crowd(behaviour.crowd, behaviour.crowd_later)?;
        let seconds = |seconds| SignedDuration::from_secs(i64::from(seconds));
        let lifetimes = Lifetimes {
            code: seconds(config.behaviour.code_seconds),
            access: seconds(config.behaviour.access_seconds),
            refresh: seconds(config.behaviour.refresh_seconds),
        };
        let state = State {
            grants: Grants::new(lifetimes, 4_095_251 + config.behaviour.seed % 1_000 * 1_000),
            ledger: Ledger::new(config.limits.clone(), model.calendar().clone()),
            deferred: HashMap::new(),
            sessions: Sessions::default(),
            notifications: Vec::new(),
            faults: Faults::default(),
        };
        let (model, state) = (Arc::new(model), Mutex::new(state));
        Ok(Self {
            config,
            clients,
            model,
            clock,
            random,
            notifier,
            api_base,
            state,
        })
    }

    /// What changes, to be let go of before anything is awaited.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The URL of a path below the resources.
    pub(crate) fn resource(&self, path: &str) -> String {
        format!("{}{RESOURCES}/{path}", self.api_base)
    }

    /// The last local day that has data by now.
    pub(crate) fn last_day(&self) -> Result<Date, ModelError> {
        let today = self.model.calendar().day_of(self.now());
        today
            .checked_sub(i64::from(self.config.behaviour.lag_days).days())
            .map_err(ModelError::Day)
    }

    /// The days that an authorization gives access to by now.
    pub(crate) fn published_days(
        &self,
        authorization: &Authorization,
    ) -> Result<DayRange, ModelError> {
        let choice = &authorization.choice;
        let since = self
            .model
            .customer(&choice.customer)
            .map(|customer| customer.since);
        let first = since.map_or(choice.history_from, |since| since.max(choice.history_from));
        Ok(DayRange::new(first, self.last_day()?))
    }
}
