//! The part of EMQX 5.8's REST API that Metergate uses, with its paths, bodies and codes: clients
//! ([`clients`]), retained messages ([`retainer`]), and the status. Basic authentication by key and
//! secret on everything but the status.

mod clients;
mod retainer;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpResponse, HttpResponseBuilder, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service_kit::secret::{ExposeSecret as _, Secret};
use service_kit::shutdown::Shutdown;
use subtle::ConstantTimeEq as _;

use crate::config::Config;
use crate::connection::Door;
use crate::error::BrokerError;

/// What this broker is called where EMQX names a node of its cluster.
const NODE: &str = "sandbox@127.0.0.1";

/// Entries on a page when the caller does not say, and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 10_000;

/// The largest body that is read.
const BODY: usize = 1024 * 1024;

/// Seconds that answers under way may still take when the shutdown begins.
const DRAIN: u64 = 5;

/// What callers must know.
struct Credentials {
    key: String,
    secret: Secret,
}

/// Listens for callers.
pub(crate) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BrokerError> {
    let failed = |source| BrokerError::Listen {
        what: "REST API",
        address,
        source,
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The server; it ends after the shutdown has begun.
pub(crate) fn server(
    listener: TcpListener,
    config: &Config,
    door: Arc<Door>,
    shutdown: &Shutdown,
) -> Result<impl Future<Output = Result<(), BrokerError>> + Send + use<>, BrokerError> {
    let door = web::Data::from(door);
    let credentials = web::Data::new(Credentials {
        key: config.api_key.clone(),
        secret: config.api_secret.clone(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(door.clone())
            .app_data(credentials.clone())
            .app_data(web::JsonConfig::default().limit(BODY))
            .route("/status", web::get().to(status))
            .route("/api/v5/status", web::get().to(status))
            .service(
                web::scope("/api/v5")
                    .wrap(from_fn(authenticate))
                    .configure(clients::configure)
                    .configure(retainer::configure),
            )
    })
    .workers(1)
    .shutdown_timeout(DRAIN)
    .disable_signals()
    .listen(listener)
    .map_err(BrokerError::Serve)?
    .run();
    let stop = shutdown.soft().clone();
    Ok(async move {
        let handle = server.handle();
        let stopped = async move {
            stop.cancelled().await;
            handle.stop(true).await;
        };
        // Commands to a server are obeyed only while it is polled: both go together.
        let (outcome, ()) = tokio::join!(server, stopped);
        outcome.map_err(BrokerError::Serve)
    })
}

/// EMQX's error body.
fn refuse(mut response: HttpResponseBuilder, code: &str, message: &str) -> HttpResponse {
    response.json(json!({ "code": code, "message": message }))
}

/// The broker's own fault: what it says goes to the log and, as at EMQX, to the caller.
fn failed(error: &mqtt5::MqttError) -> HttpResponse {
    tracing::error!("the REST API could not do what it was asked: {error}");
    refuse(
        HttpResponse::InternalServerError(),
        "INTERNAL_ERROR",
        &error.to_string(),
    )
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Paging {
    page: Option<usize>,
    limit: Option<usize>,
}

/// Cuts a page out of a list, with the `meta` that EMQX puts beside it.
fn page<T: Serialize>(all: &[T], paging: Paging) -> HttpResponse {
    let (page, limit) = (paging.page.unwrap_or(1), paging.limit.unwrap_or(PAGE));
    if page == 0 || limit == 0 || limit > LONGEST_PAGE {
        let message = "page begins with 1, limit is between 1 and 10000";
        return refuse(HttpResponse::BadRequest(), "BAD_REQUEST", message);
    }
    let skipped = (page - 1).saturating_mul(limit);
    let data: Vec<&T> = all.iter().skip(skipped).take(limit).collect();
    let has_next = all.len() > skipped.saturating_add(limit);
    HttpResponse::Ok().json(json!({
        "data": data,
        "meta": { "count": all.len(), "hasnext": has_next, "limit": limit, "page": page },
    }))
}

#[derive(Deserialize)]
struct StatusQuery {
    format: Option<String>,
}

async fn status(query: web::Query<StatusQuery>) -> HttpResponse {
    if query.format.as_deref() == Some("json") {
        return HttpResponse::Ok().json(json!({
            "node_name": NODE,
            "rel_vsn": env!("CARGO_PKG_VERSION"),
            "broker_status": "started",
            "app_status": "running",
        }));
    }
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(format!("Node {NODE} is started\nemqx is running"))
}

async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let known = request
        .app_data::<web::Data<Credentials>>()
        .is_some_and(|credentials| is_known(&request, credentials));
    if known {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let refusal = refuse(
        HttpResponse::Unauthorized(),
        "BAD_API_KEY_OR_SECRET",
        "Check api_key/api_secret",
    );
    Ok(request.into_response(refusal))
}

fn is_known(request: &ServiceRequest, credentials: &Credentials) -> bool {
    let header = request.headers().get(AUTHORIZATION);
    let given = header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| STANDARD.decode(value.trim()).ok())
        .unwrap_or_default();
    let expected = format!("{}:{}", credentials.key, credentials.secret.expose_secret());
    bool::from(expected.as_bytes().ct_eq(&given))
}
