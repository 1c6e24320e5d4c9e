//! The client that services hold: settings, one transport, and our own client token.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use reqwest::Method;
use secrecy::ExposeSecret;
use service_kit::clock::{SharedClock, SystemClock};
use tokio::sync::Mutex;
use url::Url;

use crate::{
    Bearer, Budget, Error, RequestKind, Secret, SmdConfig, Tokens, Wait,
    certificate::{self, CertificateError, CertificateReport},
    config::{ConfigError, Settings},
    endpoints,
    oauth::KeptToken,
    refusal,
    transport::{Answer, Transport},
};

/// Longest small document accepted, in bytes: lists of usage points, customers, authorizations.
const LONGEST_DOCUMENT: u64 = 16 * 1024 * 1024;
const ACCEPT: &str = "application/atom+xml, application/xml;q=0.9, */*;q=0.1";
/// How long our client token is too young to have expired, whatever a bulk link answers.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// A client of one Share My Data application. Cheap to clone; clones share connections, budget and
/// the client token.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) wait: Wait,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) transport: Transport,
    pub(crate) client_token: Mutex<Option<KeptToken>>,
    files: (std::path::PathBuf, std::path::PathBuf),
}

impl Client {
    /// A client for the configured custodian. Reads the certificate files and talks to nobody.
    pub fn new(config: &SmdConfig, budget: Arc<dyn Budget>) -> Result<Self, ConfigError> {
        Self::with_clock(config, budget, SystemClock::shared())
    }

    /// The same with another clock, which decides when the client token is renewed, what a
    /// `Retry-After` date means and when the certificate files are looked at.
    pub fn with_clock(
        config: &SmdConfig,
        budget: Arc<dyn Budget>,
        clock: SharedClock,
    ) -> Result<Self, ConfigError> {
        let settings = config.settings()?;
        let transport = Transport::new(config, settings.max_body, budget, clock)?;
        let wait = Wait::at_most(settings.longest_wait);
        let files = (config.certificate.clone(), config.private_key.clone());
        let inner = Inner {
            settings,
            transport,
            client_token: Mutex::new(None),
            files,
        };
        Ok(Self {
            inner: Arc::new(inner),
            wait,
        })
    }

