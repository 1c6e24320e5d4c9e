//! How a request reaches the broker: with the key, within its time, bounded, counted.

use std::time::Duration;

use reqwest::{Client as Http, Method, Response, StatusCode, redirect, tls};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::secret::{ExposeSecret as _, Secret};
use tokio::time::Instant;
use url::Url;

use super::answer::code;
use super::error::BrokerError;
use crate::config::{ConfigError, Settings};

/// Bytes of one answer: a page of five hundred clients is about three quarters of a million.
const LONGEST: usize = 32 * 1024 * 1024;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(super) struct Transport {
    http: Http,
    base: Url,
    key: String,
    secret: Secret,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

/// A success.
#[derive(Debug)]
pub(super) struct Answer {
    what: &'static str,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, BrokerError> {
        serde_json::from_slice(&self.body).map_err(|error| BrokerError::Malformed {
            what: self.what,
            // The line and column, not the text around them.
            reason: format!(
                "{:?} error at line {} column {}",
                error.classify(),
                error.line(),
                error.column()
            ),
        })
    }
}

impl Transport {
    pub(super) fn new(settings: Settings) -> Result<Self, ConfigError> {
        service_kit::http::install_tls_provider();
        let failed =
            |error: reqwest::Error| ConfigError::Client(service_kit::config::chain(&error));
        let mut builder = Http::builder()
            .user_agent(concat!("metergate/", env!("CARGO_PKG_VERSION")))
            .tls_backend_rustls()
            .tls_version_min(tls::Version::TLS_1_2)
            // A redirect or a proxy of the machine could lead the secret to another host.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout);
        if let Some(path) = &settings.authority {
            let refused = |reason: String| ConfigError::Authority {
                path: path.clone(),
                reason,
            };
            let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
            let authorities = tls::Certificate::from_pem_bundle(&pem)
                .map_err(|error| refused(service_kit::config::chain(&error)))?;
            if authorities.is_empty() {
                return Err(refused("there is no certificate in it".to_owned()));
            }
            builder = builder.tls_certs_merge(authorities);
        }
        Ok(Self {
            http: builder.build().map_err(failed)?,
            base: settings.base,
            key: settings.key,
            secret: settings.secret,
        })
    }

    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    /// Sends one request and returns its answer when that is a success.
    pub(super) async fn send(
        &self,
        method: Method,
        what: &'static str,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Answer, BrokerError> {
        let started = Instant::now();
        let result = self.asked(method, what, url, body).await;
        let outcome = result.as_ref().map_or_else(BrokerError::outcome, |_| "ok");
        metrics::counter!("broker_requests_total", "kind" => what, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("broker_request_seconds", "kind" => what)
            .record(started.elapsed().as_secs_f64());
        result
    }

    async fn asked(
        &self,
        method: Method,
        what: &'static str,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Answer, BrokerError> {
        let mut request = self
            .http
            .request(method, url)
            .header(reqwest::header::ACCEPT, "application/json")
            .basic_auth(&self.key, Some(self.secret.expose_secret()));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| failed(what, error))?;
        let status = response.status();
        let body = read(what, response).await?;
        if status.is_success() {
            return Ok(Answer { what, body });
        }
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => BrokerError::Unauthorized {
                what,
                status: status.as_u16(),
            },
            _ => BrokerError::Refused {
                what,
                status: status.as_u16(),
                code: code(&body),
            },
        })
    }
}

async fn read(what: &'static str, mut response: Response) -> Result<Vec<u8>, BrokerError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| failed(what, error))?
    {
        if body.len() + chunk.len() > LONGEST {
            return Err(BrokerError::TooLarge {
                what,
                most: LONGEST,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(what: &'static str, error: reqwest::Error) -> BrokerError {
    if error.is_timeout() {
        return BrokerError::TimedOut { what };
    }
    let reason = service_kit::config::chain(&error.without_url());
    BrokerError::Unreachable { what, reason }
}
