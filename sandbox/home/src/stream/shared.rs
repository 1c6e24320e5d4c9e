//! What the tasks of one permission and its home share.

use std::sync::{Arc, Mutex, PoisonError};

use service_kit::clock::SharedClock;
use service_kit::random::SharedRandom;
use tokio::sync::watch;
use uuid::Uuid;

use super::{ConnectFailure, Ledger};
use crate::meter::Meter;
use crate::mischief::Door;
use crate::need::Need;
use crate::record::Origin;
use crate::report::PermissionReport;
use crate::{Credentials, Done, Generation, Mischief};

/// Whether a permission's connections are to be up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are.
    Online,
    /// The home has no network for now.
    Offline,
    /// Nothing will flow again.
    Ended,
}

/// What is fixed once the household has agreed, and the report that everybody writes to.
pub(crate) struct Shared {
    pub(crate) generation: Generation,
    pub(crate) permission: Uuid,
    pub(crate) eddie: Uuid,
    pub(crate) need: Need,
    pub(crate) origin: Origin,
    pub(crate) start: jiff::civil::Date,
    pub(crate) end: jiff::civil::Date,
    pub(crate) credentials: Credentials,
    pub(crate) meter: Arc<Mutex<Meter>>,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) mode: watch::Sender<Mode>,
    pub(crate) report: ReportCell,
    pub(crate) ledger: Ledger,
    pub(crate) mischief: Mischief,
    pub(crate) door: Door,
}

/// A permission's report, shared by cloning.
#[derive(Debug, Clone)]
pub(crate) struct ReportCell(Arc<Mutex<PermissionReport>>);

impl ReportCell {
    pub(crate) fn new(permission: Uuid) -> Self {
        Self(Arc::new(Mutex::new(PermissionReport::new(permission))))
    }

    pub(crate) fn read(&self) -> PermissionReport {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        report.clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut PermissionReport)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// An attempt failed, on either connection.
    pub(crate) fn attempt_failed(&self, failure: &ConnectFailure) {
        if let ConnectFailure::Refused(code) = failure {
            self.update(|report| report.refused_by_broker = Some(*code));
        }
    }

    /// Something was done wrong on demand.
    pub(crate) fn misdeed(&self, done: Done) {
        self.update(|report| report.misdeeds.push(done));
    }

    /// A connect succeeded, and this became of its subscription.
    pub(crate) fn subscribed(&self, subscription: Result<(), u8>) {
        self.update(|report| {
            report.refused_by_broker = None;
            report.subscriptions_refused += u64::from(subscription.is_err());
        });
    }
}
