//! One service, one database, one key; how the eligible party asks, and how a home's part is played.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Parser;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use permission::{PermissionId, Status};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::event::Cause;
use storage::aiida::{ApiKeyId, api_key};
use test_support::{TestDatabase, wait};

pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

const JWT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[derive(Parser)]
struct ServiceCli {
    #[command(flatten)]
    config: aiida_permission::Config,
}

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) base: String,
    pub(crate) context: Context,
    pub(crate) key: String,
    pub(crate) key_id: ApiKeyId,
    http: Client,
    login: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The body of a success.
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The detail of a refusal, which has the shape of a problem.
    pub(crate) fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], "about:blank");
        body["detail"].as_str().unwrap().to_owned()
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[], Context::new()).await
    }

    pub(crate) async fn start_with(arguments: &[(&str, String)], context: Context) -> Self {
        service_kit::http::install_tls_provider();
        service_kit::metrics::install().unwrap();
        let database = TestDatabase::new().await;
        let login = login(&database).await;
        let key_id = ApiKeyId::from(SystemRandom.uuid());
        let mut superuser = connect(&database.url()).await;
        let key = api_key::issue(&mut superuser, key_id, "tests", &SystemRandom)
            .await
            .unwrap();
        let base = serve(&login, arguments, &context).await;
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self {
            database,
            base,
            context,
            key,
            key_id,
            http,
            login,
        }
    }

    /// The service dies and comes back.
    pub(crate) async fn restart_with(&mut self, arguments: &[(&str, String)], context: Context) {
        self.context.shutdown.begin_hard();
        self.context = context;
        self.base = serve(&self.login, arguments, &self.context).await;
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .body(body);
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, key);
        }
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.ask(method, path, Some(&self.bearer()), body.to_string())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Some(&self.bearer()), "").await
    }

    pub(crate) async fn get_accepting(&self, path: &str, accept: &str) -> Answer {
        let request = self
            .http
            .get(format!("{}{path}", self.base))
            .header(AUTHORIZATION, self.bearer())
            .header("accept", accept);
        answer(request.send().await.unwrap()).await
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// Adds a data need; `change` is laid over the usual one.
    pub(crate) async fn need(&self, change: Value) -> String {
        let answer = self.post("/api/v1/data-needs", &need(change)).await;
        answer.ok(201)["id"].as_str().unwrap().to_owned()
    }

    /// A permission whose code is shown.
    pub(crate) async fn sent(&self, need: &str, connection: &str) -> PermissionId {
        let body = json!({ "connectionId": connection, "dataNeedIds": [need] });
        let created = self.post("/api/v1/permissions", &body).await.ok(201);
        created["permissionIds"][0]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// A permission whose home has accepted.
    pub(crate) async fn accepted(&self, need: &str) -> PermissionId {
        let id = self.sent(need, "customer-1").await;
        self.step(id, Status::SentToPermissionAdministrator, Status::Accepted)
            .await;
        id
    }

    pub(crate) async fn step(&self, id: PermissionId, from: Status, to: Status) {
        let mut conn = self.superuser().await;
        step(&mut conn, id, from, to).await;
    }

    pub(crate) async fn superuser(&self) -> AsyncPgConnection {
        self.database.connect().await.unwrap()
    }

    pub(crate) async fn sql(&self, statements: &str) {
        self.database.sql(statements).await.unwrap();
    }

    pub(crate) async fn count(&self, from: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {from}");
        self.database.number(&query).await.unwrap()
    }

    /// One text per row.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        self.database.texts(query).await.unwrap()
    }

    /// The audit log as `action actor subject`.
    pub(crate) async fn audited(&self) -> Vec<String> {
        self.texts(
            "SELECT concat_ws(' ', action, detail->>'apiKey', subject) FROM audit.event ORDER BY id",
        )
        .await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
    }
}

pub(crate) async fn step(conn: &mut AsyncPgConnection, id: PermissionId, from: Status, to: Status) {
    let step = from.step(to).unwrap();
    let taken = conn
        .transaction(async |conn| {
            storage::aiida::permission::advance(conn, id, step, Cause::Home, None).await
        })
        .await
        .unwrap();
    assert!(taken, "{id} is not {from}");
}

/// A data need as the eligible party writes it.
pub(crate) fn need(change: Value) -> Value {
    let mut need = json!({
        "type": "outbound-aiida", "name": "Near-real-time", "description": "Every five seconds",
        "purpose": "To show your power", "policyLink": "https://party.example/policy", "enabled": true,
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *", "schemas": ["SMART-METER-P1-RAW"],
        "asset": "CONNECTION-AGREEMENT-POINT", "dataTags": ["1-0:1.8.0"],
        "allowedPermissionCommands": ["UPDATE_TRANSMISSION_SCHEDULE"]
    });
    if let (Some(need), Value::Object(change)) = (need.as_object_mut(), change) {
        need.extend(change);
    }
    need
}

pub(crate) fn inbound() -> Value {
    json!({"type": "inbound-aiida", "schemas": ["OPAQUE"], "allowedPermissionCommands": ["SET_TRANSMISSION_ENABLED"]})
}

async fn serve(login: &str, arguments: &[(&str, String)], context: &Context) -> String {
    let server = PublicServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let base = format!("http://{}", server.address());
    let own = [
        ("--database-url", login.to_owned()),
        ("--aiida-public-url", "https://party.example".to_owned()),
        ("--aiida-jwt-secret", JWT_KEY.to_owned()),
        ("--aiida-bcrypt-cost", "4".to_owned()),
        ("--mqtt-homes-url", "ssl://broker.example:8883".to_owned()),
    ];
    let mut values = vec!["aiida-permission".to_owned()];
    for (name, value) in own.iter().chain(arguments) {
        values.extend([(*name).to_owned(), value.clone()]);
    }
    let config = ServiceCli::try_parse_from(values).unwrap().config;
    let serving = aiida_permission::serve(server, config, context.clone());
    tokio::spawn(async move { serving.await.unwrap() });
    wait::until(DEADLINE, "the service to answer", async || {
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap()
            .get(format!("{base}/api/v1/openapi.json"))
            .send()
            .await
            .ok()
            .map(|_| ())
    })
    .await;
    base
}

async fn answer(response: reqwest::Response) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

pub(crate) async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.unwrap()
}

/// Roles belong to the cluster, so each database has a login of its own.
async fn login(database: &TestDatabase) -> String {
    let name = format!("party_{}", database.name());
    let statement =
        format!("CREATE ROLE {name} LOGIN PASSWORD 'fictional' IN ROLE metergate_aiida_permission");
    database.sql(&statement).await.unwrap();
    database.url_as(&name, "fictional")
}
