//! From a configuration to two listeners.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use serde_json::json;
use service_kit::http::install_tls_provider;
use service_kit::program::Context;
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::clients::{Clients, ClientsError};
use crate::config::{Config, ListenConfig};
use crate::model::ModelError;
use crate::notify::{Notifier, NotifyError};
use crate::tls::{self, TlsError};
use crate::world::World;
use crate::{control, gateway, pages};

/// The largest body that is read; forms and token requests are far smaller.
const BODY: usize = 64 * 1024;

/// How long a connection may lie idle, and how long a request may take to arrive: tests run on busy machines.
const PATIENCE: Duration = Duration::from_mins(2);

/// Seconds that answers under way may still take when the shutdown begins.
const DRAIN: u64 = 3;

/// Why the sandbox does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The third parties could not be registered.
    #[error(transparent)]
    Clients(#[from] ClientsError),
    /// TLS could not be prepared.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Notifications could not be prepared.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// The model could not be made.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An address cannot be listened on.
    #[error("the {what} listener cannot have {address}: {source}: choose another address")]
    Listen {
        /// Pages or API.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The addresses could not be written down.
    #[error("the addresses cannot be written to {path}: {source}")]
    AddressFile {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A listener ended with an error.
    #[error("a listener ended: {0}")]
    Serve(#[source] std::io::Error),
    /// The task of the listeners ended without an answer.
    #[error("the listeners' task broke off: {0}")]
    Task(#[source] tokio::task::JoinError),
}

/// A running sandbox custodian. It ends when its shutdown begins.
#[derive(Debug)]
pub struct Custodian {
    /// Where the customer's pages and the control endpoints are.
    pub pages: SocketAddr,
    /// Where the API is.
    pub api: SocketAddr,
    /// What the pages are called, without a trailing slash.
    pub pages_base: String,
    /// What the API is called in links, without a trailing slash.
    pub api_base: String,
    task: JoinHandle<Result<(), RunError>>,
}

impl Custodian {
    /// Waits until both listeners have ended.
    pub async fn finished(self) -> Result<(), RunError> {
        self.task.await.map_err(RunError::Task)?
    }
}

/// Looks at the configuration further than parsing does, without any effect.
pub fn check(config: &Config) -> Result<(), RunError> {
    Clients::register(&config.client)?;
    tls::server_config(&config.listen.tls_certificate, &config.listen.tls_key, true)?;
    Ok(())
}

/// Runs until the shutdown begins.
pub async fn run(config: Config, context: Context) -> Result<(), RunError> {
    let custodian = start(config, &context)?;
    context.checks.complete();
    tracing::info!(pages = %custodian.pages_base, api = %custodian.api_base, "the sandbox custodian is ready");
    custodian.finished().await
}

/// Listens and serves in the background of the current runtime until the shutdown begins. The
/// addresses in the answer have the ports that were taken for port 0.
pub fn start(config: Config, context: &Context) -> Result<Custodian, RunError> {
    install_tls_provider();
    let listen = config.listen.clone();
    let clients = Clients::register(&config.client)?;
    let (pages_listener, pages_address) = bind("pages", listen.pages)?;
    let (api_listener, api_address) = bind("API", listen.api)?;
    let pages_base = base(
        if listen.pages_tls { "https" } else { "http" },
        pages_address,
    );
    let api_base = listen.api_base.as_ref().map_or_else(
        || base("https", api_address),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    );
    let notifier = Notifier::new(&config.notifications, &context.shutdown)?;
    let (clock, random) = (Arc::clone(&context.clock), Arc::clone(&context.random));
    let world = World::new(config, clients, clock, random, notifier, api_base.clone())?;
    let world = web::Data::new(world);
    let pages = pages_server(pages_listener, &listen, world.clone())?;
    let api = api_server(api_listener, &listen, world)?;
    if let Some(path) = &listen.address_file {
        let text = json!({ "pages": pages_base, "api": api_base }).to_string();
        write_whole(path, &text).map_err(|source| RunError::AddressFile {
            path: path.clone(),
            source,
        })?;
    }
    let stop = context.shutdown.soft().clone();
    let task = tokio::spawn(async move {
        let handles = [pages.handle(), api.handle()];
        let both = async {
            tokio::try_join!(pages, api)
                .map(|_| ())
                .map_err(RunError::Serve)
        };
        let ended = async move {
            stop.cancelled().await;
            tokio::join!(stopped(&handles[0]), stopped(&handles[1]));
        };
        // Commands to a server are obeyed only while it is polled: both go together.
        let (served, ()) = tokio::join!(both, ended);
        served
    });
    Ok(Custodian {
        pages: pages_address,
        api: api_address,
        pages_base,
        api_base,
        task,
    })
}

/// Writes a file that nobody sees half written.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text)?;
    std::fs::rename(&partial, path)
}

async fn stopped(handle: &ServerHandle) {
    handle.stop(true).await;
}

fn bind(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), RunError> {
    let failed = |source| RunError::Listen {
        what,
        address,
        source,
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// What a listener is called when nobody says otherwise: certificates name `localhost`.
fn base(scheme: &str, address: SocketAddr) -> String {
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}

fn pages_server(
    listener: TcpListener,
    config: &ListenConfig,
    world: web::Data<World>,
) -> Result<Server, RunError> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(world.clone())
            .app_data(web::PayloadConfig::new(BODY))
            .configure(control::configure)
            .configure(pages::configure)
    })
    .workers(1)
    .keep_alive(PATIENCE)
    .client_request_timeout(PATIENCE)
    .shutdown_timeout(DRAIN)
    .disable_signals();
    let server = if config.pages_tls {
        let tls = tls::server_config(&config.tls_certificate, &config.tls_key, false)?;
        server.listen_rustls_0_23(listener, tls)
    } else {
        server.listen(listener)
    };
    Ok(server.map_err(RunError::Serve)?.run())
}

fn api_server(
    listener: TcpListener,
    config: &ListenConfig,
    world: web::Data<World>,
) -> Result<Server, RunError> {
    let tls = tls::server_config(&config.tls_certificate, &config.tls_key, true)?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(world.clone())
            .app_data(web::PayloadConfig::new(BODY))
            .default_service(web::to(gateway::handle))
    })
    .on_connect(tls::remember_peer)
    .workers(1)
    .keep_alive(PATIENCE)
    .client_request_timeout(PATIENCE)
    .shutdown_timeout(DRAIN)
    .disable_signals()
    .listen_rustls_0_23(listener, tls);
    Ok(server.map_err(RunError::Serve)?.run())
}
