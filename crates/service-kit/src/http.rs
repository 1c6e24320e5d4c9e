//! The public port of a service: an actix server behind nginx, with soft and hard shutdown,
//! a span and numbers per request, and problem details where actix answers by itself.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{App, HttpMessage as _, HttpServer, web};
use tracing::Span;
use tracing_actix_web::{RootSpanBuilder, TracingLogger};

use crate::problem;
use crate::shutdown::Shutdown;

/// Upper bound for the drain inside actix, in seconds. The shutdown's own deadline comes earlier.
const DRAIN_SECONDS: u64 = 3600;

/// Worker threads: the services wait for the database, they do not compute.
const WORKERS: usize = 2;

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: check that no other program does, or configure another address"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The server broke down.
    #[error("the server on {address} broke down")]
    Serve {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// Makes rustls use ring in this process, unless it already has a provider. HTTP clients panic
/// without one; [`crate::program`] calls this at the start, tests call it themselves.
pub fn install_tls_provider() {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::trace!("a provider of cryptography was already installed");
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750); the scheme's name in any case.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A listening socket that becomes a server. Two steps, so that a test can listen on port 0 and
/// learn the port, and so that a program fails before it starts anything else.
#[derive(Debug)]
pub struct PublicServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl PublicServer {
    /// Listens on `address`.
    pub fn bind(address: SocketAddr) -> Result<Self, HttpError> {
        let failed = |source| HttpError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The address with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves what `configure` registers. The soft shutdown stops accepting and lets requests under
    /// way finish (endless ones, such as event streams, must watch [`Shutdown::soft`] themselves);
    /// the hard one returns at once.
    ///
    /// Each worker is a thread with its own runtime: a task or a database connection made in a
    /// handler ends with the server.
    pub async fn run<F>(self, shutdown: &Shutdown, configure: F) -> Result<(), HttpError>
    where
        F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    {
        let address = self.address;
        let failed = |source| HttpError::Serve { address, source };
        let server = HttpServer::new(move || {
            App::new()
                .wrap(TracingLogger::<RouteSpan>::new())
                .configure(problem::configure)
                .configure(configure.clone())
        })
        .workers(WORKERS)
        .disable_signals()
        .shutdown_timeout(DRAIN_SECONDS)
        .listen(self.listener)
        .map_err(failed)?
        .run();

        tracing::info!(%address, "listening");
        let handle = server.handle();
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => return ended.map_err(failed),
            () = shutdown.soft().cancelled() => {}
        }
        let drain = async {
            // The command is obeyed only while the server is polled, so both go together.
            let (ended, ()) = tokio::join!(&mut server, handle.stop(true));
            ended
        };
        tokio::select! {
            ended = drain => ended.map_err(failed),
            () = shutdown.hard().cancelled() => Ok(()),
        }
    }
}

/// The span of a request: method and route pattern only. The path itself may hold a ticket, the
/// query a code, and the client's address is personal. A `traceparent` from outside is not
/// continued: whoever calls is not part of our system.
struct RouteSpan;

impl RootSpanBuilder for RouteSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        request.extensions_mut().insert(Started(Instant::now()));
        let route = request
            .match_pattern()
            .unwrap_or_else(|| UNKNOWN_ROUTE.to_owned());
        tracing::info_span!(
            "request",
            otel.name = format!("{} {route}", method(request.method())),
            otel.kind = "server",
            http.request.method = method(request.method()),
            http.route = route,
            http.response.status_code = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(
        span: Span,
        outcome: &Result<ServiceResponse<B>, actix_web::Error>,
    ) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("http.response.status_code", status.as_u16());
        if let Ok(response) = outcome {
            record(response);
        }
    }
}

const UNKNOWN_ROUTE: &str = "unknown";

struct Started(Instant);

fn record<B>(response: &ServiceResponse<B>) {
    let request = response.request();
    let route = request
        .match_pattern()
        .unwrap_or_else(|| UNKNOWN_ROUTE.to_owned());
    let method = method(request.method());
    let status = response.status().as_u16().to_string();
    metrics::counter!(
        "http_requests_total",
        "route" => route.clone(), "method" => method, "status" => status.clone()
    )
    .increment(1);
    if let Some(started) = request.extensions().get::<Started>() {
        metrics::histogram!(
            "http_request_seconds",
            "route" => route, "method" => method, "status" => status
        )
        .record(started.0.elapsed());
    }
}

/// The method, or `other`: a caller can invent methods, and each would be a new time series.
fn method(method: &actix_web::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        let token = |header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        for header in ["Bearer mgk_a", "bearer  mgk_a "] {
            assert_eq!(token(header).as_deref(), Some("mgk_a"), "{header}");
        }
        for wrong in ["", "Bearer", "mgk_a", "Basic mgk_a", "Bearermgk_a b"] {
            assert_eq!(token(wrong), None, "{wrong}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
