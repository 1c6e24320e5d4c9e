//! What a home has sent, byte for byte, for who holds the other side's books against it.

use std::sync::{Arc, Mutex, PoisonError};

use super::outbox::Record;

/// The records of one permission; see [`Options::keep_records`](crate::Options::keep_records).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// All that were made, in their order.
    pub made: Vec<Record>,
    /// Those that the broker acknowledged, in the order of its answers. One that was sent twice
    /// stands here once for each answer.
    pub acknowledged: Vec<Record>,
}

/// Keeps them, or nothing; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Option<Arc<Mutex<Sent>>>);

impl Ledger {
    pub(crate) fn new(keep: bool) -> Self {
        Self(keep.then(Arc::default))
    }

    pub(crate) fn made(&self, record: &Record) {
        self.note(|sent| sent.made.push(record.clone()));
    }

    pub(crate) fn acknowledged(&self, record: &Record) {
        self.note(|sent| sent.acknowledged.push(record.clone()));
    }

    pub(crate) fn read(&self) -> Sent {
        let mut read = Sent::default();
        self.note(|sent| read = sent.clone());
        read
    }

    fn note(&self, note: impl FnOnce(&mut Sent)) {
        if let Some(sent) = &self.0 {
            note(&mut sent.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
