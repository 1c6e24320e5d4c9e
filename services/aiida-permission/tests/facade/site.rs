//! One service, one database; how to ask it as a home does.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use clap::Parser;
use job_queue::{Handler, Job, Outcome, Worker, WorkerSettings};
use permission::code::{Bundle, Single};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use storage::kinds::MqttGrant;
use storage::{Database, DatabaseConfig};
use test_support::{TestDatabase, wait};

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The key of all tokens in these tests.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) const RAW: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a02";
pub(crate) const FULL: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a01";
pub(crate) const INBOUND: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a03";
pub(crate) const DISABLED: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a04";
pub(crate) const OVER: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a05";

/// Personal, so it may be in no log.
pub(crate) const CONNECTION: &str = "customer-of-the-party-17";

#[derive(Parser)]
struct ServiceCli {
    #[command(flatten)]
    config: aiida_permission::Config,
}

#[derive(Parser)]
struct DatabaseCli {
    #[command(flatten)]
    config: DatabaseConfig,
}

/// What may differ from one test to another.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) arguments: Vec<(&'static str, String)>,
    pub(crate) context: Context,
    /// Nobody grants.
    pub(crate) without_iam: bool,
    /// Where the service finds the database, from its real address.
    pub(crate) database: Option<Box<dyn FnOnce(String) -> String>>,
}

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) base: String,
    pub(crate) context: Context,
    pub(crate) http: Client,
    _needs: tempfile::NamedTempFile,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The messages of a refusal, which has no other shape.
    pub(crate) fn errors(&self) -> Vec<String> {
        assert!(self.status >= 400, "{}: {}", self.status, self.body);
        assert_eq!(self.header("content-type"), "application/json");
        let body = self.json();
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        let errors = body["errors"].as_array().unwrap();
        assert!(!errors.is_empty());
        let message = |error: &Value| {
            assert_eq!(error.as_object().unwrap().len(), 1, "{body}");
            error["message"].as_str().unwrap().to_owned()
        };
        errors.iter().map(message).collect()
    }

    /// As a snapshot shows it.
    pub(crate) fn shown(&self) -> String {
        let mut lines = vec![self.status.to_string()];
        for name in [
            "location",
            "content-type",
            "cache-control",
            "allow",
            "www-authenticate",
        ] {
            if !self.header(name).is_empty() {
                lines.push(format!("{name}: {}", self.header(name)));
            }
        }
        if !self.body.is_empty() {
            let mut body = self.json();
            if let Some(password) = body.get_mut("password") {
                assert_eq!(password.as_str().unwrap().len(), 24);
                *password = json!("(24 characters)");
            }
            // Another crate of the same build may make maps keep their order.
            body.sort_all_objects();
            lines.push(String::new());
            lines.push(serde_json::to_string_pretty(&body).unwrap());
        }
        lines.join("\n")
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        logs();
        service_kit::http::install_tls_provider();
        service_kit::metrics::install().unwrap();
        let database = TestDatabase::new().await;
        let login = login(&database, "metergate_aiida_permission", "aiida").await;
        let url = match options.database {
            Some(through) => through(login),
            None => login,
        };
        let needs = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(needs.path(), include_str!("data-needs.json")).unwrap();
        let server = PublicServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let base = format!("http://{}", server.address());
        let mut arguments = vec!["aiida-permission".to_owned()];
        let mut values = vec![
            ("--database-url", url),
            ("--aiida-public-url", base.clone()),
            ("--aiida-jwt-secret", KEY.to_owned()),
            ("--mqtt-homes-url", "ssl://broker.example:8883".to_owned()),
            ("--aiida-data-needs", needs.path().display().to_string()),
            ("--operator-name", "Sunny <Side> Solar".to_owned()),
        ];
        let given = |name: &str| options.arguments.iter().any(|(given, _)| *given == name);
        if !given("--aiida-bcrypt-cost") {
            values.push(("--aiida-bcrypt-cost", "4".to_owned()));
        }
        values.retain(|(name, _)| !given(name));
        for (name, value) in values.into_iter().chain(options.arguments) {
            if value.is_empty() {
                // The service's own default.
                continue;
            }
            arguments.extend([name.to_owned(), value]);
        }
        let config = ServiceCli::try_parse_from(arguments).unwrap().config;
        let context = options.context;
        let serving = aiida_permission::serve(server, config, context.clone());
        tokio::spawn(async move { serving.await.unwrap() });
        if !options.without_iam {
            grant(&database, &context).await;
        }
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        let site = Self {
            database,
            base,
            context,
            http,
            _needs: needs,
        };
        site.until_served().await;
        site
    }

    async fn until_served(&self) {
        let url = format!("{}/permissions/live.js", self.base);
        wait::until(DEADLINE, "the service to answer", async || {
            self.http.get(&url).send().await.ok().map(|_| ())
        })
        .await;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            return path.to_owned();
        }
        format!("{}{path}", self.base)
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await.unwrap()).await
    }

    /// Asks as a connect button does.
    pub(crate) async fn request(&self, needs: &[&str]) -> Bundle {
        let body = json!({"connectionId": CONNECTION, "dataNeedIds": needs});
        let answer = self
            .ask(
                Method::POST,
                "/region-connectors/aiida/permission-request",
                None,
                Some(&body),
            )
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// A home's answer.
    pub(crate) async fn patch(&self, url: &str, token: &str, operation: &str) -> Answer {
        let body =
            json!({"operation": operation, "aiidaId": "0b9d4a3e-5a32-4c8e-8f7c-0f1d2c3b4a59"});
        self.ask(Method::PATCH, url, Some(token), Some(&body)).await
    }

    /// Asks for one permission, which its home accepts: its id and the answer.
    pub(crate) async fn accepted(&self, need: &str) -> (String, Value) {
        let code = self.request(&[need]).await;
        let answer = self
            .patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (code.permission_ids[0].to_string(), answer.json())
    }

    /// One text per row.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        self.database.texts(query).await.unwrap()
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.database.sql(statement).await.unwrap();
    }

    /// The statuses of a permission's events with their causes, oldest first.
    pub(crate) async fn history(&self, id: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT status || ' ' || cause FROM aiida.permission_event WHERE permission_id = '{id}' ORDER BY id"
        ))
        .await
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        self.texts(&format!(
            "SELECT status FROM aiida.permission WHERE id = '{id}'"
        ))
        .await
        .remove(0)
    }

    /// Jobs of a kind about this permission, by state.
    pub(crate) async fn jobs(&self, kind: &str, id: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT state FROM jobs.job WHERE kind = '{kind}' AND payload->>'permission' = '{id}' ORDER BY id"
        ))
        .await
    }

    /// Has a job run, as its enqueuer would, and waits for its end.
    pub(crate) async fn run(&self, kind: &str, payload: &str, key: &str) {
        let id = self
            .texts(&format!(
                "SELECT (jobs.enqueue(ARRAY['{kind}'], ARRAY['{payload}'::jsonb], ARRAY['{key}'], ARRAY[0::bigint],
                                      ARRAY[0::smallint], NULL))[1]"
            ))
            .await
            .remove(0);
        wait::until(DEADLINE, kind, async || {
            let query = format!("SELECT state FROM jobs.job WHERE id = {id} AND again_at IS NULL");
            let state = self.texts(&query).await;
            (state == ["completed"]).then_some(())
        })
        .await;
    }

    pub(crate) async fn run_timeout(&self) {
        self.run("aiida.timeout", "{}", "schedule").await;
    }

    pub(crate) async fn tell(&self, id: &str, status: &str) {
        let payload = json!({"permission": id, "status": status}).to_string();
        self.run("aiida.status", &payload, &format!("{id}/{status}"))
            .await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
    }
}

