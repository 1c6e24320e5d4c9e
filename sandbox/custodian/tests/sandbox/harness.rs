//! Starts a sandbox of one's own, with certificates made for it, and speaks to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser as _;
use custodian::control::{AuthorizationReport, CustomerReport};
use custodian::ledger::RequestCounts;
use custodian::model::{DayRange, FlowTruth};
use custodian::{Config, Custodian, Model};
use espi::{Binder, Content, Entry, Reader};
use jiff::Timestamp;
use jiff::civil::Date;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::clock::ManualClock;
use service_kit::program::Context;
use service_kit::random::SeededRandom;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use url::Url;

pub const CLIENT_ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const SECRET: &str = "fictional-secret";
pub const OTHER_ID: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub const OTHER_SECRET: &str = "another-fictional-secret";
pub const CALLBACK: &str = "https://metergate.example.test/OAuthCallback";
pub const REGISTRATION: &str = "fictional-registration-token";
pub const BULK: u64 = 50_916;
pub const SEED: u64 = 11;
const RESOURCES: &str = "/GreenButtonConnect/espi/1_1/resource/";
/// How long anything may take before a test says that it never came.
const DEADLINE: Duration = Duration::from_secs(20);

/// A sandbox and what is needed to speak to it.
pub struct Sandbox {
    pub custodian: Custodian,
    pub clock: ManualClock,
    pub model: Model,
    pub certificates: Certificates,
    pub http: Client,
    pub context: Context,
}

/// The tokens of one authorization.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub id: u64,
    pub access: String,
    pub refresh: String,
}

/// Paths of made-up certificates.
pub struct Certificates {
    _folder: TempDir,
    pub authority: PathBuf,
    pub server: (PathBuf, PathBuf),
    pub client: (PathBuf, PathBuf),
    pub other: (PathBuf, PathBuf),
    pub stranger: (PathBuf, PathBuf),
    pub clients_file: PathBuf,
}

impl Certificates {
    pub fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            (
                write(&format!("{name}.crt"), &certificate.pem()),
                write(&format!("{name}.key"), &key.serialize_pem()),
            )
        };
        let other = issue("other.example.test");
        let clients = serde_json::json!([{
            "client_id": OTHER_ID, "client_secret": OTHER_SECRET, "name": "Another company",
            "redirect_uris": [CALLBACK], "portal_uri": "https://other.example.test/portal",
            "certificates": [other.0],
        }]);
        Self {
            authority: write("authority.crt", &authority.pem()),
            server: issue("localhost"),
            client: issue("metergate.example.test"),
            stranger: issue("stranger.example.test"),
            clients_file: write("clients.json", &clients.to_string()),
            other,
            _folder: folder,
        }
    }

    /// A client that trusts the sandbox and shows this certificate, or none.
    pub fn http(&self, identity: Option<&(PathBuf, PathBuf)>) -> Client {
        service_kit::http::install_tls_provider();
        let authority = Certificate::from_pem(&std::fs::read(&self.authority).unwrap()).unwrap();
        let mut builder = Client::builder()
            .tls_certs_only([authority])
            .redirect(Policy::none());
        if let Some((certificate, key)) = identity {
            let pem = [
                std::fs::read(key).unwrap(),
                std::fs::read(certificate).unwrap(),
            ]
            .concat();
            builder = builder.identity(Identity::from_pem(&pem).unwrap());
        }
        builder.build().unwrap()
    }

    /// The arguments of a sandbox on free ports, with the limits lifted and a client registered.
    pub fn arguments(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let pairs = [
            ("--pages", "127.0.0.1:0".to_owned()),
            ("--api", "127.0.0.1:0".to_owned()),
            ("--tls-certificate", text(&self.server.0)),
            ("--tls-key", text(&self.server.1)),
            ("--client-id", CLIENT_ID.to_owned()),
            ("--client-secret", SECRET.to_owned()),
            ("--redirect-uri", CALLBACK.to_owned()),
            ("--client-certificate", text(&self.client.0)),
            ("--registration-token", REGISTRATION.to_owned()),
            ("--clients", text(&self.clients_file)),
            ("--notify-ca", text(&self.authority)),
            ("--notify-delay-ms", "0".to_owned()),
            ("--notify-retry-ms", "5".to_owned()),
            ("--seed", SEED.to_string()),
            ("--per-second", "0".to_owned()),
        ];
        pairs
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }
}

