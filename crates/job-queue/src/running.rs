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
    /// Remembers a claim made at `claimed`; the token is cancelled when its lease is lost. An earlier claim of the same
    /// job has lost its own.
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
        let mut entries = self.entries();
        for earlier in entries.values() {
            if earlier.lease.id == lease.id {
                earlier.lost.cancel();
            }
        }
        entries.insert(lease.token, entry);
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

    /// The heartbeat of `asked` was answered with the jobs that are `held`: the others have lost their lease.
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    const fn lease(id: i64, token: u128) -> Lease {
        Lease {
            id,
            token: Uuid::from_u128(token),
        }
    }

    #[test]
    fn a_job_that_was_claimed_again_is_held_by_its_last_claim() {
        let running = Running::default();
        let start = Instant::now();
        let (older, newer, other) = (lease(1, 1), lease(1, 2), lease(2, 3));
        running.add(older, SECOND, start);
        running.add(other, SECOND, start);
        // Its lease ran out, and the same process took it again before it was told.
        running.add(newer, SECOND, start + SECOND);
        running.renewed(&running.leases(), &[1, 2], start + SECOND);
        assert!(running.is_lost(older));
        assert!(!running.is_lost(newer) && !running.is_lost(other));
    }
}
