//! The jobs this process is running, for the heartbeat.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Lease;

/// One entry per claim; shared by the kinds of a worker.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<Uuid, Entry>>);

#[derive(Debug)]
struct Entry {
    lease: Lease,
    length: Duration,
    renewed: Instant,
    lost: CancellationToken,
}

impl Running {
    /// Remembers a claim made at `claimed`; the token is cancelled when its lease is lost.
    pub(crate) fn add(
        &self,
        lease: Lease,
        length: Duration,
        claimed: Instant,
    ) -> CancellationToken {
        let lost = CancellationToken::new();
        let entry = Entry {
            lease,
            length,
            renewed: claimed,
            lost: lost.clone(),
        };
        self.entries().insert(lease.token, entry);
        lost
    }

    pub(crate) fn remove(&self, lease: Lease) {
        self.entries().remove(&lease.token);
    }

    /// Whether the lease was lost, or the run has been ended.
    pub(crate) fn is_lost(&self, lease: Lease) -> bool {
        self.entries()
            .get(&lease.token)
            .is_none_or(|entry| entry.lost.is_cancelled())
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.entries().values().map(|entry| entry.lease).collect()
    }

    /// The heartbeat of `asked` was answered with `held`: the others have lost their lease.
    pub(crate) fn renewed(&self, asked: &[Lease], held: &[i64], at: Instant) {
        let mut entries = self.entries();
        for lease in asked {
            if let Some(entry) = entries.get_mut(&lease.token) {
                if held.contains(&lease.id) {
                    entry.renewed = at;
                } else {
                    entry.lost.cancel();
                }
            }
        }
    }

    /// No answer from the database: leases that have run out by our own clock count as lost.
    pub(crate) fn expire(&self, now: Instant) {
        for entry in self.entries().values() {
            if now.duration_since(entry.renewed) > entry.length {
                entry.lost.cancel();
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
