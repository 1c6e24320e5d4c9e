//! The readiness check `broker session`: connected, and the subscriptions acknowledged.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use service_kit::health::Readiness;

/// What the probes are told; clones share it.
#[derive(Clone)]
pub(crate) struct SessionStatus(Arc<Mutex<Result<(), String>>>);

impl SessionStatus {
    pub(crate) fn starting() -> Self {
        Self(Arc::new(Mutex::new(Err("not connected yet".to_owned()))))
    }

    pub(crate) fn set(&self, status: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

#[async_trait]
impl Readiness for SessionStatus {
    fn name(&self) -> &'static str {
        "broker session"
    }

    async fn check(&self) -> Result<(), String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
