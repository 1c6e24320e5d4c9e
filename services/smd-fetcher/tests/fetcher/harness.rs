//! A sandbox custodian, a database and the services of one test, all in this process.

mod database;
mod services;

use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use custodian::control::AuthorizationReport;
use custodian::faults::Rule;
use custodian::ledger::{RequestCounts, RequestKind};
use custodian::model::{Customer, Model};
use custodian::{Custodian, NotificationRecord};
use service_kit::clock::{Clock, SystemClock};
use service_kit::program::Context;
use service_kit::random::{Random, SystemRandom};
use service_kit::secret::{Keyring, Secret};
use smd_client::{Client, SubscriptionId, TokenSet, Unlimited};
use storage::Database;
use storage::kinds::{SmdFetch, SmdRelease};
use storage::smd::AuthorizationId;
use storage::smd::authorization::{self, NewAuthorization};
use storage::smd::tokens::Tokens;
use tempfile::TempDir;
use test_support::TestDatabase;
use test_support::browser::Visitor;
use test_support::certs::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) use services::Running;

/// How long anything may take before a test says that it never came.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
const CLIENT_ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CLIENT_SECRET: &str = "fictional-secret";
const KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Everything that one test has for itself.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) db: Database,
    pub(crate) client: Client,
    pub(crate) output: TempDir,
    model: Model,
    custodian: Custodian,
    context: Context,
    keys: Keyring,
    /// The command line of the fetcher.
    arguments: Vec<String>,
    _certificates: TempDir,
}

/// An authorization that a customer has given.
pub(crate) struct Granted {
    pub(crate) id: AuthorizationId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) tokens: TokenSet,
    pub(crate) customer: Customer,
    /// The usage points that were shared.
    pub(crate) points: Vec<String>,
}

impl World {
    /// A month of history in windows of at most ten days, no limits, and notifications that nobody
    /// takes; then these arguments of the custodian and of the fetcher.
    pub(crate) async fn start(custodian: &[(&str, &str)], fetcher: &[(&str, &str)]) -> Self {
        service_kit::http::install_tls_provider();
        let certificates = tempfile::tempdir().unwrap();
        let authority = Authority::new(certificates.path()).unwrap();
        let (server, own) = (
            authority.server("localhost").unwrap(),
            authority.client("metergate.example.test").unwrap(),
        );
        let callback = callback().await;
        let base = [
            ("--pages", "127.0.0.1:0".to_owned()),
            ("--api", "127.0.0.1:0".to_owned()),
            ("--tls-certificate", text(&server.certificate)),
            ("--tls-key", text(&server.key)),
            ("--client-id", CLIENT_ID.to_owned()),
            ("--client-secret", CLIENT_SECRET.to_owned()),
            ("--redirect-uri", format!("{callback}/OAuthCallback")),
            ("--client-certificate", text(&own.certificate)),
            ("--notification-uri", "http://127.0.0.1:1/".to_owned()),
            ("--notify-attempts", "1".to_owned()),
            ("--notify-delay-ms", "0".to_owned()),
            ("--per-second", "0".to_owned()),
            ("--per-hour", "0".to_owned()),
            ("--per-day", "0".to_owned()),
        ];
        let arguments = line("custodian", &base, custodian);
        let config = custodian::Config::try_parse_from(arguments).unwrap();
        let context = Context::new();
        let custodian = custodian::start(config, &context).unwrap();
        let database = TestDatabase::new().await;
        let base = [
            ("--database-url", database.url()),
            ("--encryption-keys", KEY.to_owned()),
            ("--smd-client-id", CLIENT_ID.to_owned()),
            ("--smd-client-secret", CLIENT_SECRET.to_owned()),
            (
                "--smd-authorize-url",
                format!("{}/myAuthorization", custodian.pages_base),
            ),
            ("--smd-redirect-base-url", callback),
            ("--smd-api-url", custodian.api_base.clone()),
            ("--smd-certificate", text(&own.certificate)),
            ("--smd-private-key", text(&own.key)),
            ("--smd-extra-ca", text(authority.certificate())),
            ("--smd-request-spacing", "0".to_owned()),
            ("--smd-requests-per-hour", "1000000".to_owned()),
            ("--smd-requests-per-day", "1000000".to_owned()),
            ("--history-months", "1".to_owned()),
            ("--history-window-days", "10".to_owned()),
        ];
        let arguments = line("smd-fetcher", &base, fetcher);
        let config = services::fetcher_config(&arguments);
        Self {
            db: Database::new(&config.gateway.database).unwrap(),
            client: Client::new(&config.gateway.smd, std::sync::Arc::new(Unlimited)).unwrap(),
            keys: Keyring::parse(&Secret::from(KEY.to_owned())).unwrap(),
            model: Model::beginning_at(1, SystemClock.now()).unwrap(),
            output: tempfile::tempdir().unwrap(),
            database,
            custodian,
            context,
            arguments,
            _certificates: certificates,
        }
    }

    /// A customer shares everything.
    pub(crate) async fn grant(&self, key: &str) -> Granted {
        let customer = self.model.customer(key).unwrap();
        let all: Vec<usize> = (0..customer.usage_points.len()).collect();
        self.grant_some(key, &all).await
    }

    /// A customer shares some service agreements, and the fetch is enqueued as `smd-auth` does it.
    pub(crate) async fn grant_some(&self, key: &str, points: &[usize]) -> Granted {
        let granted = self.authorize(key, points).await;
        self.store(&granted).await;
        self.enqueue(&SmdFetch {
            authorization: granted.id,
        })
        .await;
        granted
    }

