//! How a request reaches the custodian: after its turn in the budget, over the one pooled client
//! for our certificate, counted and traced by its kind, and with every refusal turned into words.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use espi::reader::{ReadError, ReadErrorKind};
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client as Http, RequestBuilder, Response, StatusCode, redirect, tls};
use service_kit::clock::SharedClock;
use tokio::time::Instant;
use tracing::{Instrument, field};

use crate::{
    Budget, Error, RequestKind, SmdConfig, Wait,
    body::{Body, BodyError},
    certificate::{self, Pair},
    config::ConfigError,
    refusal,
};

/// How much of a refusal is read, in bytes: the words are short.
const LONGEST_REFUSAL: u64 = 64 * 1024;
/// How often the certificate files are looked at.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an exchange of a code may take: a browser waits, behind a proxy that gives up after a minute,
/// of which half may go by before our turn comes.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(25);
/// How long an idle connection is kept: requests come a second apart.
const KEEP_IDLE: Duration = Duration::from_mins(1);

/// A success: 2xx with its body still to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Body,
}

pub(crate) struct Transport {
    files: Files,
    http: Mutex<Pooled>,
    budget: Arc<dyn Budget>,
    clock: SharedClock,
    max_body: u64,
}

/// What a client is built from.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    extra_ca: Option<PathBuf>,
    request_timeout: Duration,
    transfer_timeout: Duration,
}

/// The client for one state of the certificate files.
struct Pooled {
    http: Http,
    stamp: Stamp,
    looked_at: Timestamp,
}