    /// This client with another longest wait for a turn of the request budget.
    #[must_use]
    pub fn waiting(&self, wait: Wait) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            wait,
        }
    }

    /// What our certificate says about itself now, for `doctor` and for alarms.
    pub fn certificate(&self) -> Result<CertificateReport, CertificateError> {
        certificate::check(&self.inner.files.0, &self.inner.files.1)
    }

    /// Whether a link is on the configured host, under the configured prefix. Whatever came from
    /// outside (a notification above all) must pass here before it is stored or followed.
    #[must_use]
    pub fn is_ours(&self, link: &Url) -> bool {
        endpoints::is_under(&self.inner.settings.resources, link)
    }

    /// A link as text, parsed, if it is ours.
    pub fn own_link(&self, link: &str) -> Result<Url, Error> {
        Url::parse(link.trim())
            .ok()
            .filter(|url| self.is_ours(url))
            .ok_or(Error::ForeignLink {
                kind: RequestKind::Follow,
            })
    }

    /// Our client token, from memory until shortly before it expires.
    pub async fn client_token(&self) -> Result<Secret, Error> {
        ClientTokens(self).access().await
    }

    /// The resource at these path segments.
    pub(crate) fn resource(&self, segments: &[&str]) -> Url {
        endpoints::below(&self.inner.settings.resources, segments)
    }

    /// Sends a request with a token; on 401 or 403 once more with a refreshed one. Anybody can make up bulk links: a
    /// young token that is refused for one is not obtained anew, which would cost two more requests for each of them.
    pub(crate) async fn request(
        &self,
        kind: RequestKind,
        method: Method,
        url: &Url,
        bearer: Bearer<'_>,
    ) -> Result<Answer, Error> {
        let own = ClientTokens(self);
        let tokens: &dyn Tokens = match bearer {
            Bearer::Customer(tokens) => tokens,
            Bearer::Client => &own,
        };
        let token = tokens.access().await?;
        let first = self.once(kind, method.clone(), url, &token).await;
        if !first.as_ref().is_err_and(Error::is_unauthorized) {
            return first;
        }
        let is_bulk = kind == RequestKind::Follow && matches!(bearer, Bearer::Client);
        if is_bulk && own.is_young(&token).await {
            return first;
        }
        let fresh = tokens.refreshed(&token).await?;
        self.once(kind, method, url, &fresh).await
    }

    async fn once(
        &self,
        kind: RequestKind,
        method: Method,
        url: &Url,
        token: &Secret,
    ) -> Result<Answer, Error> {
        self.inner
            .transport
            .send(kind, self.wait, |http| {
                http.request(method, url.clone())
                    .header(reqwest::header::ACCEPT, ACCEPT)
                    .bearer_auth(token.expose_secret())
            })
            .await
    }

    /// A small document: 200 with a body that is no web page.
    pub(crate) async fn document(
        &self,
        kind: RequestKind,
        url: &Url,
        bearer: Bearer<'_>,
    ) -> Result<Vec<u8>, Error> {
        let answer = self.request(kind, Method::GET, url, bearer).await?;
        if answer.status != reqwest::StatusCode::OK {
            let detail = format!(
                "status {} where a document was asked for",
                answer.status.as_u16()
            );
            return Err(Error::Malformed { kind, detail });
        }
        let content_type = answer.body.content_type().map(str::to_owned);
        let body = answer.body.limited(LONGEST_DOCUMENT).collect().await;
        let body = body.map_err(|error| Error::from_body(kind, &error))?;
        if refusal::looks_like_html(content_type.as_deref(), &body) {
            return Err(Error::Html { kind });
        }
        if body.trim_ascii().is_empty() {
            return Err(Error::Malformed {
                kind,
                detail: "it is empty".to_owned(),
            });
        }
        Ok(body)
    }
}

/// Prints where it points, nothing secret.
impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client")
            .field("resources", &self.inner.settings.resources.as_str())
            .finish_non_exhaustive()
    }
}

/// Our client token behaves like a customer's: kept, and obtained anew once when refused.
struct ClientTokens<'a>(&'a Client);

impl ClientTokens<'_> {
    /// Whether this is the kept token and came so lately that it cannot have expired.
    async fn is_young(&self, token: &Secret) -> bool {
        let now = self.0.inner.transport.now();
        let kept = self.0.inner.client_token.lock().await;
        kept.as_ref().is_some_and(|kept| {
            kept.secret.expose_secret() == token.expose_secret()
                // A clock that was set back since says nothing of its age.
                && (SignedDuration::ZERO..YOUNG).contains(&now.duration_since(kept.since))
        })
    }
}

#[async_trait]
impl Tokens for ClientTokens<'_> {
    async fn access(&self) -> Result<Secret, Error> {
        // The lock is held while asking, so that several callers ask once.
        let mut kept = self.0.inner.client_token.lock().await;
        let now = self.0.inner.transport.now();
        if let Some(token) = kept.as_ref().filter(|token| now < token.use_until) {
            return Ok(token.secret.clone());
        }
        let token = self.0.ask_for_client_token().await?;
        Ok(kept.insert(token).secret.clone())
    }

    async fn refreshed(&self, stale: &Secret) -> Result<Secret, Error> {
        let mut kept = self.0.inner.client_token.lock().await;
        let replaced = kept
            .as_ref()
            .filter(|token| token.secret.expose_secret() != stale.expose_secret());
        if let Some(token) = replaced {
            return Ok(token.secret.clone());
        }
        *kept = None;
        let token = self.0.ask_for_client_token().await?;
        Ok(kept.insert(token).secret.clone())
    }
}
