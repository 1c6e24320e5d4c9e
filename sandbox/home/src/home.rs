//! The home itself: scans codes, answers for the household, and keeps what became of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::code::{self, Invitation};
use crate::facade::{Details, Facade};
use crate::meter::Meter;
use crate::need::Direction;
use crate::record::{Origin, utc_day};
use crate::report::{PermissionReport, Report};
use crate::status::HomeStatus;
use crate::stream::ReportCell;
use crate::stream::{
    ConnectFailure, Link, Mode, Order, Pace, Reconnection, Settings, Shared, Streamer, receive,
    try_once,
};
use crate::{Credentials, Decision, FacadeError, HomeError, Options};

/// Orders come one at a time.
const ORDERS: usize = 4;

/// A gateway with a made-up meter. Dropping it disconnects; [`stop`](Self::stop) waits for that.
pub struct Home {
    options: Options,
    aiida: Uuid,
    user: Uuid,
    source: Uuid,
    meter: Arc<Mutex<Meter>>,
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    permission: Uuid,
    report: ReportCell,
    running: Option<Running>,
}

/// What there is once the broker's credentials are known.
struct Running {
    credentials: Credentials,
    orders: mpsc::Sender<Order>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Home")
            .field("generation", &self.options.generation)
            .field("aiida", &self.aiida)
            .finish_non_exhaustive()
    }
}

