//! The eligible party's MQTT side: takes what homes send in, and sends them commands and inbound data.
//!
//! - `ingest` takes data, acknowledgements and status in: a client of MQTT 5 that acknowledges after the commit
//!   (`docs/adr/0007`).
//! - `outbound` publishes commands and inbound data; `live` serves what comes in as server-sent events.
//! - `partitions` keeps one partition per day and drops those whose time is over.
//! - `broker` is how all of them reach the broker; `config` is the rest of the configuration; `trial` is a login to see
//!   whether it works.
//!
//! Changes no permission: what a home says of its own becomes a job for `aiida-permission`.

mod broker;
mod config;
mod ingest;
mod live;
mod outbound;
mod partitions;
#[cfg(test)]
mod testing;
mod trial;

use std::sync::Arc;

use job_queue::{Worker, WorkerSettings};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use storage::Database;
use storage::kinds::{AiidaCommand, StreamPartitions};

pub use broker::{BrokerConfig, BrokerUrl, BrokerUrlError, LoginError};
pub use config::{Config, StreamConfig};
pub use ingest::TlsError;
pub use live::{CONNECTIONS as LIVE_CONNECTIONS, LiveConfig, LiveError};
pub use outbound::OutboundConfig;
pub use trial::{TrialError, try_broker};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database or its schema.
    #[error(transparent)]
    Database(#[from] storage::OpenError),
    /// Our user at the broker.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The broker's certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The public port.
    #[error(transparent)]
    Http(#[from] service_kit::http::HttpError),
    /// The event streams.
    #[error(transparent)]
    Live(#[from] LiveError),
}

/// What the parts of the service share.
struct Service {
    database: Database,
    config: Config,
    context: Context,
}

/// Works until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), ServeError> {
    let server = PublicServer::bind(config.stream.address)?;
    serve(server, config, context).await
}

/// The same on a socket that listens already.
pub async fn serve(
    server: PublicServer,
    mut config: Config,
    context: Context,
) -> Result<(), ServeError> {
    config.broker = config.broker.resolved()?;
    let database = Database::open(&config.database, &context.checks).await?;
    let listener = database.listen(&context.shutdown);
    let service = Arc::new(Service {
        database,
        config,
        context,
    });
    let ingest = ingest::Ingest::new(Arc::clone(&service))?;
    service.context.checks.complete();
    let shutdown = service.context.shutdown.clone();
    let outbound = outbound::Outbound::new(&service);
    let worker = Worker::new(
        service.database.pool().clone(),
        listener,
        shutdown.clone(),
        WorkerSettings::default(),
    )
    .handle::<StreamPartitions, _>(1, partitions::Partitions(Arc::clone(&service)))
    .handle::<AiidaCommand, _>(outbound::CONCURRENCY, outbound.clone());
    let events = async {
        let Service {
            config, context, ..
        } = &*service;
        let ended = live::serve(server, &config.live, &config.database, context).await;
        // Also when it broke down: then the program is of no use without it.
        context.shutdown.begin_soft();
        ended
    };
    let (events, (), ()) = tokio::join!(Box::pin(events), worker.run(), Box::pin(ingest.run()));
    outbound.close().await;
    Ok(events?)
}
