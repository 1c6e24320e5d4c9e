//! Clients by client id, connected or not: looking at them, and ending them.

use std::time::Duration;

use jiff::Timestamp;
use mqtt5::MqttError;

use crate::registry::Registry;
use crate::store::Store;

/// How long a connection may take to say goodbye before it is cut.
const GOODBYE: Duration = Duration::from_secs(2);

/// How often a client that comes back while it is thrown out is thrown out again.
const ATTEMPTS: u32 = 10;

/// A client, as EMQX's REST API shows it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) connected: bool,
    /// 4 is MQTT 3.1.1; unknown when it is not connected.
    pub(crate) protocol: Option<u8>,
    pub(crate) connected_at: Option<Timestamp>,
    /// Seconds that its session outlives the connection.
    pub(crate) session_seconds: u32,
}

pub(crate) struct Clients {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
}

impl Clients {
    /// All clients in the order of their ids: open connections, and sessions without one.
    pub(crate) async fn list(&self) -> Result<Vec<Client>, MqttError> {
        let sessions = self.store.sessions().await?;
        let mut clients: Vec<Client> = Vec::new();
        for seen in self.registry.all() {
            let session = sessions
                .iter()
                .find(|session| session.client_id == seen.client_id);
            clients.push(Client {
                id: seen.client_id,
                username: seen.username,
                connected: true,
                protocol: Some(seen.protocol),
                connected_at: Some(seen.connected_at),
                session_seconds: session.and_then(|one| one.expiry_interval).unwrap_or(0),
            });
        }
        for session in sessions {
            if clients.iter().all(|one| one.id != session.client_id) {
                clients.push(Client {
                    id: session.client_id,
                    username: session.user_id.unwrap_or_default(),
                    connected: false,
                    protocol: None,
                    connected_at: None,
                    session_seconds: session.expiry_interval.unwrap_or(0),
                });
            }
        }
        clients.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(clients)
    }

    /// Whether there is a connection or a session under this client id.
    pub(crate) async fn exists(&self, client_id: &str) -> Result<bool, MqttError> {
        Ok(!self.registry.strings(client_id).is_empty()
            || self.store.session(client_id).await?.is_some())
    }

    /// Ends the connection under a client id and drops its session. When this returns, nothing that
    /// the client has sent is still under way. False when there was neither.
    pub(crate) async fn kick(&self, client_id: &str) -> Result<bool, MqttError> {
        let existed = self.exists(client_id).await?;
        for _ in 0..ATTEMPTS {
            self.end(client_id).await;
            if self.store.forget(client_id).await? {
                return Ok(existed);
            }
        }
        Err(MqttError::InvalidState(
            "the client comes back faster than it can be thrown out".to_owned(),
        ))
    }

    async fn end(&self, client_id: &str) {
        let open = self.registry.strings(client_id);
        if open.is_empty() {
            // Who is in the router and not here broke off without a word.
            self.store.router.disconnect_client(client_id).await;
        }
        for strings in &open {
            strings.end();
        }
        for strings in &open {
            let goodbye = tokio::time::timeout(GOODBYE, strings.ended.cancelled());
            if goodbye.await.is_err() {
                strings.cut.cancel();
                strings.ended.cancelled().await;
                // Cut in the middle, it could not strike itself out of the router.
                self.store.router.disconnect_client(client_id).await;
            }
        }
    }
}