pub(crate) async fn read(response: reqwest::Response) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

/// Where a home asks, from the current code.
pub(crate) fn handshake(code: &Bundle, number: usize) -> String {
    let id = code.permission_ids[number].to_string();
    assert!(
        code.handshake_url
            .ends_with("/permission-request/{permissionId}")
    );
    code.handshake_url.replace("{permissionId}", &id)
}

/// Where an older home asks.
pub(crate) fn older_handshake(code: &Single) -> &str {
    assert!(
        code.handshake_url
            .ends_with(&code.permission_id.to_string())
    );
    &code.handshake_url
}

/// Roles belong to the cluster, so each database has logins of its own.
async fn login(database: &TestDatabase, role: &str, name: &str) -> String {
    let login = format!("{name}_{}", database.name());
    let statement = format!("CREATE ROLE {login} LOGIN PASSWORD 'fictional' IN ROLE {role}");
    database.sql(&statement).await.unwrap();
    database.url_as(&login, "fictional")
}

struct Grants;

impl Handler<MqttGrant> for Grants {
    async fn run(&self, _: Job<MqttGrant>) -> Outcome {
        Outcome::Done
    }
}

/// Grants at once, under the role of the service that really does.
async fn grant(database: &TestDatabase, context: &Context) {
    let url = login(database, "metergate_mqtt_iam", "iam").await;
    let config = DatabaseCli::try_parse_from(["iam", "--database-url", &url]).unwrap();
    let pool = Database::new(&config.config).unwrap();
    let listener = pool.listen(&context.shutdown);
    let worker = Worker::new(
        pool.pool().clone(),
        listener,
        context.shutdown.clone(),
        WorkerSettings::default(),
    );
    tokio::spawn(worker.handle::<MqttGrant, _>(16, Grants).run());
}

/// What was logged in this process, down to `debug`; the parser that reads the pages in these tests is left out.
pub(crate) fn logs() -> &'static Mutex<Vec<u8>> {
    static LOGS: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    LOGS.get_or_init(|| {
        let logs: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter("debug,html5ever=off,selectors=off")
            .with_writer(move || Keep(logs))
            .finish();
        tracing_subscriber::util::SubscriberInitExt::init(subscriber);
        logs
    })
}

/// None of these was logged.
pub(crate) fn assert_not_logged(private: &[&str]) {
    let logs = logs().lock().unwrap_or_else(PoisonError::into_inner);
    let logs = String::from_utf8_lossy(&logs);
    assert!(logs.contains("listening"), "nothing was captured");
    for text in private {
        assert!(text.len() > 3, "too short to be looked for");
        assert!(!logs.contains(text), "{text} was logged");
    }
}

/// Whether this was logged.
pub(crate) fn is_logged(text: &str) -> bool {
    let logs = logs().lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&logs).contains(text)
}

struct Keep(&'static Mutex<Vec<u8>>);

impl std::io::Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
