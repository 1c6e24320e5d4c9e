//! From an invitation to a connection, or to another answer.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Home, ORDERS};
use crate::code::Invitation;
use crate::facade::{Details, Facade};
use crate::mischief::{Door, Fault, Step, When, carry_out};
use crate::need::Direction;
use crate::record::{Origin, utc_day};
use crate::status::HomeStatus;
use crate::stream::{
    ConnectFailure, Ledger, Link, Mode, Order, Pace, ReportCell, Settings, Shared, Streamer,
    receive,
};
use crate::{Credentials, Decision, FacadeError, HomeError};

impl Home {
    /// Details, decision, answer, and after a yes the connection.
    pub(super) async fn take_up(
        &self,
        invitation: &Invitation,
        report: &ReportCell,
    ) -> Result<(), HomeError> {
        let permission = invitation.permission;
        let failed = |source: FacadeError| HomeError::Facade { permission, source };
        let options = &self.options;
        let facade = Facade::new(options.generation, self.aiida, options.authority.as_deref());
        let no_details = |source: FacadeError| {
            report.update(|report| report.status = HomeStatus::DetailsFailed);
            failed(source)
        };
        let facade = facade.map_err(no_details)?;
        let (aiida, random) = (self.aiida, Arc::clone(&options.random));
        let door = Door::new(invitation, aiida, options.authority.as_deref(), random);
        let door = door.map_err(no_details)?;
        let wrong = async |step, when| door.carry_out(&options.mischief, step, when, report).await;
        if wrong(Step::Details, When::Instead).await {
            return Ok(());
        }
        if options.mischief.has(Step::Answer, Fault::OutOfOrder) {
            wrong(Step::Answer, When::Instead).await;
            return Ok(());
        }
        wrong(Step::Details, When::Before).await;
        let details = facade.details(invitation).await.map_err(no_details)?;
        let schedule = details.need.schedule.as_str().to_owned();
        report.update(|report| report.schedule = Some(schedule));
        match self.decide(&details) {
            Decision::Accept => {
                wrong(Step::Answer, When::Before).await;
                if wrong(Step::Answer, When::Instead).await {
                    return Ok(());
                }
                self.accept(&facade, &door, invitation, details, report)
                    .await
            }
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
        door: &Door,
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
        let mischief = &self.options.mischief;
        for step in [Step::Answer, Step::Details] {
            door.carry_out(mischief, step, When::After, report).await;
        }
        let (orders, inbox) = mpsc::channel(ORDERS);
        let shared = self.share(invitation, details, credentials, report.clone(), door);
        let shared = Arc::new(shared);
        self.book.keep(permission, Arc::clone(&shared), orders);
        carry_out(&shared, Step::Connect).await;
        let stays_away = |fault| mischief.has(Step::Connect, fault);
        if stays_away(Fault::NeverAnswers) || stays_away(Fault::Late) {
            self.book.keep_pending(permission, inbox);
            return Ok(());
        }
        self.go_on(&shared, inbox, began).await
    }

    /// Connects for the first time, and does everything that there is to be done wrong from then on.
    pub(super) async fn go_on(
        &self,
        shared: &Arc<Shared>,
        inbox: mpsc::Receiver<Order>,
        began: Instant,
    ) -> Result<(), HomeError> {
        let (permission, report) = (shared.permission, &shared.report);
        let connecting = self.connect(shared, inbox, began).await;
        let tasks = connecting.map_err(|source| {
            report.update(|report| {
                report.status = HomeStatus::Stranded;
                report.connected = false;
            });
            report.attempt_failed(&source);
            HomeError::FirstConnect { permission, source }
        })?;
        self.book.keep_tasks(permission, tasks);
        for step in [
            Step::Subscribe,
            Step::Data,
            Step::Acknowledgement,
            Step::Status,
        ] {
            carry_out(shared, step).await;
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
        door: &Door,
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
            ledger: Ledger::new(options.keep_records),
            mischief: options.mischief.clone(),
            door: door.clone(),
        }
    }

    pub(super) fn settings(&self, credentials: &Credentials, client_id: String) -> Settings {
        let options = &self.options;
        Settings::new(
            credentials,
            client_id,
            options.authority.clone(),
            options.connect_timeout,
        )
    }
}
