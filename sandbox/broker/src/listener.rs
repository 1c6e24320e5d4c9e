//! Accepting connections and handing each to the broker's own handler, with the strings attached
//! by which it can be ended.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mqtt5::MqttError;
use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::resource_monitor::{ResourceLimits, ResourceMonitor};
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::tls_acceptor::{TlsAcceptorConfig, TlsStreamWrapper, accept_tls_connection};
use mqtt5::broker::transport::BrokerTransport;
use mqtt5::broker::{BrokerConfig, StorageBackendType, StorageConfig};
use service_kit::shutdown::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::connection::{Connection, Door};
use crate::error::BrokerError;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the connections have to end when the broker stops.
const GOODBYE: Duration = Duration::from_secs(3);

/// How long to wait after a failed accept: the machine is out of files or memory.
const RECOVERY: Duration = Duration::from_millis(100);

/// Most subscriptions of one client; a home has a handful.
const SUBSCRIPTIONS: usize = 100;

/// Makes a TLS stream out of an accepted connection.
type Accept = dyn Fn(TcpStream, SocketAddr) -> TlsHandshake + Send + Sync;
type TlsHandshake =
    std::pin::Pin<Box<dyn Future<Output = Result<TlsStreamWrapper, MqttError>> + Send>>;

/// What turns sockets into clients.
pub(crate) struct Gate {
    door: Arc<Door>,
    config: BrokerConfig,
    stats: Arc<BrokerStats>,
    monitor: Arc<ResourceMonitor>,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    shutdown: Shutdown,
}

impl Gate {
    pub(crate) fn new(config: &Config, door: Arc<Door>, shutdown: &Shutdown) -> Self {
        let unlimited = ResourceLimits {
            max_connections: usize::MAX,
            max_connections_per_ip: usize::MAX,
            max_message_rate_per_client: 0,
            max_bandwidth_per_client: 0,
            max_connection_rate: u32::MAX,
            rate_limit_window: Duration::from_secs(1),
        };
        Self {
            door,
            config: broker_config(config),
            stats: Arc::new(BrokerStats::new()),
            monitor: Arc::new(ResourceMonitor::new(unlimited)),
            places: Arc::new(Semaphore::new(
                config.connections.min(Semaphore::MAX_PERMITS),
            )),
            connections: TaskTracker::new(),
            shutdown: shutdown.clone(),
        }
    }

    /// Accepts until the shutdown begins.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, tls: Option<Arc<Accept>>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.soft().cancelled() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("no connection was accepted: {error}");
                    tokio::time::sleep(RECOVERY).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                tracing::warn!("a connection was refused: there are as many as may be");
                continue;
            };
            let (gate, tls) = (Arc::clone(&self), tls.clone());
            self.connections.spawn(async move {
                gate.welcome(stream, address, tls).await;
                drop(place);
            });
        }
    }

    /// Waits until every connection has ended.
    pub(crate) async fn empty(&self) {
        self.connections.close();
        self.connections.wait().await;
    }

    async fn welcome(&self, stream: TcpStream, address: SocketAddr, tls: Option<Arc<Accept>>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("small packets will wait: {error}");
        }
        let transport = match tls {
            None => BrokerTransport::tcp(stream),
            Some(tls) => {
                let handshake = tokio::time::timeout(HANDSHAKE, tls(stream, address));
                match handshake.await {
                    Ok(Ok(stream)) => BrokerTransport::tls(stream),
                    Ok(Err(error)) => return tracing::debug!("no TLS: {error}"),
                    Err(_) => return tracing::debug!("the TLS handshake took too long"),
                }
            }
        };
        self.serve(transport, address).await;
    }

    async fn serve(&self, transport: BrokerTransport, address: SocketAddr) {
        let connection = Arc::new(Connection::new(Arc::clone(&self.door)));
        let mut config = self.config.clone();
        config.event_handler = Some(Arc::<Connection>::clone(&connection));
        let strings = connection.strings.clone();
        let store = &self.door.clients.store;
        let handler = ClientHandler::new(
            transport,
            address,
            Arc::new(config),
            Arc::clone(&store.router),
            Arc::<Connection>::clone(&connection),
            Some(Arc::clone(&store.storage)),
            Arc::clone(&self.stats),
            Arc::clone(&self.monitor),
            strings.goodbye(),
        );
        // Also when the handler panics: the client id must not stay taken.
        let _leaving = Leaving(connection);
        let stop = async {
            self.shutdown.soft().cancelled().await;
            strings.end();
            tokio::time::sleep(GOODBYE).await;
        };
        tokio::select! {
            outcome = handler.run() => if let Err(error) = outcome {
                tracing::debug!("a connection ended: {error}");
            },
            () = strings.cut.cancelled() => {}
            () = stop => {}
        }
    }
}

/// Strikes a connection out when it goes, however it goes.
struct Leaving(Arc<Connection>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}

fn broker_config(config: &Config) -> BrokerConfig {
    let mut broker = BrokerConfig::new();
    // Listening, storing and the broker's own topics are ours or off.
    broker.bind_addresses = Vec::new();
    broker.storage_config = StorageConfig::new().with_backend(StorageBackendType::Memory);
    broker.sys_topics_enabled = false;
    broker.auth_config.allow_anonymous = false;
    broker.session_expiry_interval = Duration::from_secs(u64::from(config.session_seconds));
    broker.max_clients = config.connections;
    broker.max_packet_size = config.packet_bytes;
    broker.max_retained_message_size = config.packet_bytes;
    broker.max_subscriptions_per_client = SUBSCRIPTIONS;
    broker
}

/// Reads the certificate and its key and prepares handshakes with them.
pub(crate) async fn tls(certificate: &Path, key: &Path) -> Result<Arc<Accept>, BrokerError> {
    let failed = |error: MqttError| BrokerError::Certificate {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        reason: error.to_string(),
    };
    let chain = TlsAcceptorConfig::load_cert_chain_from_file(certificate)
        .await
        .map_err(failed)?;
    let private = TlsAcceptorConfig::load_private_key_from_file(key)
        .await
        .map_err(failed)?;
    let acceptor = TlsAcceptorConfig::new(chain, private)
        .build_acceptor()
        .map_err(failed)?;
    Ok(Arc::new(move |stream, address| {
        let acceptor = acceptor.clone();
        Box::pin(async move { accept_tls_connection(&acceptor, stream, address).await })
    }))
}