/// 18:00 UTC of 20 November 2026 is ten in the morning Pacific; data reach to 17 November.
pub fn start_time() -> Timestamp {
    "2026-11-20T18:00:00Z".parse().unwrap()
}

impl Sandbox {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A sandbox with more arguments; a later one overrides an earlier one.
    pub fn start_with(more: &[(&str, &str)]) -> Self {
        let certificates = Certificates::make();
        let mut arguments = certificates.arguments();
        for (name, value) in more {
            match arguments.iter().position(|argument| argument == name) {
                Some(at) => arguments[at + 1] = (*value).to_owned(),
                None => arguments.extend([(*name).to_owned(), (*value).to_owned()]),
            }
        }
        let arguments = ["custodian".to_owned()].into_iter().chain(arguments);
        let config = Config::try_parse_from(arguments).unwrap();
        let clock = ManualClock::new(start_time());
        let context = Context {
            clock: clock.shared(),
            random: SeededRandom::shared(SEED),
            ..Context::new()
        };
        let custodian = custodian::start(config, &context).unwrap();
        let http = certificates.http(Some(&certificates.client));
        let model = Model::beginning_at(SEED, start_time()).unwrap();
        Self {
            custodian,
            clock,
            model,
            certificates,
            http,
            context,
        }
    }

    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.custodian.pages_base)
    }

    pub fn resource(&self, path: &str) -> String {
        format!("{}{RESOURCES}{path}", self.custodian.api_base)
    }

    pub fn token_url(&self) -> String {
        format!("{}/datacustodian/oauth/v2/token", self.custodian.api_base)
    }

    /// `GET` of a resource.
    pub async fn get(&self, path: &str, token: &str) -> Response {
        self.follow(&self.resource(path), token).await
    }

    pub async fn follow(&self, url: &str, token: &str) -> Response {
        self.http.get(url).bearer_auth(token).send().await.unwrap()
    }

    pub async fn status(&self, path: &str, token: &str) -> u16 {
        self.get(path, token).await.status().as_u16()
    }

    pub async fn delete(&self, path: &str, token: &str) -> Response {
        self.http
            .delete(self.resource(path))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }

    /// A token request with a form body.
    pub async fn token_request(&self, form: &[(&str, &str)]) -> Response {
        let request = self
            .http
            .post(self.token_url())
            .basic_auth(CLIENT_ID, Some(SECRET));
        request.form(form).send().await.unwrap()
    }

    pub async fn client_token(&self) -> String {
        let response = self
            .token_request(&[("grant_type", "client_credentials")])
            .await;
        assert_eq!(response.status(), 200);
        text(&json(response).await, "client_access_token")
    }

    /// The whole way of a customer who shares everything, up to the tokens.
    pub async fn authorize(&self, key: &str) -> Tokens {
        let back = self.click_through(key, &[]).await;
        self.exchange(&back["code"]).await
    }

    pub async fn exchange(&self, code: &str) -> Tokens {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
        ];
        let response = self.token_request(&form).await;
        assert_eq!(response.status(), 200);
        tokens(&json(response).await)
    }

    pub fn authorize_url(&self, more: &[(&str, &str)]) -> Url {
        let mut url = Url::parse(&self.page("/myAuthorization")).unwrap();
        url.query_pairs_mut().extend_pairs([
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("state", "a state/with=signs&more"),
            ("login", "guest"),
        ]);
        url.query_pairs_mut().extend_pairs(more);
        url
    }

    /// Opens the page, logs in, takes the form as it stands (with `instead` of some fields) and
    /// authorizes. Gives the parameters of the way back.
    pub async fn click_through(
        &self,
        key: &str,
        instead: &[(&str, &str)],
    ) -> BTreeMap<String, String> {
        let login = self.http.get(self.authorize_url(&[])).send().await.unwrap();
        assert_eq!(login.status(), 200);
        let choose = self
            .log_in("/myAuthorization/login", key, &login.text().await.unwrap())
            .await;
        assert_eq!(choose.status(), 200);
        let html = choose.text().await.unwrap();
        let mut form = fields(&html);
        form.retain(|(name, _)| instead.iter().all(|(other, _)| other != name));
        form.extend(
            instead
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        form.push(("decision".to_owned(), "authorize".to_owned()));
        let done = self.post("/myAuthorization/decide", &form).await;
        back(&done)
    }

    pub async fn log_in(&self, path: &str, key: &str, html: &str) -> Response {
        let customer = self.model.customer(key).unwrap();
        let form = [
            ("session".to_owned(), session(html)),
            ("name".to_owned(), customer.name.to_owned()),
            ("account".to_owned(), customer.account.clone()),
        ];
        self.post(path, &form).await
    }

    pub async fn post(&self, path: &str, form: &[(String, String)]) -> Response {
        self.http
            .post(self.page(path))
            .form(form)
            .send()
            .await
            .unwrap()
    }

    pub async fn control<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.http.get(self.page(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    pub async fn counts(&self) -> RequestCounts {
        self.control("/sandbox/requests").await
    }

    pub async fn authorizations(&self) -> Vec<AuthorizationReport> {
        self.control("/sandbox/authorizations").await
    }

    pub async fn last_day(&self) -> Date {
        let customers: Vec<CustomerReport> = self.control("/sandbox/customers").await;
        customers[0].last_day
    }

    /// The truth about one usage point.
    pub fn truth(&self, key: &str, point: &str, days: DayRange) -> Vec<FlowTruth> {
        let customer = self.model.customer(key).unwrap();
        let truth = self.model.truth(customer, days).unwrap();
        truth
            .into_iter()
            .filter(|flow| flow.usage_point == point && flow.count > 0)
            .collect()
    }

    /// The id of a customer's usage point.
    pub fn point(&self, key: &str, index: usize) -> String {
        self.model.customer(key).unwrap().usage_points[index]
            .id
            .clone()
    }

    /// The path of a batch between the first seconds of two local days.
    pub fn batch(&self, id: u64, point: &str, first: Date, last: Date) -> String {
        let start = |day| self.model.calendar().bounds(day).unwrap().start;
        let (min, max) = (start(first), start(last));
        format!(
            "Batch/Subscription/{id}/UsagePoint/{point}?published-min={min}&published-max={max}"
        )
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.context.shutdown.begin_soft();
    }
}

pub fn tokens(body: &Value) -> Tokens {
    let id = text(body, "resourceURI")
        .rsplit('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    Tokens {
        id,
        access: text(body, "access_token"),
        refresh: text(body, "refresh_token"),
    }
}

pub fn text(body: &Value, field: &str) -> String {
    body[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {body}"))
        .to_owned()
}

pub async fn json(response: Response) -> Value {
    response.json().await.unwrap()
}

/// The parameters of a redirect to the callback.
pub fn back(response: &Response) -> BTreeMap<String, String> {
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{CALLBACK}?")), "{location}");
    Url::parse(location)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

/// The session token of a page's first form.
pub fn session(html: &str) -> String {
    let fields = fields(html);
    fields
        .into_iter()
        .find(|(name, _)| name == "session")
        .unwrap()
        .1
}

/// What a browser would send of a page's inputs: hidden ones, checked ones, first options.
pub fn fields(html: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let attribute = |tag: &str, name: &str| {
        let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        Some(tag[from..].split('"').next().unwrap().to_owned())
    };
    let mut select = None;
    for tag in html.split('<').filter_map(|part| part.split('>').next()) {
        let kind = attribute(tag, "type");
        let ticked =
            matches!(kind.as_deref(), Some("checkbox" | "radio")) && tag.ends_with(" checked");
        if tag.starts_with("input ") && (kind.as_deref() == Some("hidden") || ticked) {
            found.push((
                attribute(tag, "name").unwrap(),
                attribute(tag, "value").unwrap(),
            ));
        } else if tag.starts_with("select ") {
            select = attribute(tag, "name");
        } else if tag.starts_with("option ")
            && let Some(name) = select.take()
        {
            found.push((name, attribute(tag, "value").unwrap()));
        }
    }
    found
}

/// The entries of a document that is read to its end.
pub fn entries(bytes: &[u8]) -> Vec<Entry> {
    Reader::new(bytes).collect::<Result<_, _>>().unwrap()
}

/// What a feed says, in the terms of the truth. Order: usage point and flow as they appear.
pub fn read(bytes: &[u8]) -> Vec<FlowTruth> {
    let mut binder = Binder::new();
    let mut blocks = Vec::new();
    for entry in Reader::new(bytes) {
        blocks.extend(binder.push(entry.unwrap()).unwrap());
    }
    let bound = binder.finish().unwrap();
    blocks.extend(bound.blocks);
    let mut flows = Vec::new();
    for (index, series) in bound.series.iter().enumerate() {
        let kind = series.reading_type.as_ref().expect("a reading type");
        let mut readings: Vec<_> = blocks
            .iter()
            .filter(|b| b.series.index() == index)
            .flat_map(|b| &b.readings)
            .collect();
        readings.sort_by_key(|reading| reading.start);
        let costs: Vec<i64> = readings.iter().filter_map(|reading| reading.cost).collect();
        flows.push(FlowTruth {
            usage_point: series
                .usage_point
                .as_ref()
                .expect("a usage point")
                .as_str()
                .to_owned(),
            commodity: kind.commodity.unwrap().code(),
            flow: kind.flow_direction.unwrap().code(),
            unit: kind.uom.unwrap().code(),
            multiplier: kind.multiplier(),
            count: u64::try_from(readings.len()).unwrap(),
            sum: readings.iter().map(|reading| reading.value).sum(),
            cost: (!costs.is_empty()).then(|| costs.iter().sum()),
            first: readings.first().map(|reading| reading.start.as_second()),
            last: readings.last().map(|reading| reading.start.as_second()),
        });
    }
    flows
}

/// The name of each entry's resource, in document order; equal neighbours once.
pub fn outline(entries: &[Entry]) -> Vec<&'static str> {
    let mut names: Vec<_> = entries
        .iter()
        .map(|entry| match &entry.content {
            Content::UsagePoint(_) => "UsagePoint",
            Content::MeterReading(_) => "MeterReading",
            Content::ReadingType(_) => "ReadingType",
            Content::IntervalBlocks(_) => "IntervalBlock",
            Content::LocalTimeParameters(_) => "LocalTimeParameters",
            Content::UsageSummary(_) => "UsageSummary",
            _ => "other",
        })
        .collect();
    names.dedup();
    names
}

/// A third party's notification endpoint.
pub struct Inbox {
    pub url: String,
    bodies: UnboundedReceiver<String>,
}

impl Inbox {
    /// Answers the first `refusals` notifications with 503 and takes the others.
    pub fn open(refusals: usize) -> Self {
        let (sender, bodies) = unbounded_channel();
        let left = std::sync::Arc::new(std::sync::Mutex::new(refusals));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/espi/notification",
            listener.local_addr().unwrap()
        );
        let server = HttpServer::new(move || {
            let (sender, left) = (sender.clone(), left.clone());
            let take = move |body: String| {
                let (sender, left) = (sender.clone(), left.clone());
                async move {
                    let mut left = left.lock().unwrap();
                    if *left > 0 {
                        *left -= 1;
                        return HttpResponse::ServiceUnavailable().finish();
                    }
                    sender.send(body).unwrap();
                    HttpResponse::Ok().finish()
                }
            };
            App::new().route("/espi/notification", web::post().to(take))
        });
        tokio::spawn(
            server
                .workers(1)
                .disable_signals()
                .listen(listener)
                .unwrap()
                .run(),
        );
        Self { url, bodies }
    }

    /// The links of the next notification.
    pub async fn next(&mut self) -> Vec<String> {
        let body = tokio::time::timeout(DEADLINE, self.bodies.recv()).await;
        let body = body
            .expect("a notification in time")
            .expect("an open inbox");
        espi::notification::parse(body.as_bytes()).unwrap()
    }

    /// True when nothing has come that nobody looked at.
    pub fn is_empty(&mut self) -> bool {
        self.bodies.is_empty()
    }
}
