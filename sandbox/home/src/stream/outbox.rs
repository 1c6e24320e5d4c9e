//! Records that are to be sent: made, perhaps on the way, not yet acknowledged. What is on the way
//! when the connection breaks is sent again, so the same record may arrive twice.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use paho_mqtt::{Error, Message, QoS};

use super::connection::Connection;

/// How many records are on the way at once.
const WINDOW: usize = 100;

/// A record and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// What became of one record on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The broker has it.
    Acknowledged,
    /// The broker refused it by a reason code; it is not sent again.
    Refused,
    /// Unknown; it waits to be sent again.
    Unknown,
}

type Waiting = Pin<Box<dyn Future<Output = (u64, Result<(), Error>)> + Send>>;

#[derive(Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Record>,
    on_the_way: BTreeMap<u64, Record>,
    tokens: FuturesUnordered<Waiting>,
    next: u64,
    last_acknowledged: Option<Record>,
}

impl Outbox {
    pub(crate) fn push(&mut self, record: Record) {
        self.waiting.push_back(record);
    }

    /// Records that are not acknowledged yet.
    pub(crate) fn len(&self) -> u64 {
        let records = self.waiting.len().saturating_add(self.on_the_way.len());
        u64::try_from(records).unwrap_or(u64::MAX)
    }

    /// Hands over what the window lets through; the number of records handed over.
    pub(crate) fn send(&mut self, connection: &Connection) -> u64 {
        let mut sent = 0;
        while self.on_the_way.len() < WINDOW {
            let Some(record) = self.waiting.pop_front() else {
                break;
            };
            let message = Message::new(&record.topic, record.payload.clone(), QoS::AtLeastOnce);
            let Some(token) = connection.publish(message) else {
                self.waiting.push_front(record);
                break;
            };
            let number = self.next;
            self.next += 1;
            self.on_the_way.insert(number, record);
            self.tokens
                .push(Box::pin(async move { (number, token.await) }));
            sent += 1;
        }
        sent
    }

    /// The record that the broker answered last.
    pub(crate) const fn last_acknowledged(&self) -> Option<&Record> {
        self.last_acknowledged.as_ref()
    }

    /// Waits for the fate of a record on the way; for ever when there is none.
    pub(crate) async fn delivered(&mut self) -> Delivery {
        let Some((number, outcome)) = self.tokens.next().await else {
            return std::future::pending().await;
        };
        let Some(record) = self.on_the_way.remove(&number) else {
            return Delivery::Unknown;
        };
        match outcome {
            Ok(()) => {
                self.last_acknowledged = Some(record);
                Delivery::Acknowledged
            }
            Err(Error::ReasonCode(..)) => Delivery::Refused,
            Err(_) => {
                self.waiting.push_front(record);
                Delivery::Unknown
            }
        }
    }

    /// The connection is gone: what was on the way waits again, oldest first.
    pub(crate) fn take_back(&mut self) {
        self.tokens = FuturesUnordered::new();
        for (_, record) in std::mem::take(&mut self.on_the_way).into_iter().rev() {
            self.waiting.push_front(record);
        }
    }

    /// Queues the last acknowledged record once more, as a home does that missed the broker's
    /// acknowledgement; false when there is none.
    pub(crate) fn repeat_last(&mut self) -> bool {
        let Some(record) = self.last_acknowledged.clone() else {
            return false;
        };
        self.waiting.push_front(record);
        true
    }

    pub(crate) fn clear(&mut self) {
        self.tokens = FuturesUnordered::new();
        self.on_the_way.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8) -> Record {
        Record {
            topic: "t".to_owned(),
            payload: vec![number],
        }
    }

    #[test]
    fn what_was_on_the_way_waits_again_in_order() {
        let mut outbox = Outbox::default();
        for number in 1..=3 {
            outbox.on_the_way.insert(u64::from(number), record(number));
        }
        outbox.push(record(4));
        assert_eq!(outbox.len(), 4);
        outbox.take_back();
        assert_eq!(outbox.len(), 4);
        assert_eq!(outbox.waiting, [record(1), record(2), record(3), record(4)]);
        assert!(!outbox.repeat_last(), "nothing was acknowledged");
        outbox.clear();
        assert_eq!(outbox.len(), 0);
    }
}