    /// The customer's way through the custodian's pages, up to the tokens.
    pub(crate) async fn authorize(&self, key: &str, points: &[usize]) -> Granted {
        let customer = self.model.customer(key).unwrap().clone();
        let points: Vec<String> = points
            .iter()
            .map(|nr| customer.usage_points[*nr].id.clone())
            .collect();
        let mut visitor = Visitor::new(None).unwrap();
        visitor
            .visit(self.client.authorize_url("state").as_str())
            .await
            .unwrap();
        let fields = [("name", &*customer.name), ("account", &*customer.account)];
        visitor
            .submit("form button[value=login]", &fields)
            .await
            .unwrap();
        let chosen: Vec<(&str, &str)> = points
            .iter()
            .map(|point| ("usage_point", point.as_str()))
            .collect();
        let page = visitor
            .submit("form button[value=authorize]", &chosen)
            .await
            .unwrap();
        let (_, code) = page
            .url
            .query_pairs()
            .find(|(name, _)| name == "code")
            .expect("a code");
        let code = Secret::from(code.into_owned());
        let tokens = self.client.exchange_code(&code).await.unwrap();
        Granted {
            id: SystemRandom.uuid().into(),
            subscription: tokens.subscription().unwrap(),
            tokens,
            customer,
            points,
        }
    }

    /// Stores an authorization as `smd-auth` does it.
    pub(crate) async fn store(&self, granted: &Granted) {
        let tokens = Tokens {
            access: granted.tokens.access_token.clone(),
            refresh: Some(granted.tokens.refresh_token.clone()),
        };
        let new = NewAuthorization {
            id: granted.id,
            subscription_id: granted.subscription.as_str(),
            authorization_uri: granted.tokens.authorization_uri.as_deref().unwrap(),
            ticket: &granted.id.to_string(),
            tokens: &tokens,
            expires_in: granted.tokens.expires_in,
        };
        let mut conn = self.db.get().await.unwrap();
        authorization::insert(&mut conn, &self.keys, &new)
            .await
            .unwrap();
    }

    /// An authorization whose history was given up, at an address that has answered before.
    pub(crate) async fn given_up(&self, key: &str) -> Granted {
        let granted = self.authorize(key, &[0]).await;
        self.store(&granted).await;
        self.sql("UPDATE smd.authorization SET stage = 'failed', seen_at = now()")
            .await;
        granted
    }

    /// Wants an authorization to be ended.
    pub(crate) async fn release(&self, granted: &Granted) {
        let authorization = granted.id;
        self.enqueue(&SmdRelease { authorization }).await;
    }

    /// What the custodian knows that a real one would not tell.
    pub(crate) async fn control<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        let mut visitor = Visitor::new(None).unwrap();
        let url = format!("{}/sandbox/{path}", self.custodian.pages_base);
        let page = visitor.visit(&url).await.unwrap();
        serde_json::from_slice(&page.body).unwrap()
    }

    /// Requests of this kind so far.
    pub(crate) async fn requests(&self, kind: RequestKind) -> u64 {
        let counts: RequestCounts = self.control("requests").await;
        counts.by_kind.get(&kind).copied().unwrap_or_default()
    }

    /// Every link that the custodian has announced, in order.
    pub(crate) async fn announced(&self) -> Vec<String> {
        let records: Vec<NotificationRecord> = self.control("notifications").await;
        records
            .into_iter()
            .flat_map(|record| record.resources)
            .collect()
    }

    /// The customer takes the consent back at the custodian.
    pub(crate) async fn revoke(&self, key: &str) {
        let url = format!(
            "{}/sandbox/revoke?customer={key}",
            self.custodian.pages_base
        );
        let answer = reqwest::Client::builder().build().unwrap().post(url);
        assert_eq!(answer.send().await.unwrap().status(), 200);
    }

    /// Something goes wrong at the custodian.
    pub(crate) async fn fault(&self, rule: &Rule) {
        let url = format!("{}/sandbox/faults", self.custodian.pages_base);
        let body = serde_json::to_vec(rule).unwrap();
        let answer = reqwest::Client::builder().build().unwrap().post(url);
        assert_eq!(answer.body(body).send().await.unwrap().status(), 200);
    }

    /// An authorization as the custodian sees it.
    pub(crate) async fn at_custodian(&self, granted: &Granted) -> AuthorizationReport {
        let all: Vec<AuthorizationReport> = self.control("authorizations").await;
        all.into_iter()
            .find(|one| one.id.to_string() == granted.subscription.as_str())
            .unwrap()
    }

    /// The files in the download folder, by name.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.output.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                (entry.file_name().into_string().unwrap(), bytes)
            })
            .collect();
        files.sort();
        files
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A command line: a later argument replaces an earlier one.
fn line(program: &str, base: &[(&str, String)], more: &[(&str, &str)]) -> Vec<String> {
    let mut line = vec![program.to_owned()];
    for (name, value) in base {
        let replaced = more.iter().find(|(other, _)| other == name);
        let value = replaced.map_or(value.as_str(), |(_, value)| value);
        line.extend([(*name).to_owned(), value.to_owned()]);
    }
    for (name, value) in more
        .iter()
        .filter(|(name, _)| base.iter().all(|(other, _)| other != name))
    {
        line.push((*name).to_owned());
        // A flag has no value.
        line.extend((!value.is_empty()).then(|| (*value).to_owned()));
    }
    line
}

/// Where the custodian sends the browser back to: any page will do.
async fn callback() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8192];
            let _read = stream.read(&mut request).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            let _written = stream.write_all(answer).await;
        }
    });
    format!("http://127.0.0.1:{port}")
}
