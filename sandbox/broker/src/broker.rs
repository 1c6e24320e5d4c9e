//! From a configuration to a running broker.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use serde::Serialize;
use service_kit::health::Readiness;
use service_kit::http::install_tls_provider;
use service_kit::program::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::accounts::Accounts;
use crate::api;
use crate::clients::Clients;
use crate::config::Config;
use crate::connection::Door;
use crate::error::BrokerError;
use crate::listener::{self, Gate};
use crate::registry::Registry;
use crate::store::Store;

/// Where the broker listens, with the ports that were taken for port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// MQTT without TLS.
    pub plain: Option<SocketAddr>,
    /// MQTT over TLS.
    pub tls: Option<SocketAddr>,
    /// The REST API; its paths begin with `/api/v5`.
    pub api: SocketAddr,
}

/// A running broker. It ends when its shutdown begins.
#[derive(Debug)]
pub struct Broker {
    addresses: Addresses,
    task: JoinHandle<Result<(), BrokerError>>,
}

impl Broker {
    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Waits until every connection has ended and everything is stored.
    pub async fn finished(self) -> Result<(), BrokerError> {
        self.task.await?
    }
}

/// Looks at the configuration further than parsing does, without any effect.
pub fn check(config: &Config) -> Result<(), BrokerError> {
    if config.plain.is_none() && config.tls.is_none() {
        return Err(BrokerError::Config(
            "nobody could connect: set METERGATE_SANDBOX_BROKER_PLAIN or METERGATE_SANDBOX_BROKER_TLS",
        ));
    }
    if config.tls.is_some() && (config.tls_certificate.is_none() || config.tls_key.is_none()) {
        return Err(BrokerError::Config(
            "TLS needs METERGATE_SANDBOX_BROKER_TLS_CERTIFICATE and METERGATE_SANDBOX_BROKER_TLS_KEY",
        ));
    }
    if config.party_username.is_empty() || config.api_key.is_empty() {
        return Err(BrokerError::Config(
            "METERGATE_SANDBOX_BROKER_PARTY_USERNAME and METERGATE_SANDBOX_BROKER_API_KEY must not be empty",
        ));
    }
    Ok(())
}

/// Runs until the shutdown begins.
pub async fn run(config: Config, context: Context) -> Result<(), BrokerError> {
    let broker = start(config, &context).await?;
    tracing::info!(addresses = ?broker.addresses, "the sandbox broker is ready");
    broker.finished().await
}

/// Listens and serves in the background of the current runtime until the shutdown begins.
pub async fn start(config: Config, context: &Context) -> Result<Broker, BrokerError> {
    check(&config)?;
    install_tls_provider();
    let tls = match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) if config.tls.is_some() => {
            Some(listener::tls(certificate, key).await?)
        }
        _ => None,
    };
    let accounts = Accounts::new(&config.database_url, config.database_connections)?;
    let plain_listener = bind("plain", config.plain).await?;
    let tls_listener = bind("TLS", config.tls).await?;
    let api_listener = api::bind(config.api)?;
    let addresses = Addresses {
        plain: plain_listener.as_ref().map(|bound| bound.1),
        tls: tls_listener.as_ref().map(|bound| bound.1),
        api: api_listener.1,
    };
    let door = Arc::new(Door {
        accounts,
        clients: Clients {
            registry: Registry::default(),
            store: Store::open(&config).await?,
        },
        party_username: config.party_username.clone(),
        party_password: config.party_password.clone(),
        home_rate: config.home_rate,
        clock: Arc::clone(&context.clock),
        number: AtomicU64::new(0),
    });
    let server = api::server(
        api_listener.0,
        &config,
        Arc::clone(&door),
        &context.shutdown,
    )?;
    let gate = Arc::new(Gate::new(&config, Arc::clone(&door), &context.shutdown));
    if let Some(path) = &config.address_file {
        write_whole(path, &addresses).map_err(|source| BrokerError::AddressFile {
            path: path.clone(),
            source,
        })?;
    }
    context.checks.add(AccessTables(Arc::clone(&door)));
    context.checks.complete();
    let shutdown = context.shutdown.clone();
    let task = tokio::spawn(async move {
        let plain = async {
            if let Some((listener, _)) = plain_listener {
                Arc::clone(&gate).accept(listener, None).await;
            }
        };
        let secure = async {
            if let Some((listener, _)) = tls_listener {
                Arc::clone(&gate).accept(listener, tls).await;
            }
        };
        let upkeep = door.clients.store.upkeep(&shutdown);
        let ((), (), (), outcome) = tokio::join!(plain, secure, upkeep, server);
        gate.empty().await;
        door.clients.store.close().await;
        outcome
    });
    Ok(Broker { addresses, task })
}

async fn bind(
    what: &'static str,
    address: Option<SocketAddr>,
) -> Result<Option<(TcpListener, SocketAddr)>, BrokerError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let failed = |source| BrokerError::Listen {
        what,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok(Some((listener, bound)))
}

/// Writes a file that nobody sees half written.
fn write_whole(path: &Path, addresses: &Addresses) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, serde_json::to_string(addresses)?)?;
    std::fs::rename(&partial, path)
}

/// Ready while the access tables can be read.
struct AccessTables(Arc<Door>);

#[async_trait]
impl Readiness for AccessTables {
    fn name(&self) -> &'static str {
        "access tables"
    }

    async fn check(&self) -> Result<(), String> {
        let answer = self.0.accounts.rules("").await;
        answer.map(|_| ()).map_err(|error| error.to_string())
    }
}
