//! One process of a service.

use test_support::process::{Process, ProcessError};

use super::setup::is_ready;
use super::{START_LIMIT, Service};

/// A process of a service, and the port of its probes and metrics.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) service: Service,
    /// The how-manieth address of the service it listens on, from 0.
    pub(super) place: usize,
    pub(super) internal: u16,
    pub(super) process: Process,
}

impl Replica {
    /// Waits until it says that it is ready.
    pub(super) fn until_ready(&mut self) -> Result<(), ProcessError> {
        let internal = self.internal;
        self.process
            .wait_for("readiness", START_LIMIT, |_| is_ready(internal))
    }
}