impl Home {
    /// A home that has scanned nothing yet. Nothing is sent anywhere.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let (aiida, user, source) = (
            options.random.uuid(),
            options.random.uuid(),
            options.random.uuid(),
        );
        Self {
            aiida,
            user,
            source,
            meter: Arc::new(Mutex::new(Meter::new(options.seed))),
            entries: Mutex::new(Vec::new()),
            options,
        }
    }

    /// Scans a code and answers for every permission in it: details, decision, and after a yes
    /// the connection, on which data then flows in the background. The ids of the code; an error
    /// is the first one of any permission, after all were tried, and stands in the report as well.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn scan(&self, code: &str) -> Result<Vec<Uuid>, HomeError> {
        let options = &self.options;
        let invitations = code::read(options.generation, code)?;
        let mut failed = None;
        for invitation in &invitations {
            let report = self.remember(invitation.permission)?;
            if let Err(error) = self.take_up(invitation, &report).await {
                let words = service_kit::config::chain(&error);
                report.update(|report| report.failure = Some(words));
                failed.get_or_insert(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(invitations.iter().map(|one| one.permission).collect()),
        }
    }

    /// What the home knows now.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            generation: self.options.generation,
            permissions: self
                .entries()
                .iter()
                .map(|entry| entry.report.read())
                .collect(),
        }
    }

    /// What the home connects with, for tests that play a thief; none before a yes was answered.
    #[must_use]
    pub fn credentials(&self, permission: Uuid) -> Option<Credentials> {
        let entries = self.entries();
        let entry = entries.iter().find(|one| one.permission == permission)?;
        let running = entry.running.as_ref()?;
        Some(running.credentials.clone())
    }

    /// The household withdraws: a kept REVOKED message, then the end of all connections.
    pub async fn revoke(&self, permission: Uuid) -> Result<(), HomeError> {
        self.end(permission, HomeStatus::Revoked).await
    }

    /// The time frame is over, before the calendar says so.
    pub async fn fulfil(&self, permission: Uuid) -> Result<(), HomeError> {
        self.end(permission, HomeStatus::Fulfilled).await
    }

    /// Cuts every connection. Records are still made, and wait.
    pub async fn go_offline(&self) {
        self.tell_all(Order::Offline).await;
    }

    /// Connects again, and sends what has waited.
    pub async fn go_online(&self) {
        self.tell_all(Order::Online).await;
    }

    /// Sends the last acknowledged record once more, as a home does that missed the broker's
    /// acknowledgement. False when there is none.
    pub async fn send_again(&self, permission: Uuid) -> Result<bool, HomeError> {
        let orders = self.orders(permission)?;
        let (done, answer) = oneshot::channel();
        let _: Result<(), _> = orders.send(Order::Repeat(done)).await;
        answer.await.map_err(|_| self.over(permission))
    }

    /// Tries to connect with the credentials it once got, and leaves at once; a home that is
    /// connected answers that it is.
    pub async fn reconnect(&self, permission: Uuid) -> Result<Reconnection, HomeError> {
        let report = self.find(permission, |entry| entry.report.clone())?;
        if report.read().connected {
            return Ok(Reconnection::Connected);
        }
        let credentials = self
            .credentials(permission)
            .ok_or(HomeError::Unknown(permission))?;
        let settings = self.settings(&credentials, credentials.username.clone());
        Ok(match try_once(&settings).await {
            Ok(()) => Reconnection::Connected,
            Err(ConnectFailure::Refused(code)) => {
                report.update(|report| report.refused_by_broker = Some(code));
                Reconnection::Refused(code)
            }
            Err(failure) => Reconnection::Unreachable(failure.to_string()),
        })
    }

    /// Disconnects everything and waits until it is done. No status is told: the home is switched
    /// off, no permission ends.
    pub async fn stop(&self) {
        let mut tasks = Vec::new();
        let mut running = Vec::new();
        for entry in self.entries().iter_mut() {
            if let Some(one) = &mut entry.running {
                running.push(one.orders.clone());
                tasks.append(&mut one.tasks);
            }
        }
        for orders in running {
            // A closed channel is a task that has ended.
            let _: Result<(), _> = orders.send(Order::Stop).await;
        }
        for task in tasks {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task of the home failed");
            }
        }
    }

    async fn take_up(&self, invitation: &Invitation, report: &ReportCell) -> Result<(), HomeError> {
        let permission = invitation.permission;
        let failed = |source: FacadeError| HomeError::Facade { permission, source };
        let options = &self.options;
        let facade = Facade::new(options.generation, self.aiida, options.authority.as_deref());
        let facade = facade.map_err(failed)?;
        let details = match facade.details(invitation).await {
            Ok(details) => details,
            Err(error) => {
                report.update(|report| report.status = HomeStatus::DetailsFailed);
                return Err(failed(error));
            }
        };
        let schedule = details.need.schedule.as_str().to_owned();
        report.update(|report| report.schedule = Some(schedule));
        match self.decide(&details) {
            Decision::Accept => self.accept(&facade, invitation, details, report).await,
            decision => {
                let status = if decision == Decision::Reject {
                    HomeStatus::Rejected
                } else {
                    HomeStatus::Unfulfillable
                };
                report.update(|report| report.status = status);
                facade.decline(invitation, decision).await.map_err(failed)
            }
        }
    }

    /// What the household wants, unless the gateway sees that it cannot be done: a time frame that
    /// began before today (UTC).
    fn decide(&self, details: &Details) -> Decision {
        if details.start < utc_day(self.options.clock.now()) {
            return Decision::Unfulfillable;
        }
        self.options.decision
    }

    async fn accept(
        &self,
        facade: &Facade,
        invitation: &Invitation,
        details: Details,
        report: &ReportCell,
    ) -> Result<(), HomeError> {
        let permission = invitation.permission;
        // Stored before the other side knows: from here on there is no second try.
        report.update(|report| report.status = HomeStatus::Accepted);
        let began = Instant::now();
        let credentials = facade.accept(invitation).await.map_err(|source| {
            report.update(|report| report.status = HomeStatus::Stranded);
            HomeError::Facade { permission, source }
        })?;
        let (orders, inbox) = mpsc::channel(ORDERS);
        self.note_running(
            permission,
            Running {
                credentials: credentials.clone(),
                orders,
                tasks: Vec::new(),
            },
        );
        let shared = Arc::new(self.share(invitation, details, credentials, report.clone()));
        let tasks = self
            .connect(&shared, inbox, began)
            .await
            .map_err(|source| {
                report.update(|report| {
                    report.status = HomeStatus::Stranded;
                    report.connected = false;
                });
                report.attempt_failed(&source);
                HomeError::FirstConnect { permission, source }
            })?;
        for entry in self.entries().iter_mut() {
            if let Some(running) = entry
                .running
                .as_mut()
                .filter(|_| entry.permission == permission)
            {
                running.tasks = tasks;
                break;
            }
        }
        Ok(())
    }

    /// The first connects and the tasks that live on them.
    async fn connect(
        &self,
        shared: &Arc<Shared>,
        orders: mpsc::Receiver<Order>,
        began: Instant,
    ) -> Result<Vec<JoinHandle<()>>, ConnectFailure> {
        let credentials = &shared.credentials;
        let settings = self.settings(credentials, credentials.username.clone());
        let pace = Pace {
            first: self.options.reconnect_after,
            longest: self.options.reconnect_at_most,
        };
        let (link, at, subscription) =
            Link::first(settings, &credentials.control_topic, pace).await?;
        shared.report.subscribed(subscription);
        shared.report.update(|report| {
            report.connected = true;
            report.connects = 1;
            let taken = at.saturating_duration_since(began).as_millis();
            report.handshake_ms = u64::try_from(taken).ok();
        });
        let mut tasks = Vec::new();
        if shared.need.direction == Direction::Inbound {
            let client_id = self.options.random.uuid().to_string();
            let settings = self.settings(credentials, client_id);
            let (second, _, subscription) =
                Link::first(settings, &credentials.data_topic, pace).await?;
            shared.report.subscribed(subscription);
            shared
                .report
                .update(|report| report.inbound_connected = true);
            tasks.push(tokio::spawn(receive(Arc::clone(shared), second)));
        }
        shared
            .report
            .update(|report| report.status = HomeStatus::Streaming);
        let streamer = Streamer::new(Arc::clone(shared), link, orders);
        tasks.push(tokio::spawn(streamer.run()));
        Ok(tasks)
    }

    fn share(
        &self,
        invitation: &Invitation,
        details: Details,
        credentials: Credentials,
        report: ReportCell,
    ) -> Shared {
        let options = &self.options;
        Shared {
            generation: options.generation,
            permission: invitation.permission,
            eddie: invitation.eddie,
            origin: Origin {
                generation: options.generation,
                times: options.times,
                permission: invitation.permission,
                connection: details.connection,
                data_need: details.need.id,
                aiida: self.aiida,
                user: self.user,
                source: self.source,
                asset: details.need.asset.clone(),
                meter: options.meter_id.clone().or(details.meter),
                tags: details.need.tags.clone(),
            },
            need: details.need,
            start: details.start,
            end: details.end,
            credentials,
            meter: Arc::clone(&self.meter),
            clock: Arc::clone(&options.clock),
            random: Arc::clone(&options.random),
            mode: watch::Sender::new(Mode::Online),
            report,
        }
    }

    fn settings(&self, credentials: &Credentials, client_id: String) -> Settings {
        let options = &self.options;
        Settings::new(
            credentials,
            client_id,
            options.authority.clone(),
            options.connect_timeout,
        )
    }

    async fn end(&self, permission: Uuid, status: HomeStatus) -> Result<(), HomeError> {
        let orders = self.orders(permission)?;
        let (done, told) = oneshot::channel();
        let _: Result<(), _> = orders.send(Order::End(status, done)).await;
        match told.await {
            Ok(true) => self.finished(permission).await,
            Ok(false) => Err(HomeError::StatusNotSent(permission)),
            Err(_) => Err(self.over(permission)),
        }
    }

    /// Waits until the tasks of a permission that has ended are gone, and its connections with
    /// them.
    async fn finished(&self, permission: Uuid) -> Result<(), HomeError> {
        let tasks = {
            let mut entries = self.entries();
            let mut found = entries
                .iter_mut()
                .filter(|one| one.permission == permission);
            let running = found.next().and_then(|entry| entry.running.as_mut());
            running.map(|running| std::mem::take(&mut running.tasks))
        };
        for task in tasks.unwrap_or_default() {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task of the home failed");
            }
        }
        Ok(())
    }

    async fn tell_all(&self, order: fn(oneshot::Sender<()>) -> Order) {
        let all: Vec<mpsc::Sender<Order>> = {
            let entries = self.entries();
            let running = entries.iter().filter_map(|entry| entry.running.as_ref());
            running.map(|running| running.orders.clone()).collect()
        };
        for orders in all {
            let (done, carried_out) = oneshot::channel();
            // A permission that has ended does not listen any more.
            if orders.send(order(done)).await.is_ok() {
                let _: Result<(), _> = carried_out.await;
            }
        }
    }

    fn remember(&self, permission: Uuid) -> Result<ReportCell, HomeError> {
        let mut entries = self.entries();
        if entries.iter().any(|one| one.permission == permission) {
            return Err(HomeError::Known(permission));
        }
        let report = ReportCell::new(permission);
        entries.push(Entry {
            permission,
            report: report.clone(),
            running: None,
        });
        Ok(report)
    }

    fn note_running(&self, permission: Uuid, running: Running) {
        let mut entries = self.entries();
        if let Some(entry) = entries.iter_mut().find(|one| one.permission == permission) {
            entry.running = Some(running);
        }
    }

    fn orders(&self, permission: Uuid) -> Result<mpsc::Sender<Order>, HomeError> {
        let running = self.find(permission, |entry| {
            entry.running.as_ref().map(|running| running.orders.clone())
        })?;
        running.ok_or(HomeError::Unknown(permission))
    }

    fn over(&self, permission: Uuid) -> HomeError {
        let report = self.find(permission, |entry| entry.report.read());
        report.map_or(
            HomeError::Unknown(permission),
            |report: PermissionReport| HomeError::Over {
                permission,
                status: report.status,
            },
        )
    }

    fn find<T>(&self, permission: Uuid, take: impl FnOnce(&Entry) -> T) -> Result<T, HomeError> {
        let entries = self.entries();
        let entry = entries.iter().find(|one| one.permission == permission);
        entry.map(take).ok_or(HomeError::Unknown(permission))
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
