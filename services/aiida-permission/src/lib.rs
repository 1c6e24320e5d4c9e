//! The permission facade of AIIDA: what homes call, what households see, and what becomes of a permission.
//!
//! - `handshake` and `requests`: asking for permissions, and the home's answer; `accept`: the answer that counts, one
//!   `under_way` for each permission, with `passwords` that are made in advance. `tokens` lets the home in, `refusal`
//!   is what it sees when something is wrong.
//! - `pages`: the household's page with the code; `feed` and `status_messages`: changes as they happen.
//! - `jobs`: what homes tell later, and what time does; `terminate`: the end that the eligible party wants.
//! - [`DataNeeds`]: what may be asked for. `api` and `webhook`: the eligible party's side.
//!
//! This service alone changes the status of a permission. It never speaks to the broker: that is asked of
//! `mqtt-iam` and `aiida-stream` through the job table.

mod accept;
mod api;
mod config;
mod cors;
mod data_needs;
mod feed;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handshake;
mod jobs;
mod pages;
mod passwords;
mod refusal;
mod requests;
mod routes;
mod service;
mod status_messages;
mod terminate;
mod tokens;
mod under_way;
pub mod webhook;

use ::pages::operator::OperatorError;
use ::pages::texts::TextsError;
use actix_web::web::Data;
use job_queue::{Worker, WorkerSettings};
use service_kit::http::{HttpError, PublicServer};
use service_kit::program::Context;
use storage::kinds::{AiidaStatus, AiidaTerminate, AiidaTimeout, WebhookDeliver};
use storage::numbers::PermissionMeasure;
use storage::{Database, OpenError};

pub use config::{Config, ConfigError, FacadeConfig, ProcessConfig, WebhookConfig};
pub use data_needs::{DataNeeds, DataNeedsError};
pub(crate) use service::Service;
use webhook::{CatchUpError, Webhook, WebhookError};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of data needs.
    #[error(transparent)]
    DataNeeds(#[from] DataNeedsError),
    /// The database or its schema.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The public port.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The webhook as configured.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// Name, logo or links of whoever asks.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The texts of the pages.
    #[error(transparent)]
    Texts(#[from] TextsError),
    /// What the webhook has not been told yet.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
}

/// Serves until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), ServeError> {
    let server = PublicServer::bind(config.facade.aiida_permission_address)?;
    serve(server, config, context).await
}

/// The same on a socket that listens already.
pub async fn serve(
    server: PublicServer,
    config: Config,
    context: Context,
) -> Result<(), ServeError> {
    config.check()?;
    let database = Database::open(&config.database, &context.checks).await?;
    context
        .checks
        .measure(PermissionMeasure::new(database.clone()));
    let service = Data::new(Service::new(config, database, &context)?);
    service::describe_metrics();
    let webhook = Webhook::new(
        &service.config.webhook,
        service.database.clone(),
        service.clock.clone(),
    )?;
    webhook.catch_up().await?;
    let worker = Worker::new(
        service.database.pool().clone(),
        service.listener.clone(),
        context.shutdown.clone(),
        WorkerSettings::default(),
    )
    .handle::<AiidaStatus, _>(8, jobs::Jobs::new(&service))
    .handle::<AiidaTerminate, _>(1, jobs::Jobs::new(&service))
    .handle::<AiidaTimeout, _>(1, jobs::Jobs::new(&service))
    .handle::<WebhookDeliver, _>(1, webhook);
    context.checks.complete();
    let feed = service.feed.run(&service.database, &context.shutdown);
    let open_pages = service.open_pages.run(&service);
    let serving = async {
        let service = service.clone();
        let listening = server.run(&context.shutdown, move |app| {
            routes::routes(app, &service);
            api::routes(app);
        });
        let ended = listening.await;
        // Without the server the rest would go on alone, looking well.
        context.shutdown.begin_soft();
        ended
    };
    let (ended, (), (), ()) = tokio::join!(serving, worker.run(), feed, open_pages);
    Ok(ended?)
}