/// When and how long each file was; another stamp means another certificate.
type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Transport {
    pub(crate) fn new(
        config: &SmdConfig,
        max_body: u64,
        budget: Arc<dyn Budget>,
        clock: SharedClock,
    ) -> Result<Self, ConfigError> {
        crate::install_crypto_provider();
        metrics::describe_counter!(
            "smd_requests_total",
            "Requests to the custodian, by kind and outcome"
        );
        metrics::describe_histogram!(
            "smd_request_seconds",
            metrics::Unit::Seconds,
            "Time from sending a request to the custodian to the head of its answer"
        );
        let files = Files {
            certificate: config.certificate.clone(),
            key: config.private_key.clone(),
            extra_ca: config
                .extra_ca
                .clone()
                .filter(|path| !path.as_os_str().is_empty()),
            request_timeout: Duration::from_secs(config.request_timeout_seconds),
            transfer_timeout: Duration::from_secs(config.transfer_timeout_seconds),
        };
        // The stamp first: a file replaced in between is then read again.
        let stamp = files.stamp();
        let http = files.build()?;
        let http = Mutex::new(Pooled {
            http,
            stamp,
            looked_at: clock.now(),
        });
        Ok(Self {
            files,
            http,
            budget,
            clock,
            max_body,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends one request and returns its answer when that is a success.
    pub(crate) async fn send(
        &self,
        kind: RequestKind,
        wait: Wait,
        request: impl FnOnce(&Http) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let span = tracing::info_span!(
            "custodian request",
            otel.kind = "client",
            kind = kind.as_str(),
            status = field::Empty,
            outcome = field::Empty,
        );
        let result = self
            .admitted(kind, wait, request)
            .instrument(span.clone())
            .await;
        let outcome = match &result {
            Ok(answer) if answer.status == StatusCode::ACCEPTED => "accepted",
            Ok(answer) if answer.status == StatusCode::NO_CONTENT => "empty",
            Ok(_) => "ok",
            Err(error) => error.outcome(),
        };
        span.record("outcome", outcome);
        metrics::counter!("smd_requests_total", "kind" => kind.as_str(), "outcome" => outcome)
            .increment(1);
        if let Err(error @ Error::Throttled { retry_after, .. }) = &result {
            tracing::warn!(parent: &span, %error, "throttled by the custodian");
            self.budget.throttled(*retry_after).await;
        }
        result
    }

    async fn admitted(
        &self,
        kind: RequestKind,
        wait: Wait,
        request: impl FnOnce(&Http) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        self.budget
            .admit(wait)
            .await
            .map_err(|source| Error::Budget { kind, source })?;
        let started = Instant::now();
        let request = request(&self.http()).timeout(self.files.longest(kind));
        let answered = request.send().await;
        metrics::histogram!("smd_request_seconds", "kind" => kind.as_str())
            .record(started.elapsed().as_secs_f64());
        let response = answered.map_err(|error| Error::from_transport(kind, error))?;
        let status = response.status();
        tracing::Span::current().record("status", status.as_u16());
        if status.is_success() {
            return Ok(Answer {
                status,
                body: body(response, self.max_body),
            });
        }
        let headers = response.headers().clone();
        // A refusal whose words do not arrive is still a refusal.
        let words = body(response, LONGEST_REFUSAL)
            .collect()
            .await
            .unwrap_or_default();
        Err(refusal::classify(
            kind,
            status,
            &headers,
            &words,
            self.now(),
        ))
    }

    /// The pooled client; a new one when the certificate files have changed.
    fn http(&self) -> Http {
        let mut pooled = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if now.duration_since(pooled.looked_at) < LOOK_EVERY {
            return pooled.http.clone();
        }
        pooled.looked_at = now;
        let stamp = self.files.stamp();
        if stamp != pooled.stamp {
            match self.files.build() {
                Ok(http) => {
                    tracing::info!("the client certificate was replaced: the new one is in use");
                    *pooled = Pooled {
                        http,
                        stamp,
                        looked_at: now,
                    };
                }
                // Files are replaced one after the other; the next look comes in a minute.
                Err(error) => {
                    tracing::error!(%error, "the replaced client certificate is not used");
                }
            }
        }
        pooled.http.clone()
    }
}

impl Files {
    /// How long a whole answer may take. Whoever refreshes a token holds its row and keeps others
    /// waiting: only readings, which are long, have long.
    fn longest(&self, kind: RequestKind) -> Duration {
        match kind {
            RequestKind::TokenExchange => self.request_timeout.min(LONGEST_EXCHANGE),
            kind if kind.is_long() => self.transfer_timeout,
            _ => self.request_timeout,
        }
    }

    fn stamp(&self) -> Stamp {
        [
            Some(&self.certificate),
            Some(&self.key),
            self.extra_ca.as_ref(),
        ]
        .into_iter()
        .flatten()
        .map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
        .collect()
    }

    fn build(&self) -> Result<Http, ConfigError> {
        let unusable = |error: reqwest::Error| ConfigError::Tls(service_kit::config::chain(&error));
        let pair = Pair::read_matching(&self.certificate, &self.key)?;
        let identity = tls::Identity::from_pem(&pair.pem).map_err(unusable)?;
        let mut builder = Http::builder()
            .user_agent(concat!("metergate/", env!("CARGO_PKG_VERSION")))
            .tls_backend_rustls()
            .tls_version_min(tls::Version::TLS_1_2)
            .https_only(true)
            .identity(identity)
            // A redirect could lead a token to another host; the custodian sends none.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(self.request_timeout)
            .timeout(self.transfer_timeout)
            .pool_idle_timeout(KEEP_IDLE);
        if let Some(path) = &self.extra_ca {
            let authorities: Result<Vec<_>, _> = certificate::authorities(path)?
                .iter()
                .map(|der| tls::Certificate::from_der(der))
                .collect();
            builder = builder.tls_certs_merge(authorities.map_err(unusable)?);
        }
        builder.build().map_err(unusable)
    }
}

fn body(response: Response, limit: u64) -> Body {
    let content_type = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok())
        .map(str::to_owned);
    let length = response.content_length();
    Body::from_stream(
        response.bytes_stream().map_err(into_io),
        content_type,
        length,
        limit,
    )
}

fn into_io(error: reqwest::Error) -> io::Error {
    let kind = if error.is_timeout() {
        io::ErrorKind::TimedOut
    } else {
        io::ErrorKind::ConnectionAborted
    };
    io::Error::new(kind, error.without_url())
}

impl Error {
    /// An error met while reading a [`Body`].
    #[must_use]
    pub fn from_body(kind: RequestKind, error: &io::Error) -> Self {
        let cause = error
            .get_ref()
            .and_then(|it| it.downcast_ref::<BodyError>());
        if let Some(&BodyError::TooLarge { limit }) = cause {
            return Self::TooLarge { kind, limit };
        }
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut { kind },
            _ => Self::Network {
                kind,
                reason: service_kit::config::chain(error),
            },
        }
    }

    /// An error met while reading entries from a [`Body`]: of the network, when the document
    /// stopped arriving, or of the document.
    #[must_use]
    pub fn from_read(kind: RequestKind, error: &ReadError) -> Self {
        match &error.kind {
            ReadErrorKind::Input(cause) => Self::from_body(kind, cause),
            // A connection that ends without saying so may look like a complete answer.
            ReadErrorKind::Truncated => Self::Network {
                kind,
                reason: error.to_string(),
            },
            _ => Self::Malformed {
                kind,
                detail: error.to_string(),
            },
        }
    }
}
