//! The eligible party: sees everything that is delivered, and can say that nothing was.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use test_support::process::Process;
use test_support::wait;

use super::DEADLINE;
use super::client::{Client, publish};

pub(crate) struct Party {
    pub(crate) client: Client,
    ear: Process,
    fences: AtomicU32,
}

impl Party {
    /// Listens to everything.
    pub(crate) async fn new(address: SocketAddr) -> Self {
        let client = Client::party(address, "party-mouth");
        let ear = client.with_id("party-ear").listen("#").await;
        Self {
            client,
            ear,
            fences: AtomicU32::new(0),
        }
    }

    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        let ended = publish(&self.client, topic, payload).await;
        assert!(ended.ok, "{}", ended.output);
    }

    /// Waits until this has been delivered.
    pub(crate) async fn hear(&self, topic: &str, payload: &str) {
        let expected = format!("got {topic} {payload}\n");
        wait::until(DEADLINE, &expected, async || {
            self.ear.output().contains(&expected).then_some(())
        })
        .await;
    }

    /// Whether a payload has been delivered, whatever the topic. A message of its own, sent after
    /// it and waited for, makes sure that it is not just late.
    pub(crate) async fn has_heard(&self, payload: &str) -> bool {
        let number = self.fences.fetch_add(1, Ordering::Relaxed).to_string();
        self.publish("fence", &number).await;
        self.hear("fence", &number).await;
        self.ear.output().contains(&format!(" {payload}\n"))
    }
}
