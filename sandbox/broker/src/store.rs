//! Sessions, queued and retained messages: in memory, or in a folder of one's own.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{ClientSession, QueueLimits, RetainedMessage};
use mqtt5::broker::{DynamicStorage, FileBackend, MemoryBackend, StorageBackend as _};
use mqtt5::packet::publish::PublishPacket;
use mqtt5::{MqttError, QoS};
use service_kit::shutdown::Shutdown;

use crate::config::Config;
use crate::error::BrokerError;

/// Most bytes kept for one offline session.
const QUEUE_BYTES: usize = 256 * 1024 * 1024;

/// Most retained messages: a home has a handful.
const RETAINED: usize = 1_000_000;

/// How often what has expired is thrown away.
const UPKEEP: Duration = Duration::from_mins(1);

pub(crate) struct Store {
    pub(crate) storage: Arc<DynamicStorage>,
    pub(crate) router: Arc<MessageRouter>,
}

impl Store {
    /// Opens the store and takes up what it holds.
    pub(crate) async fn open(config: &Config) -> Result<Self, BrokerError> {
        let limits = QueueLimits {
            max_messages: config.queue,
            max_bytes: QUEUE_BYTES,
        };
        let storage = Arc::new(match &config.store {
            None => DynamicStorage::Memory(MemoryBackend::with_queue_limits(limits)),
            Some(folder) => DynamicStorage::File(open_folder(folder, limits).await?),
        });
        let router = MessageRouter::with_storage(Arc::clone(&storage))
            .with_retained_limits(RETAINED, config.packet_bytes);
        let store = Self {
            storage,
            router: Arc::new(router),
        };
        store
            .recover(config.session_seconds)
            .await
            .map_err(BrokerError::Recover)?;
        Ok(store)
    }

    async fn recover(&self, session_seconds: u32) -> Result<(), MqttError> {
        self.router.recover_sessions(session_seconds).await?;
        self.storage.cleanup_expired().await?;
        self.router.initialize().await
    }

    /// Throws away what has expired, until the shutdown begins.
    pub(crate) async fn upkeep(&self, shutdown: &Shutdown) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(UPKEEP) => {}
                () = shutdown.soft().cancelled() => return,
            }
            if let Err(error) = self.storage.cleanup_expired().await {
                tracing::error!("what has expired stays in the store: {error}");
            }
            self.router.sweep_sessions().await;
        }
    }

    /// Writes what is still in memory.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.storage.shutdown().await {
            tracing::error!("the store was not written to the end: {error}");
        }
    }

    /// The session under a client id.
    pub(crate) async fn session(
        &self,
        client_id: &str,
    ) -> Result<Option<ClientSession>, MqttError> {
        let session = self.storage.get_session(client_id).await?;
        Ok(session.filter(|session| !session.is_expired()))
    }

    /// Every session, connected or not.
    pub(crate) async fn sessions(&self) -> Result<Vec<ClientSession>, MqttError> {
        let mut sessions = Vec::new();
        for client_id in self.storage.session_client_ids().await? {
            sessions.extend(self.session(&client_id).await?);
        }
        Ok(sessions)
    }

    /// Drops the session under a client id with its subscriptions and messages. False when a
    /// connection holds it: that one has to end first.
    pub(crate) async fn forget(&self, client_id: &str) -> Result<bool, MqttError> {
        let slot = self.router.lock_session(client_id).await;
        if self.router.is_connected(client_id).await {
            return Ok(false);
        }
        self.router.cancel_pending_will(client_id);
        self.storage.remove_session(client_id).await?;
        self.router.set_client_subscriptions(&slot, None).await?;
        self.router.queue_handle(client_id).clear(None);
        self.storage.remove_all_inflight_messages(client_id).await?;
        if let DynamicStorage::File(folder) = &*self.storage {
            // Deletions are written later: a broker that is killed now must not keep the messages.
            folder.flush_queue_writes().await;
        }
        Ok(true)
    }

    /// Retained messages whose topic matches a filter, in the order of their topics.
    pub(crate) async fn retained(&self, filter: &str) -> Result<Vec<RetainedMessage>, MqttError> {
        let found = self.storage.get_retained_messages(filter).await?;
        let mut messages: Vec<_> = found.into_iter().map(|(_, message)| message).collect();
        messages.sort_by(|a, b| a.topic.cmp(&b.topic));
        Ok(messages)
    }

    /// Deletes the retained message of a topic. False when there is none.
    pub(crate) async fn delete_retained(&self, topic: &str) -> bool {
        if !self.router.has_retained_message(topic).await {
            return false;
        }
        let empty = PublishPacket::new(topic, Vec::new(), QoS::AtLeastOnce).with_retain(true);
        self.router.route_message(&empty, None).await;
        true
    }
}

async fn open_folder(folder: &Path, limits: QueueLimits) -> Result<FileBackend, BrokerError> {
    let failed = |reason: String| BrokerError::Store {
        path: folder.to_owned(),
        reason,
    };
    // What homes send is nobody else's business.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failed(error.to_string()))?;
    FileBackend::with_queue_limits(folder, limits)
        .await
        .map_err(|error| failed(error.to_string()))
}
