//! What tests of one program share while any of them runs.

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

/// Something expensive: it is made for the first test that wants it, and ends with the last that has it.
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "for a static")]
    pub const fn new() -> Self {
        Self(Mutex::const_new(Weak::new()))
    }

    /// The one that there is, or a new one.
    pub async fn get(&self, start: impl Future<Output = T>) -> Arc<T> {
        let mut running = self.0.lock().await;
        if let Some(there) = running.upgrade() {
            return there;
        }
        let started = Arc::new(start.await);
        *running = Arc::downgrade(&started);
        started
    }
}
