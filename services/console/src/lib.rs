//! The operator's console and the download page.
//!
//! - `guard`: who is asking, by nginx's word, and that a form was sent by a page of ours. `frame`: what all pages have
//!   in common. `error`: what is said when a page cannot be made.
//! - `gauge`: what has to be counted, counted in the background; `alerts`: what of it needs somebody.
//! - `overview`, `customers`, `permissions`, `jobs`, `refused`, `audit`, `custodian`: the pages.
//! - `listing`: what the lists of customers and permissions share. `typed`: what somebody searches for. `paging`: places
//!   in lists. `view`: how things look.
//! - `actions`: what changes something. Each asks on a page of its own, and is a line of the audit log with the
//!   operator's name. The storage functions are those of the operator's commands.
//! - `output`: the download page. The files themselves are nginx's.
//!
//! Pages show names; logs, metrics and addresses hold ids only. Every list is walked by a key.

mod actions;
mod alerts;
mod audit;
mod config;
mod custodian;
mod customers;
mod error;
mod frame;
mod gauge;
mod guard;
mod jobs;
mod listing;
mod output;
mod overview;
mod paging;
mod permissions;
mod refused;
mod routes;
mod typed;
mod view;

use std::sync::Arc;

use actix_web::web::Data;
use job_queue::Listener;
use service_kit::clock::SharedClock;
use service_kit::http::{HttpError, PublicServer};
use service_kit::program::Context;
use storage::{Database, OpenError};

pub use config::{CertificateConfig, Config, ConsoleConfig};
use gauge::Gauge;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database or its schema.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The public port.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// What the handlers share.
struct Service {
    database: Database,
    listener: Listener,
    gauge: Gauge,
    clock: SharedClock,
    config: Config,
}

/// Serves until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), ServeError> {
    let server = PublicServer::bind(config.console.console_address)?;
    serve(server, config, context).await
}

/// The same on a socket that listens already.
pub async fn serve(
    server: PublicServer,
    config: Config,
    context: Context,
) -> Result<(), ServeError> {
    let database = Database::open(&config.database, &context.checks).await?;
    actions::describe_metrics();
    let service = Arc::new(Service {
        listener: database.listen(&context.shutdown),
        gauge: Gauge::new(context.clock.clone()),
        clock: context.clock.clone(),
        database,
        config,
    });
    context.checks.complete();
    let counting = service.gauge.run(&service.database, &context.shutdown);
    let serving = async {
        let data = Data::from(Arc::clone(&service));
        let ended = server
            .run(&context.shutdown, move |app| routes::routes(app, &data))
            .await;
        // Without the server the rest would go on alone, looking well.
        context.shutdown.begin_soft();
        ended
    };
    let (ended, ()) = tokio::join!(serving, counting);
    Ok(ended?)
}
