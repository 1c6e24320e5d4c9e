//! The browser side of Share My Data: consent page, start, OAuth callback, progress page, and the
//! custodian's notifications. What the pages say is in `texts/`, a file per language.
//!
//! Talks to the custodian only to exchange a code; everything else is asked of `smd-fetcher`
//! through the job table. Never reads a stored token back.

mod answers;
mod callback;
mod config;
mod cookie;
mod failure;
mod feed;
mod notification;
mod refusal;
mod start;
mod status;

use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use jiff::tz::TimeZone;
use pages::operator::{Operator, OperatorError};
use pages::sse::Streams;
use pages::texts::{Texts, TextsError};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use service_kit::random::SharedRandom;
use service_kit::secret::Keyring;
use smd_client::{Client, Gateway, GatewayError};
use storage::Database;
use storage::policy::ZoneError;

pub use config::{Config, PagesConfig};
use feed::Feed;

/// Pages that are told their progress at a time; others look for themselves.
const MOST_STREAMS: usize = 1000;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database, the keys or access to the custodian.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The public port.
    #[error(transparent)]
    Http(#[from] service_kit::http::HttpError),
    /// Name, logo or links of whoever asks.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The zone in which days are written.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// The texts of the pages.
    #[error(transparent)]
    Texts(#[from] TextsError),
}

/// What the handlers share.
struct Service {
    database: Database,
    client: Client,
    keys: Keyring,
    random: SharedRandom,
    texts: Texts,
    operator: Operator,
    zone: TimeZone,
    feed: Feed,
    streams: Streams,
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
    let operator = config.operator.load()?;
    let zone = config.gateway.history.zone()?;
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
        texts: answers::texts()?,
        operator,
        zone,
        feed: Feed::default(),
        streams: Streams::new(MOST_STREAMS, context.shutdown.clone()),
        config,
    });
    context.checks.complete();
    let feed = service.feed.run(&service.database, &context.shutdown);
    let serving = async {
        let service = service.clone();
        let listening = server.run(&context.shutdown, move |app| routes(app, &service));
        let ended = listening.await;
        // Without the server the feed would go on alone.
        context.shutdown.begin_soft();
        ended
    };
    let (ended, ()) = tokio::join!(serving, feed);
    Ok(ended?)
}

fn routes(app: &mut ServiceConfig, service: &Data<Service>) {
    app.app_data(service.clone())
        .service(
            web::resource("/")
                .route(web::get().to(start::consent))
                .route(web::head().to(start::consent))
                .default_service(web::to(answers::only_get_and_head)),
        )
        .service(
            web::resource("/start")
                .route(web::get().to(start::start))
                .default_service(web::to(answers::only_get)),
        )
        .service(
            web::resource("/OAuthCallback")
                .route(web::get().to(callback::callback))
                .default_service(web::to(answers::only_get)),
        )
        .service(
            web::resource(status::SCRIPT)
                .route(web::get().to(status::script))
                .route(web::head().to(status::script))
                .default_service(web::to(answers::only_get_and_head)),
        )
        .service(
            web::resource("/status/{ticket}/events")
                .route(web::get().to(status::events))
                .default_service(web::to(answers::only_get)),
        )
        .service(
            web::resource("/status/{ticket}")
                .route(web::get().to(status::status))
                .route(web::head().to(status::status))
                .default_service(web::to(answers::only_get_and_head)),
        )
        .service(
            web::resource("/espi/notification")
                .app_data(PayloadConfig::new(notification::LARGEST))
                .route(web::post().to(notification::receive))
                .default_service(web::to(notification::only_post)),
        )
        .default_service(web::to(answers::not_found));
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
        "smd_progress_looks_total",
        "Looks at the database for all progress pages that are open"
    );
    metrics::describe_counter!(
        "smd_notification_links_total",
        "Links of the custodian's notifications, by what was done about them"
    );
}
