//! One service, one custodian, one database; and what the logs must never hold.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use custodian::control::AuthorizationReport;
use custodian::{Custodian, Model};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use test_support::TestDatabase;
use test_support::certs::Authority;
use tokio::sync::MutexGuard;

use crate::browser::{Answer, Browser};
use crate::observed::{counters, logs};

const CLIENT_ID: &str = "cccccccccccccccccccccccccccccccc";
const SECRET: &str = "fictional-client-secret";
/// 32 zero bytes in base64.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Counters and logs are the process's: one test at a time.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[derive(Parser)]
struct ServiceCli {
    #[command(flatten)]
    config: smd_auth::Config,
}

/// What may differ from one test to another.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) service: Vec<(&'static str, String)>,
    pub(crate) custodian: Vec<(&'static str, &'static str)>,
    /// The custodian posts its notifications to the service.
    pub(crate) notified: bool,
}

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) custodian: Custodian,
    pub(crate) model: Model,
    pub(crate) context: Context,
    /// `http://127.0.0.1:port`: for the browser another site than the custodian's `localhost`.
    pub(crate) base: String,
    private: Mutex<Vec<String>>,
    counted: BTreeMap<String, u64>,
    _certificates: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        logs()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        service_kit::metrics::install().unwrap();
        let certificates = tempfile::tempdir().unwrap();
        let authority = Authority::new(certificates.path()).unwrap();
        let server = PublicServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let base = format!("http://{}", server.address());
        let context = Context::new();
        let custodian = start_custodian(&authority, &base, &options, &context);
        let database = TestDatabase::new().await;
        let login = member_of_the_services_role(&database).await;
        let config = configure(&login, &base, &custodian, certificates.path(), &options);
        let serving = smd_auth::serve(server, config, context.clone());
        tokio::spawn(async move { serving.await.unwrap() });
        Self {
            database,
            custodian,
            model: Model::beginning_at(1, context.clock.now()).unwrap(),
            context,
            base,
            private: Mutex::new(vec![SECRET.to_owned(), KEY.to_owned()]),
            counted: counters(),
            _certificates: certificates,
            _turn: turn,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What may appear in no log.
    pub(crate) fn keep_private(&self, text: &str) {
        assert!(text.len() > 3, "too short to be looked for");
        self.private
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.to_owned());
    }

    /// How much each counter of this service has grown since the start, those that have.
    pub(crate) fn counts(&self) -> Vec<String> {
        counters()
            .into_iter()
            .filter_map(|(name, count)| {
                let grown = count - self.counted.get(&name).copied().unwrap_or_default();
                (grown > 0).then(|| format!("{name} {grown}"))
            })
            .collect()
    }

    /// Rows of `from`, asked by the superuser.
    pub(crate) async fn count(&self, from: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {from}");
        self.database.number(&query).await.unwrap()
    }

    /// One text per row.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        self.database.texts(query).await.unwrap()
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.database.sql(statement).await.unwrap();
    }

    /// A customer of the custodian whose data stays private.
    pub(crate) fn customer(&self, key: &str) -> CustomerOf {
        let customer = self.model.customer(key).unwrap();
        for private in [&customer.name, &customer.account] {
            self.keep_private(private);
        }
        for point in &customer.usage_points {
            self.keep_private(&point.id);
        }
        CustomerOf {
            name: customer.name.clone(),
            account: customer.account.clone(),
        }
    }

    /// The custodian's authorizations, oldest first.
    pub(crate) async fn authorizations(&self) -> Vec<AuthorizationReport> {
        let url = format!("{}/sandbox/authorizations", self.custodian.pages_base);
        serde_json::from_str(&Browser::new(self).get(&url).await.body).unwrap()
    }

    /// A link below the custodian's resources.
    pub(crate) fn resource(&self, path: &str) -> String {
        format!(
            "{}/GreenButtonConnect/espi/1_1/resource/{path}",
            self.custodian.api_base
        )
    }

    /// The whole way of the first customer: answers the browser and the address of the progress page.
    pub(crate) async fn authorized(&self) -> (Browser<'_>, String) {
        let mut browser = Browser::new(self);
        let callback = browser.walk_to_callback("fable").await;
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let progress = answer.location();
        (browser, progress)
    }

    /// Nothing private was logged. Call it at the end of a test.
    pub(crate) fn assert_nothing_private_was_logged(&self) {
        let logs = logs().lock().unwrap_or_else(PoisonError::into_inner);
        let logs = String::from_utf8_lossy(&logs);
        assert!(logs.contains("listening"), "nothing was captured: {logs}");
        let private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        for text in private.iter() {
            assert!(
                !logs.contains(text.as_str()),
                "{text:?} was logged:\n{logs}"
            );
        }
    }

    /// The refused page as a browser sees it, and the counter that goes with it.
    pub(crate) fn assert_refused(&self, answer: &Answer, status: u16, title: &str, counter: &str) {
        assert_eq!((answer.status, answer.title().as_str()), (status, title));
        answer.assert_is_a_page();
        assert_eq!(
            self.counts_of("smd_callbacks_refused_total"),
            [format!(
                "smd_callbacks_refused_total{{reason=\"{counter}\"}} 1"
            )]
        );
    }

    pub(crate) fn counts_of(&self, name: &str) -> Vec<String> {
        let mut counts = self.counts();
        counts.retain(|line| line.starts_with(name));
        counts
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
    }
}

