//! The home itself: scans codes, answers for the household, and keeps what became of it.

mod book;
mod handshake;

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::code::{self, Invitation};
use crate::meter::Meter;
use crate::mischief::{Step, carry_out};
use crate::report::Report;
use crate::status::HomeStatus;
use crate::stream::{ConnectFailure, Order, Reconnection, Sent, try_once};
use crate::{Credentials, HomeError, Options};
use book::Book;

/// How many orders may wait for a task.
const ORDERS: usize = 4;

/// A gateway with a made-up meter. Dropping it disconnects; [`stop`](Self::stop) waits for that.
pub struct Home {
    options: Options,
    aiida: Uuid,
    user: Uuid,
    source: Uuid,
    meter: Arc<Mutex<Meter>>,
    book: Book,
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
        let random = &options.random;
        Self {
            aiida: random.uuid(),
            user: random.uuid(),
            source: random.uuid(),
            meter: Arc::new(Mutex::new(Meter::new(options.seed))),
            book: Book::default(),
            options,
        }
    }

    /// Scans a code and answers for every permission in it: details, decision, and after a yes
    /// the connection, on which data then flows in the background. The ids of the code; an error
    /// is the first one of any permission, after all were tried, and stands in the report as well.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn scan(&self, code: &str) -> Result<Vec<Uuid>, HomeError> {
        let invitations = code::read(self.options.generation, code)?;
        let mut failed = None;
        for invitation in &invitations {
            if let Err(error) = self.invited(invitation).await {
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
            permissions: self.book.reports(),
        }
    }

    /// What the home connects with, for tests that play a thief; none before a yes was answered.
    #[must_use]
    pub fn credentials(&self, permission: Uuid) -> Option<Credentials> {
        self.book.credentials(permission).ok()
    }

    /// What it has sent under a permission, where [`Options::keep_records`] says so.
    pub fn sent(&self, permission: Uuid) -> Result<Sent, HomeError> {
        self.book.sent(permission)
    }

    /// The household withdraws: a kept REVOKED message, then the end of all connections. Without
    /// a connection the home ends it all the same, and the other side is never told.
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
        self.order(permission, Order::Repeat).await
    }

    /// Connects for the first time, where [`Options::mischief`] let that wait
    /// ([`Step::Connect`] with [`Fault::Late`](crate::Fault::Late) or
    /// [`Fault::NeverAnswers`](crate::Fault::NeverAnswers)).
    pub async fn connect_late(&self, permission: Uuid) -> Result<(), HomeError> {
        let shared = self.book.shared(permission)?;
        let orders = self.book.take_pending(permission);
        let orders = orders.ok_or(HomeError::Known(permission))?;
        self.go_on(&shared, orders, tokio::time::Instant::now())
            .await
    }

    /// Does once more what [`Options::mischief`] wants done wrong at a step after the yes; with
    /// [`Step::Ended`] for the first time, because nobody tells a home that all has ended.
    pub async fn misbehave(&self, permission: Uuid, step: Step) -> Result<(), HomeError> {
        carry_out(&*self.book.shared(permission)?, step).await;
        Ok(())
    }

    /// Tries to connect with the credentials it once got, and leaves at once; a home that is
    /// connected answers that it is.
    pub async fn reconnect(&self, permission: Uuid) -> Result<Reconnection, HomeError> {
        let report = self.book.report(permission)?;
        if report.read().connected {
            return Ok(Reconnection::Connected);
        }
        let credentials = self.book.credentials(permission)?;
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
        for orders in self.book.all_orders() {
            // A closed channel is a task that has ended.
            let _: Result<(), _> = orders.send(Order::Stop).await;
        }
        finish(self.book.take_tasks(None)).await;
    }

    async fn invited(&self, invitation: &Invitation) -> Result<(), HomeError> {
        let report = self.book.remember(invitation.permission)?;
        let outcome = self.take_up(invitation, &report).await;
        if let Err(error) = &outcome {
            let words = service_kit::config::chain(error);
            report.update(|report| report.failure = Some(words));
        }
        outcome
    }

    async fn end(&self, permission: Uuid, status: HomeStatus) -> Result<(), HomeError> {
        let order = |done| Order::End(status, done);
        let told = self.order(permission, order).await?;
        finish(self.book.take_tasks(Some(permission))).await;
        if told {
            Ok(())
        } else {
            Err(HomeError::StatusNotSent(permission))
        }
    }

    /// Gives an order and waits until it is carried out.
    async fn order<T>(
        &self,
        permission: Uuid,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, HomeError> {
        let orders = self.book.orders(permission)?;
        let (done, carried_out) = oneshot::channel();
        // A closed channel closes the answer's as well.
        let _: Result<(), _> = orders.send(order(done)).await;
        carried_out.await.map_err(|_| self.book.over(permission))
    }

    async fn tell_all(&self, order: fn(oneshot::Sender<()>) -> Order) {
        for orders in self.book.all_orders() {
            let (done, carried_out) = oneshot::channel();
            // A permission that has ended does not listen any more.
            if orders.send(order(done)).await.is_ok() {
                let _: Result<(), _> = carried_out.await;
            }
        }
    }
}

/// Waits until these tasks are gone, and their connections with them.
async fn finish(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        if let Err(error) = task.await {
            tracing::warn!(%error, "a task of the home failed");
        }
    }
}
