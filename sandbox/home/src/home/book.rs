//! What a home remembers of each permission it scanned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::report::PermissionReport;
use crate::stream::{Order, ReportCell, Sent, Shared};
use crate::{Credentials, HomeError};

/// The permissions in the order they were scanned.
#[derive(Default)]
pub(super) struct Book(Mutex<Vec<Entry>>);

struct Entry {
    permission: Uuid,
    report: ReportCell,
    running: Option<Running>,
}

/// What there is once the broker's credentials are known.
struct Running {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    /// Orders that nobody takes yet: the home has not connected.
    pending: Option<mpsc::Receiver<Order>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Book {
    /// A new entry; refused when there is one.
    pub(super) fn remember(&self, permission: Uuid) -> Result<ReportCell, HomeError> {
        let mut entries = self.lock();
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

    /// Keeps the credentials and the way to the task that is about to begin.
    pub(super) fn keep(&self, permission: Uuid, shared: Arc<Shared>, orders: mpsc::Sender<Order>) {
        let mut entries = self.lock();
        if let Some(entry) = entries.iter_mut().find(|one| one.permission == permission) {
            entry.running = Some(Running {
                orders,
                shared,
                pending: None,
                tasks: Vec::new(),
            });
        }
    }

    /// Keeps the orders of a home that connects later.
    pub(super) fn keep_pending(&self, permission: Uuid, orders: mpsc::Receiver<Order>) {
        let mut entries = self.lock();
        let entry = entries.iter_mut().find(|one| one.permission == permission);
        if let Some(running) = entry.and_then(|entry| entry.running.as_mut()) {
            running.pending = Some(orders);
        }
    }

    /// Takes what [`Book::keep_pending`] has kept; once.
    pub(super) fn take_pending(&self, permission: Uuid) -> Option<mpsc::Receiver<Order>> {
        let mut entries = self.lock();
        let entry = entries
            .iter_mut()
            .find(|one| one.permission == permission)?;
        entry.running.as_mut()?.pending.take()
    }

    /// What the tasks of a permission share.
    pub(super) fn shared(&self, permission: Uuid) -> Result<Arc<Shared>, HomeError> {
        self.running(permission, |running| Arc::clone(&running.shared))
    }

    pub(super) fn keep_tasks(&self, permission: Uuid, tasks: Vec<JoinHandle<()>>) {
        let mut entries = self.lock();
        let entry = entries.iter_mut().find(|one| one.permission == permission);
        if let Some(running) = entry.and_then(|entry| entry.running.as_mut()) {
            running.tasks = tasks;
        }
    }

    /// The tasks of one permission, or of all: whoever takes them waits for them.
    pub(super) fn take_tasks(&self, permission: Option<Uuid>) -> Vec<JoinHandle<()>> {
        let mut entries = self.lock();
        let wanted = entries
            .iter_mut()
            .filter(|one| permission.is_none_or(|id| id == one.permission));
        wanted
            .filter_map(|entry| entry.running.as_mut())
            .flat_map(|running| std::mem::take(&mut running.tasks))
            .collect()
    }

    pub(super) fn report(&self, permission: Uuid) -> Result<ReportCell, HomeError> {
        let entries = self.lock();
        let entry = entries.iter().find(|one| one.permission == permission);
        entry
            .map(|entry| entry.report.clone())
            .ok_or(HomeError::Unknown(permission))
    }

    pub(super) fn reports(&self) -> Vec<PermissionReport> {
        let entries = self.lock();
        entries.iter().map(|entry| entry.report.read()).collect()
    }

    pub(super) fn credentials(&self, permission: Uuid) -> Result<Credentials, HomeError> {
        self.running(permission, |running| running.shared.credentials.clone())
    }

    pub(super) fn sent(&self, permission: Uuid) -> Result<Sent, HomeError> {
        self.running(permission, |running| running.shared.ledger.read())
    }

    pub(super) fn orders(&self, permission: Uuid) -> Result<mpsc::Sender<Order>, HomeError> {
        self.running(permission, |running| running.orders.clone())
    }

    /// The way to every task there was.
    pub(super) fn all_orders(&self) -> Vec<mpsc::Sender<Order>> {
        let entries = self.lock();
        let running = entries.iter().filter_map(|entry| entry.running.as_ref());
        running.map(|running| running.orders.clone()).collect()
    }

    /// Why a permission takes no order.
    pub(super) fn over(&self, permission: Uuid) -> HomeError {
        match self.report(permission) {
            Ok(report) => HomeError::Over {
                permission,
                status: report.read().status,
            },
            Err(error) => error,
        }
    }

    fn running<T>(
        &self,
        permission: Uuid,
        take: impl FnOnce(&Running) -> T,
    ) -> Result<T, HomeError> {
        let entries = self.lock();
        let entry = entries.iter().find(|one| one.permission == permission);
        let running = entry.and_then(|entry| entry.running.as_ref());
        running.map(take).ok_or(HomeError::Unknown(permission))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
