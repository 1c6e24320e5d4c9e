//! The first connection of a permission: sends records on schedule, obeys commands, tells the end.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use paho_mqtt::{Message, QoS};
use tokio::sync::{mpsc, oneshot};

use super::link::{Link, LinkEvent};
use super::outbox::{Delivery, Outbox, Record};
use super::shared::{Mode, Shared};
use crate::need::Direction;
use crate::record::{self, utc_day};
use crate::schedule::Schedule;
use crate::status::{HomeStatus, StatusMessage};

/// The clock may be set by a test, so it is looked at this often at least.
const LOOK: Duration = Duration::from_millis(200);
/// Records that were due longer ago than this when the clock jumps are not made up for.
const MAKE_UP: SignedDuration = SignedDuration::from_secs(60);
/// How long the last message may take.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// What the household, or the test that plays it, wants. Answered when it is done.
pub(crate) enum Order {
    /// End with this status; true when the other side was told.
    End(HomeStatus, oneshot::Sender<bool>),
    Offline(oneshot::Sender<()>),
    Online(oneshot::Sender<()>),
    /// Send the last acknowledged record once more; false when there is none.
    Repeat(oneshot::Sender<bool>),
    Stop,
}

/// The task of one permission.
pub(crate) struct Streamer {
    pub(super) shared: Arc<Shared>,
    link: Link,
    orders: mpsc::Receiver<Order>,
    outbox: Outbox,
    schedule: Schedule,
    due: Option<Timestamp>,
    pub(super) enabled: bool,
}

impl Streamer {
    pub(crate) fn new(shared: Arc<Shared>, link: Link, orders: mpsc::Receiver<Order>) -> Self {
        let schedule = shared.need.schedule.clone();
        let due = schedule.after(shared.clock.now());
        Self {
            shared,
            link,
            orders,
            outbox: Outbox::default(),
            schedule,
            due,
            enabled: true,
        }
    }

    /// Runs until the permission has ended or the home stops.
    pub(crate) async fn run(mut self) {
        while self.step().await {
            self.note_buffer();
        }
        self.shared.mode.send_replace(Mode::Ended);
        self.link.hold().await;
        self.outbox.clear();
        self.note_buffer();
        self.shared.report.update(|report| report.connected = false);
    }

    /// Handles one thing that happens; false at the end.
    async fn step(&mut self) -> bool {
        if let Some(connection) = self.link.connection() {
            let sent = self.outbox.send(connection);
            self.shared.report.update(|report| report.published += sent);
        }
        let wait = self.wait();
        tokio::select! {
            order = self.orders.recv() => self.obey(order).await,
            event = self.link.next() => self.handle(event).await,
            delivery = self.outbox.delivered() => {
                self.note(delivery);
                true
            }
            () = tokio::time::sleep(wait) => self.tick().await,
        }
    }

    async fn obey(&mut self, order: Option<Order>) -> bool {
        match order {
            None | Some(Order::Stop) => return false,
            Some(Order::End(status, done)) => {
                let told = self.end(status).await;
                answer(done, told);
                return false;
            }
            Some(Order::Offline(done)) => {
                self.shared.mode.send_replace(Mode::Offline);
                self.link.hold().await;
                self.outbox.take_back();
                self.shared.report.update(|report| report.connected = false);
                answer(done, ());
            }
            Some(Order::Online(done)) => {
                self.shared.mode.send_replace(Mode::Online);
                self.link.resume();
                answer(done, ());
            }
            Some(Order::Repeat(done)) => {
                let repeated = self.outbox.repeat_last();
                answer(done, repeated);
            }
        }
        true
    }

    async fn handle(&mut self, event: LinkEvent) -> bool {
        match event {
            LinkEvent::Up { subscription } => {
                self.shared.report.subscribed(subscription);
                self.shared.report.update(|report| {
                    report.connected = true;
                    report.connects += 1;
                });
            }
            LinkEvent::Down { reason } => {
                self.outbox.take_back();
                self.shared.report.update(|report| {
                    report.connected = false;
                    report.disconnect_reason = reason.or(report.disconnect_reason);
                });
            }
            LinkEvent::Failed(failure) => self.shared.report.attempt_failed(&failure),
            LinkEvent::Message(message) => return self.control(&message).await,
        }
        true
    }

