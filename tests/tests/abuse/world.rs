//! The stack that all tests of this program share, with a customer, two permissions, and what opens each.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use demo::party::{Asked, Party};
use demo::{Customer, Stack, StackOptions};
use end_to_end::Shared;
use end_to_end::houses::DEADLINE;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;
use test_support::wait;
use uuid::Uuid;

use crate::http::{Answer, exchange, request};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A household that was asked, and what opens its permission.
pub(crate) struct Permission {
    pub(crate) id: Uuid,
    pub(crate) ticket: String,
    pub(crate) token: String,
    /// The eligible party's name for the customer: personal.
    pub(crate) connection: String,
}

pub(crate) struct World {
    pub(crate) stack: Stack,
    /// The ticket of a customer's progress page, and the browser's way there.
    pub(crate) ticket: String,
    pub(crate) own: Permission,
    pub(crate) other: Permission,
    pub(crate) key: String,
    tls: Arc<ClientConfig>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: Shared<World> = Shared::new();
        SHARED.get(Self::start()).await
    }

    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The limits of nginx have tests of their own; here they would end the others.
        let rates = ["NGINX_RATE", "NGINX_AIIDA_RATE", "NGINX_AIIDA_REQUEST_RATE"];
        let options = StackOptions {
            fast: true,
            nginx: rates
                .map(|rate| (rate.to_owned(), "1000r/s".to_owned()))
                .into(),
            services: vec![
                ("METERGATE_HISTORY_MONTHS".to_owned(), "1".to_owned()),
                ("METERGATE_LOG".to_owned(), "debug".to_owned()),
                ("METERGATE_LOG_FORMAT".to_owned(), "json".to_owned()),
            ],
            ..StackOptions::default()
        };
        let stack = Stack::start(folder.path(), &options).await.unwrap();
        let site = stack.site();
        let mut customer = Customer::new(site, "newcomer").await.unwrap();
        let page = customer.authorize(site).await.unwrap();
        let ticket = page.url.path().strip_prefix("/status/").unwrap().to_owned();
        let party = Party::new(site).unwrap();
        let own = Permission::ask(&party, &site.needs.live_raw, "customer-of-our-own").await;
        let other = Permission::ask(&party, &site.needs.live_raw, "customer-next-door").await;
        let mut trusted = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(&site.authority).unwrap();
        trusted.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Self {
            key: site.api_key.clone().unwrap(),
            ticket,
            own,
            other,
            tls: Arc::new(tls),
            stack,
            _folder: folder,
        }
    }

    /// One request through nginx, exactly as given.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        exchange(&mut self.connect(), &request(method, target, headers, body))
    }

    /// The same with a bearer's token.
    pub(crate) fn ask(
        &self,
        method: &str,
        target: &str,
        bearer: Option<&str>,
        body: &str,
    ) -> Answer {
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(bearer.as_deref().map(|value| ("Authorization", value)));
        self.send(method, target, &headers, body)
    }

    /// The same by an operator, from a page of the console.
    pub(crate) fn operate(&self, method: &str, target: &str, body: &str) -> Answer {
        let site = self.stack.site();
        let login = STANDARD.encode(format!("{}:{}", site.operator, site.password));
        let login = format!("Basic {login}");
        let headers = [
            ("Authorization", login.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.send(method, target, &headers, body)
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let (_, port) = self.stack.site().url.rsplit_once(':').unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(self.tls.clone(), name).unwrap();
        let mut stream = StreamOwned::new(tls, stream);
        stream.flush().unwrap();
        stream
    }

    /// Waits until nothing is left to do but what comes again and again.
    pub(crate) async fn until_at_rest(&self) {
        let at_rest = "NOT EXISTS (SELECT FROM jobs.job j JOIN jobs.kind k ON k.name = j.kind
            WHERE k.every IS NULL AND j.state IN ('available', 'running'))";
        wait::until(DEADLINE, at_rest, async || {
            self.stack.holds(at_rest).await.unwrap().then_some(())
        })
        .await;
    }

    /// The one number that a query answers.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.stack.number(query).await.unwrap()
    }
}

impl Permission {
    async fn ask(party: &Party, need: &str, connection: &str) -> Self {
        let asked: Asked = party.ask(connection, need).await.unwrap();
        let code: Value = serde_json::from_slice(&STANDARD.decode(&asked.code).unwrap()).unwrap();
        let (_, ticket) = asked.page_url.rsplit_once('/').unwrap();
        Self {
            id: asked.permission_ids[0],
            ticket: ticket.to_owned(),
            token: code["accessToken"].as_str().unwrap().to_owned(),
            connection: connection.to_owned(),
        }
    }
}
