//! A visitor who walks through pages like a browser without JavaScript: follows redirects, keeps
//! cookies by their rules, fills in forms that are really there, and keeps a record of every
//! answer.

mod cookies;
mod form;
mod page;

use std::time::Duration;

use reqwest::header::{ACCEPT, COOKIE, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use url::Url;

use cookies::{Jar, Visit};
pub use page::Page;

/// As patient as a person.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Browsers give up after some 20 redirects.
const REDIRECTS: usize = 20;

/// Why a step of the walk failed.
#[derive(Debug, thiserror::Error)]
pub enum VisitorError {
    /// The client cannot be made.
    #[error("no HTTP client: is the authority's certificate well formed?")]
    Client(#[source] reqwest::Error),
    /// Not an address.
    #[error("{0} is not an address")]
    Address(String, #[source] url::ParseError),
    /// No answer.
    #[error("no answer from {url}")]
    NoAnswer {
        /// The address without its query.
        url: String,
        /// What the client says.
        #[source]
        source: reqwest::Error,
    },
    /// Round and round.
    #[error("more than {REDIRECTS} redirects, the last one to {0}")]
    Redirects(String),
    /// A redirect without a usable address.
    #[error("the redirect of {0} leads nowhere")]
    Nowhere(String),
    /// No page yet.
    #[error("there is no page yet: visit one first")]
    NoPage,
    /// Not on the page.
    #[error("{selector:?} is not on the page {url} ({title:?})")]
    NotThere {
        /// The CSS selector.
        selector: String,
        /// The page's address without its query.
        url: String,
        /// The page's title.
        title: String,
    },
    /// A field that a browser could not fill in.
    #[error("the form has no field {name:?} that takes {value:?}; it has {fields:?}")]
    NoField {
        /// The field's name.
        name: String,
        /// What was to be filled in.
        value: String,
        /// The names in the form.
        fields: Vec<String>,
    },
    /// A form that this visitor cannot send.
    #[error("the form is sent as {0:?}, which this visitor does not know")]
    Encoding(String),
}

/// One answer, without anything that may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// GET or POST.
    pub method: String,
    /// The address without its query.
    pub url: String,
    /// The status.
    pub status: u16,
}

/// A visitor with a cookie jar, a current page and a record of the way.
#[derive(Debug)]
pub struct Visitor {
    client: Client,
    jar: Jar,
    page: Option<Page>,
    records: Vec<Record>,
}

/// A request that is about to be made, once per redirect.
struct Step<'a> {
    method: Method,
    url: Url,
    fields: Vec<(String, String)>,
    password: Option<(&'a str, &'a str)>,
}

impl Visitor {
    /// A visitor without cookies who trusts the authority in `authority` (PEM) and no other; with
    /// `None`, nobody: for plain HTTP.
    pub fn new(authority: Option<&str>) -> Result<Self, VisitorError> {
        service_kit::http::install_tls_provider();
        let authority = authority
            .map(|pem| Certificate::from_pem(pem.as_bytes()))
            .transpose();
        let authority = authority.map_err(VisitorError::Client)?;
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .no_proxy()
            .tls_certs_only(authority)
            .build()
            .map_err(VisitorError::Client)?;
        Ok(Self {
            client,
            jar: Jar::default(),
            page: None,
            records: Vec::new(),
        })
    }

    /// Goes to `url` as if it were typed in, and follows redirects.
    pub async fn visit(&mut self, url: &str) -> Result<&Page, VisitorError> {
        self.typed(url, None).await
    }

    /// The same with a password (HTTP Basic), which is not sent on to another host.
    pub async fn visit_with_password(
        &mut self,
        url: &str,
        user: &str,
        password: &str,
    ) -> Result<&Page, VisitorError> {
        self.typed(url, Some((user, password))).await
    }

    async fn typed(
        &mut self,
        url: &str,
        password: Option<(&str, &str)>,
    ) -> Result<&Page, VisitorError> {
        let parsed = Url::parse(url);
        let url = parsed.map_err(|error| VisitorError::Address(url.to_owned(), error))?;
        self.walk(
            Step {
                method: Method::GET,
                url,
                fields: Vec::new(),
                password,
            },
            None,
        )
        .await
    }

    /// Loads the current page again.
    pub async fn reload(&mut self) -> Result<&Page, VisitorError> {
        let url = self.page.as_ref().ok_or(VisitorError::NoPage)?.url.clone();
        self.typed(url.as_str(), None).await
    }

    /// Follows the first link that matches the CSS selector.
    pub async fn click(&mut self, selector: &str) -> Result<&Page, VisitorError> {
        let page = self.page.as_ref().ok_or(VisitorError::NoPage)?;
        let url = page
            .link(selector)
            .ok_or_else(|| page.not_there(selector))?;
        let from = page.url.clone();
        let step = Step {
            method: Method::GET,
            url,
            fields: Vec::new(),
            password: None,
        };
        self.walk(step, Some(from)).await
    }

    /// Fills in and submits a form. `selector` names the form, which is then sent with its first
    /// button, or a button in it, which is then the one pressed. `fields` replace what the page
    /// filled in; a name may occur several times (check boxes). Only fields and choices that the
    /// page offers can be given.
    pub async fn submit(
        &mut self,
        selector: &str,
        fields: &[(&str, &str)],
    ) -> Result<&Page, VisitorError> {
        let page = self.page.as_ref().ok_or(VisitorError::NoPage)?;
        let from = page.url.clone();
        let filled = form::fill(page, selector, fields)?;
        let step = Step {
            method: filled.method,
            url: filled.url,
            fields: filled.fields,
            password: None,
        };
        self.walk(step, Some(from)).await
    }

    /// The current page.
    #[must_use]
    pub const fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// Every answer so far, redirects included.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The value of a cookie, whichever site set it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.value(name)
    }

    /// Forgets all cookies, as another browser has none.
    pub fn forget_cookies(&mut self) {
        self.jar = Jar::default();
    }

    async fn walk(&mut self, mut step: Step<'_>, from: Option<Url>) -> Result<&Page, VisitorError> {
        let mut crossed = false;
        for _ in 0..=REDIRECTS {
            crossed |= from
                .as_ref()
                .is_some_and(|from| from.host() != step.url.host());
            let page = self.request(&step, from.as_ref(), crossed).await?;
            let Some(target) = redirect_target(&page)? else {
                return Ok(self.page.insert(page));
            };
            let keeps_method = matches!(page.status, 307 | 308);
            if !keeps_method && step.method == Method::POST {
                step.method = Method::GET;
                step.fields.clear();
            }
            crossed |= target.host() != step.url.host();
            step.password = step.password.filter(|_| target.host() == step.url.host());
            step.url = target;
        }
        Err(VisitorError::Redirects(without_query(&step.url)))
    }

    async fn request(
        &mut self,
        step: &Step<'_>,
        from: Option<&Url>,
        crossed: bool,
    ) -> Result<Page, VisitorError> {
        let visit = Visit {
            url: &step.url,
            crossed,
            is_get: step.method == Method::GET,
        };
        let mut request = self
            .client
            .request(step.method.clone(), step.url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            // As browsers say that their user goes there.
            .header("Sec-Fetch-Mode", "navigate");
        if let Some(header) = self.jar.header(&visit) {
            request = request.header(COOKIE, header);
        }
        if let Some((user, password)) = step.password {
            request = request.basic_auth(user, Some(password));
        }
        if step.method == Method::POST {
            request = with_form(request, step, from, crossed);
        }
        let url = without_query(&step.url);
        let failed = |source: reqwest::Error| VisitorError::NoAnswer {
            url: url.clone(),
            source: source.without_url(),
        };
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            self.jar
                .set(&step.url, &String::from_utf8_lossy(cookie.as_bytes()));
        }
        let body = response.bytes().await.map_err(failed)?;
        let method = step.method.to_string();
        self.records.push(Record {
            method,
            url,
            status: status.as_u16(),
        });
        Ok(Page {
            url: step.url.clone(),
            status: status.as_u16(),
            headers,
            body: body.to_vec(),
        })
    }
}

/// The body, and the origin that browsers send along with it.
fn with_form(
    request: RequestBuilder,
    step: &Step<'_>,
    from: Option<&Url>,
    crossed: bool,
) -> RequestBuilder {
    let origin = match from {
        Some(from) if !crossed || from.host() != step.url.host() => {
            from.origin().ascii_serialization()
        }
        _ => "null".to_owned(),
    };
    let request = request.form(&step.fields);
    match HeaderValue::from_str(&origin) {
        Ok(origin) => request.header(ORIGIN, origin),
        Err(_) => request,
    }
}

fn redirect_target(page: &Page) -> Result<Option<Url>, VisitorError> {
    let status = StatusCode::from_u16(page.status).unwrap_or_default();
    let Some(location) = page
        .headers
        .get(LOCATION)
        .filter(|_| status.is_redirection())
    else {
        return Ok(None);
    };
    let location = location
        .to_str()
        .ok()
        .and_then(|location| page.url.join(location).ok());
    location
        .map(Some)
        .ok_or_else(|| VisitorError::Nowhere(without_query(&page.url)))
}

/// Queries carry codes and tickets: they do not belong in records and messages.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests;
