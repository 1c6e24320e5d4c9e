//! The browser side of Share My Data: consent page, start, OAuth callback, progress page, and the
//! custodian's notifications.
//!
//! Talks to the custodian only to exchange a code; everything else is asked of `smd-fetcher`
//! through the job table. Never reads a stored token back.

mod callback;
mod config;
mod cookie;
mod notification;
mod pages;
mod refusal;
mod start;
mod status;

use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use service_kit::random::SharedRandom;
use service_kit::secret::Keyring;
use smd_client::{Client, Gateway, GatewayError};
use storage::Database;

pub use config::{Config, PagesConfig};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database, the keys or access to the custodian.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The public port.
    #[error(transparent)]
    Http(#[from] service_kit::http::HttpError),
}

/// What the handlers share.
struct Service {
    database: Database,
    client: Client,
    keys: Keyring,
    random: SharedRandom,
    config: Config,
}

/// Serves until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), ServeError> {
    let server = PublicServer::bind(config.pages.address)?;
    serve(server, config, context).await
}

/// The same on a socket that listens already.
pub async fn serve(
    server: PublicServer,
    config: Config,
    context: Context,
) -> Result<(), ServeError> {
    let Gateway {
        database,
        client,
        keys,
    } = config.gateway.open(&context).await?;
    describe_metrics();
    let service = Data::new(Service {
        database,
        client: client.waiting(callback::LONGEST_WAIT),
        keys,
        random: context.random,
        config,
    });
    server
        .run(&context.shutdown, move |app| routes(app, &service))
        .await?;
    Ok(())
}

fn routes(app: &mut ServiceConfig, service: &Data<Service>) {
    app.app_data(service.clone())
        .service(
            web::resource("/")
                .route(web::get().to(start::consent))
                .route(web::head().to(start::consent))
                .default_service(web::to(pages::only_get_and_head)),
        )
        .service(
            web::resource("/start")
                .route(web::get().to(start::start))
                .default_service(web::to(pages::only_get)),
        )
        .service(
            web::resource("/OAuthCallback")
                .route(web::get().to(callback::callback))
                .default_service(web::to(pages::only_get)),
        )
        .service(
            web::resource("/status/{ticket}")
                .route(web::get().to(status::status))
                .route(web::head().to(status::status))
                .default_service(web::to(pages::only_get_and_head)),
        )
        .service(
            web::resource("/espi/notification")
                .app_data(PayloadConfig::new(notification::LARGEST))
                .route(web::post().to(notification::receive))
                .default_service(web::to(notification::only_post)),
        )
        .default_service(web::to(pages::not_found));
}

fn describe_metrics() {
    metrics::describe_counter!(
        "smd_logins_started_total",
        "Browsers sent to the custodian to authorize"
    );
    metrics::describe_counter!(
        "smd_authorizations_total",
        "Authorizations received and stored"
    );
    metrics::describe_counter!(
        "smd_callbacks_refused_total",
        "Browsers that came back without an authorization, by reason"
    );
    metrics::describe_counter!(
        "smd_notification_links_total",
        "Links of the custodian's notifications, by what was done about them"
    );
}