    pub(super) fn reschedule(&mut self, schedule: Schedule) {
        self.due = schedule.after(self.shared.clock.now());
        self.shared
            .report
            .update(|report| report.schedule = Some(schedule.as_str().to_owned()));
        self.schedule = schedule;
    }

    /// How long nothing is due.
    fn wait(&self) -> Duration {
        let until_due = self.due.map(|due| {
            let left = due.duration_since(self.shared.clock.now());
            Duration::try_from(left).unwrap_or(Duration::ZERO)
        });
        until_due.map_or(LOOK, |left| left.min(LOOK))
    }

    /// Makes the records that are due; false when the time frame is over.
    async fn tick(&mut self) -> bool {
        let now = self.shared.clock.now();
        if utc_day(now) > self.shared.end {
            self.end(HomeStatus::Fulfilled).await;
            return false;
        }
        while let Some(due) = self.due.filter(|due| *due <= now) {
            let oldest = now.saturating_sub(MAKE_UP).unwrap_or(now);
            if due >= oldest {
                self.record(due);
            }
            self.due = self.schedule.after(due.max(oldest));
        }
        true
    }

    fn record(&mut self, at: Timestamp) {
        let outbound = self.shared.need.direction == Direction::Outbound;
        if !outbound || !self.enabled || utc_day(at) < self.shared.start {
            return;
        }
        let reading = {
            let mut meter = self
                .shared
                .meter
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            meter.read(at)
        };
        for schema in &self.shared.need.schemas {
            let document = self.shared.random.uuid();
            match record::write(*schema, &self.shared.origin, &reading, document) {
                Ok(payload) => {
                    let record = Record {
                        topic: schema.topic_below(&self.shared.credentials.data_topic),
                        payload,
                    };
                    self.shared.ledger.made(&record);
                    self.outbox.push(record);
                }
                Err(error) => tracing::warn!(%error, "a record cannot be written"),
            }
            self.shared.report.update(|report| report.records += 1);
        }
    }

    fn note(&self, delivery: Delivery) {
        if delivery == Delivery::Acknowledged
            && let Some(record) = self.outbox.last_acknowledged()
        {
            self.shared.ledger.acknowledged(record);
        }
        self.shared.report.update(|report| match delivery {
            Delivery::Acknowledged => report.acknowledged += 1,
            Delivery::Refused => report.publish_refused += 1,
            Delivery::Unknown => {}
        });
    }

    fn note_buffer(&self) {
        let buffered = self.outbox.len();
        self.shared
            .report
            .update(|report| report.buffered = buffered);
    }

    /// The end: told to the other side once, by a kept message. Without a connection it is not
    /// told at all, as with real homes. True when the broker has it.
    pub(super) async fn end(&mut self, status: HomeStatus) -> bool {
        self.shared.report.update(|report| report.status = status);
        let message = StatusMessage {
            connection_id: &self.shared.origin.connection,
            data_need_id: self.shared.need.id,
            timestamp: self.shared.clock.now(),
            status,
            permission_id: self.shared.permission,
            eddie_id: self.shared.eddie,
        };
        let Ok(payload) = serde_json::to_vec(&message) else {
            return false;
        };
        let topic = &self.shared.credentials.status_topic;
        let message = Message::new_retained(topic, payload, QoS::AtLeastOnce);
        let Some(token) = self
            .link
            .connection()
            .and_then(|connection| connection.publish(message))
        else {
            return false;
        };
        let told = tokio::time::timeout(STATUS_TIMEOUT, token).await;
        let told = matches!(told, Ok(Ok(())));
        let at = told.then(|| self.shared.clock.now());
        self.shared.report.update(|report| report.told_end = at);
        told
    }
}

/// Whoever asked may have gone away.
fn answer<T>(done: oneshot::Sender<T>, value: T) {
    if done.send(value).is_err() {
        tracing::debug!("nobody waits for the order's end any more");
    }
}