/// Whom to log in as.
pub(crate) struct CustomerOf {
    pub(crate) name: String,
    pub(crate) account: String,
}

fn start_custodian(
    authority: &Authority,
    base: &str,
    options: &Options,
    context: &Context,
) -> Custodian {
    let server = authority.server("localhost").unwrap();
    let client = authority.client("smd-auth-test").unwrap();
    let path = |path: &Path| path.display().to_string();
    let mut arguments = vec!["custodian".to_owned()];
    let values = [
        ("--pages", "127.0.0.1:0".to_owned()),
        ("--api", "127.0.0.1:0".to_owned()),
        ("--tls-certificate", path(&server.certificate)),
        ("--tls-key", path(&server.key)),
        ("--client-id", CLIENT_ID.to_owned()),
        ("--client-secret", SECRET.to_owned()),
        ("--client-certificate", path(&client.certificate)),
        ("--redirect-uri", format!("{base}/OAuthCallback")),
        ("--per-second", "0".to_owned()),
    ];
    if options.notified {
        arguments.push(format!("--notification-uri={base}/espi/notification"));
    }
    let more = options.custodian.iter();
    let more = more.map(|(name, value)| (*name, (*value).to_owned()));
    for (name, value) in values.into_iter().chain(more) {
        arguments.extend([name.to_owned(), value]);
    }
    let config = custodian::Config::try_parse_from(arguments).unwrap();
    custodian::start(config, context).unwrap()
}

/// Roles belong to the cluster, so each database has a login of its own.
async fn member_of_the_services_role(database: &TestDatabase) -> String {
    let login = format!("login_{}", database.name());
    let statement =
        format!("CREATE ROLE {login} LOGIN PASSWORD 'fictional' IN ROLE metergate_smd_auth");
    database.sql(&statement).await.unwrap();
    database.url_as(&login, "fictional")
}

fn configure(
    database: &str,
    base: &str,
    custodian: &Custodian,
    certificates: &Path,
    options: &Options,
) -> smd_auth::Config {
    let file = |name: &str| certificates.join(name).display().to_string();
    let mut arguments = vec!["smd-auth".to_owned()];
    let values = [
        ("--database-url", database.to_owned()),
        ("--smd-client-id", CLIENT_ID.to_owned()),
        ("--smd-client-secret", SECRET.to_owned()),
        ("--smd-redirect-base-url", base.to_owned()),
        (
            "--smd-authorize-url",
            format!("{}/myAuthorization", custodian.pages_base),
        ),
        ("--smd-api-url", custodian.api_base.clone()),
        ("--smd-certificate", file("smd-auth-test.crt")),
        ("--smd-private-key", file("smd-auth-test.key")),
        ("--smd-extra-ca", file("authority.crt")),
        ("--encryption-keys", format!("test:{KEY}")),
        ("--operator-name", "Sunny <Side> Solar".to_owned()),
    ];
    let mut values: BTreeMap<&str, String> = values.into_iter().collect();
    values.insert("--smd-request-spacing", "0".to_owned());
    values.extend(options.service.iter().cloned());
    for (name, value) in values {
        arguments.extend([name.to_owned(), value]);
    }
    ServiceCli::try_parse_from(arguments).unwrap().config
}
