//! A small HTTPS/1.1 server, one thread per connection, answering what a test tells it to: also
//! bodies that stop in the middle.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use rustls::{ServerConnection, StreamOwned, pki_types::CertificateDer};
use service_kit::clock::ManualClock;
use smd_client::{Budget, BudgetError, Client, Error, Secret, SmdConfig, Tokens, Wait};

use crate::tls::Authority;

pub(crate) const RESOURCES: &str = "/GreenButtonConnect/espi/1_1/resource";
pub(crate) const TOKEN: &str = "/datacustodian/oauth/v2/token";

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    pub(crate) certificate: Option<CertificateDer<'static>>,
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

/// What to send back.
pub(crate) struct Reply {
    head: String,
    body: Vec<u8>,
    /// Bytes of the body to send before the connection drops.
    cut_at: Option<usize>,
    chunked: bool,
    silent: bool,
    /// Before each byte of it.
    pause: Duration,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            head: format!("HTTP/1.1 {status} Said\r\n"),
            body: Vec::new(),
            cut_at: None,
            chunked: false,
            silent: false,
            pause: Duration::ZERO,
        }
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(body)
    }

    pub(crate) fn xml(body: &str) -> Self {
        Self::status(200)
            .header("content-type", "application/atom+xml")
            .body(body)
    }

    /// Never answers at all, with the connection open.
    pub(crate) fn silence() -> Self {
        Self {
            silent: true,
            ..Self::status(200)
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Sent byte by byte, with a pause before each.
    pub(crate) fn dripping(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    pub(crate) fn cut_at(mut self, bytes: usize) -> Self {
        self.cut_at = Some(bytes);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone().into_bytes();
        let sent = &self.body[..self.cut_at.unwrap_or(self.body.len())];
        if self.chunked {
            bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for part in sent.chunks(10) {
                bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            if self.cut_at.is_none() {
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        } else {
            let length = self.body.len();
            bytes.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
            bytes.extend_from_slice(sent);
        }
        bytes
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A running custodian and what it has seen.
pub(crate) struct Custodian {
    pub(crate) authority: Authority,
    pub(crate) port: u16,
    pub(crate) budget: Arc<CountingBudget>,
    pub(crate) clock: ManualClock,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Custodian {
    pub(crate) fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let config = authority.server_config();
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (Arc::clone(&seen), Arc::new(handler));
        thread::spawn(move || {
            for (number, tcp) in listener.incoming().enumerate() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                // A client that leaves or refuses our certificate ends its thread: as it should.
                thread::spawn(move || serve(number, tcp.ok()?, tls, &log, &*handler));
            }
        });
        let start: Timestamp = "2026-03-08T12:00:00Z".parse().unwrap();
        Self {
            authority,
            port,
            budget: Arc::default(),
            clock: ManualClock::new(start),
            seen,
        }
    }

    /// Answers tokens itself, and everything else as told.
    pub(crate) fn with_tokens(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let issued = Mutex::new(0);
        Self::start(move |seen| {
            if !seen.target.starts_with(TOKEN) {
                return handler(seen);
            }
            let mut issued = issued.lock().unwrap();
            *issued += 1;
            let token = format!(r#"{{"client_access_token":"client-{issued}","expires_in":3600}}"#);
            Reply::json(200, &token)
        })
    }

    pub(crate) fn config(&self) -> SmdConfig {
        SmdConfig {
            client_id: Some("example-client".into()),
            client_secret: Some("s3cret/with+signs".into()),
            redirect_base_url: Some("https://energy.example.com".into()),
            authorize_url: format!("https://localhost:{}/myAuthorization", self.port),
            api_base_url: format!("https://localhost:{}", self.port),
            certificate: self.authority.file("client.crt"),
            private_key: self.authority.file("client.key"),
            extra_ca: Some(self.authority.file("ca.pem")),
            request_timeout_seconds: 5,
            ..SmdConfig::default()
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(|_| {})
    }

    pub(crate) fn client_with(&self, change: impl FnOnce(&mut SmdConfig)) -> Client {
        let mut config = self.config();
        change(&mut config);
        Client::with_clock(&config, self.budget.clone(), self.clock.shared()).unwrap()
    }

    /// An address below the resources.
    pub(crate) fn resource(&self, rest: &str) -> String {
        format!("https://localhost:{}{RESOURCES}/{rest}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// `METHOD /path?query` of everything seen.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.seen()
            .iter()
            .map(|it| format!("{} {}", it.method, it.target))
            .collect()
    }
}

fn serve(
    number: usize,
    tcp: TcpStream,
    tls: ServerConnection,
    log: &Mutex<Vec<Seen>>,
    handler: &Handler,
) -> Option<()> {
    let mut stream = BufReader::new(StreamOwned::new(tls, tcp));
    loop {
        let seen = request(number, &mut stream)?;
        log.lock().unwrap().push(seen.clone());
        let reply = handler(&seen);
        if reply.silent {
            thread::park();
        }
        let bytes = reply.bytes();
        let head = if reply.pause.is_zero() {
            bytes.len()
        } else {
            bytes.len() - reply.body.len()
        };
        let (head, rest) = bytes.split_at(head);
        stream.get_mut().write_all(head).ok()?;
        stream.get_mut().flush().ok()?;
        for piece in rest.chunks(1) {
            thread::sleep(reply.pause);
            stream.get_mut().write_all(piece).ok()?;
            stream.get_mut().flush().ok()?;
        }
        if reply.cut_at.is_some() {
            stream
                .get_ref()
                .sock
                .shutdown(std::net::Shutdown::Both)
                .ok()?;
            return None;
        }
    }
}

fn request(
    number: usize,
    stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>,
) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    let certificate = stream
        .get_ref()
        .conn
        .peer_certificates()
        .map(|it| it[0].clone());
    let certificate = certificate.map(CertificateDer::into_owned);
    Some(Seen {
        method,
        target,
        headers,
        body,
        certificate,
        connection: number,
    })
}

/// Admits everything and counts; refuses when told to.
#[derive(Default)]
pub(crate) struct CountingBudget {
    pub(crate) admitted: Mutex<Vec<Wait>>,
    pub(crate) throttled: Mutex<Vec<Option<Duration>>>,
    pub(crate) refuse: Mutex<Option<Duration>>,
}

#[async_trait]
impl Budget for CountingBudget {
    async fn admit(&self, wait: Wait) -> Result<(), BudgetError> {
        if let Some(later) = *self.refuse.lock().unwrap() {
            return Err(BudgetError::Later(later));
        }
        self.admitted.lock().unwrap().push(wait);
        Ok(())
    }

    async fn throttled(&self, retry_after: Option<Duration>) {
        self.throttled.lock().unwrap().push(retry_after);
    }
}

/// A customer's tokens: `access-0` first, then `access-1` and so on.
#[derive(Default)]
pub(crate) struct CustomerTokens {
    pub(crate) refreshes: Mutex<u32>,
}

impl CustomerTokens {
    fn current(&self) -> Secret {
        format!("access-{}", self.refreshes.lock().unwrap()).into()
    }

    pub(crate) fn refreshes(&self) -> u32 {
        *self.refreshes.lock().unwrap()
    }
}

#[async_trait]
impl Tokens for CustomerTokens {
    async fn access(&self) -> Result<Secret, Error> {
        Ok(self.current())
    }

    async fn refreshed(&self, stale: &Secret) -> Result<Secret, Error> {
        use service_kit::secret::ExposeSecret;
        assert_eq!(stale.expose_secret(), self.current().expose_secret());
        *self.refreshes.lock().unwrap() += 1;
        Ok(self.current())
    }
}
