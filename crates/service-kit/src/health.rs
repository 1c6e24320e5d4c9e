//! The internal port: `/healthz` (the process runs), `/readyz` (everything it needs answers) and
//! `/metrics` (Prometheus). Not for the outside: it names what is broken.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::http::HttpError;
use crate::metrics::{self, Measure};
use crate::shutdown::Shutdown;

/// How long one check or measure may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often histograms are folded, so that they do not grow between two scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The internal port.
#[derive(Debug, Clone, clap::Args)]
pub struct InternalConfig {
    /// Where `/healthz`, `/readyz` and `/metrics` are served. Reachable by the operator's probes
    /// only: not authenticated. Each program on one machine needs its own port.
    #[arg(
        long = "internal-address",
        env = "METERGATE_INTERNAL_ADDRESS",
        default_value = "127.0.0.1:9100"
    )]
    pub internal_address: SocketAddr,
}

/// Something that must answer before the program can do its work.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// What is checked, in a word or two: `database`.
    fn name(&self) -> &str;

    /// Whether it answers; the error says what is wrong and what to do, without secrets. Cut off
    /// after two seconds.
    async fn check(&self) -> Result<(), String>;
}

/// What the internal port asks of a program: checks for `/readyz`, measures for `/metrics`. Services
/// add theirs while they start, and say when that is done: until then the program is not ready,
/// whatever the first of them answer. Clones share them.
#[derive(Clone)]
pub struct Checks {
    readiness: Arc<RwLock<Vec<Arc<dyn Readiness>>>>,
    measures: Arc<RwLock<Vec<Arc<dyn Measure>>>>,
    /// Services of this program that still add checks.
    starting: Arc<AtomicUsize>,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            readiness: Arc::default(),
            measures: Arc::default(),
            starting: Arc::new(AtomicUsize::new(1)),
        }
    }
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let checks = self.all();
        f.debug_list()
            .entries(checks.iter().map(|check| check.name()))
            .finish()
    }
}

impl Checks {
    /// Those of a program of one service, which has not added any yet: not ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many services run in this program. To be said before the first of them starts.
    pub fn expect(&self, services: usize) {
        self.starting.store(services, Ordering::Release);
    }

    /// A service has added all its checks. Each says so once.
    pub fn complete(&self) {
        let counted = self
            .starting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                left.checked_sub(1)
            });
        debug_assert!(counted.is_ok(), "more services than were expected");
    }

    fn are_complete(&self) -> bool {
        self.starting.load(Ordering::Acquire) == 0
    }

    /// Adds a check.
    pub fn add(&self, check: impl Readiness) {
        self.readiness
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(check));
    }

    /// Adds something that is measured with each scrape.
    pub fn measure(&self, measure: impl Measure) {
        self.measures
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(measure));
    }

    /// Takes all measures at the same time on `runtime`.
    async fn take_measures(&self, runtime: &Handle) {
        let measures = self
            .measures
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let tasks: Vec<_> = measures
            .into_iter()
            .map(|it| {
                runtime.spawn(async move {
                    let _late = tokio::time::timeout(CHECK_TIMEOUT, it.measure()).await;
                })
            })
            .collect();
        for task in tasks {
            // One that panicked is in the log.
            let _measured = task.await;
        }
    }

    fn all(&self) -> Vec<Arc<dyn Readiness>> {
        self.readiness
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs all checks at the same time on `runtime`.
    async fn run(&self, runtime: &Handle) -> Vec<Outcome> {
        let running: Vec<_> = self
            .all()
            .into_iter()
            .map(|check| {
                let name = check.name().to_owned();
                let task = runtime
                    .spawn(async move { tokio::time::timeout(CHECK_TIMEOUT, check.check()).await });
                (name, task)
            })
            .collect();
        let mut outcomes = Vec::with_capacity(running.len());
        for (name, task) in running {
            let error = match task.await {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(message))) => Some(message),
                Ok(Err(_)) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
                Err(_) => Some("the check broke down".to_owned()),
            };
            outcomes.push(Outcome { name, error });
        }
        outcomes
    }
}

#[derive(Serialize)]
struct Outcome {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<Outcome>,
}

/// The running internal server. It keeps answering during the shutdown, so that probes see "not
/// ready" instead of nothing; [`stop`](Self::stop) ends it.
#[derive(Debug)]
pub struct InternalServer {
    address: SocketAddr,
    handle: ServerHandle,
    tasks: [JoinHandle<()>; 2],
}

impl InternalServer {
    /// The address with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server at once.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        for task in self.tasks {
            task.abort();
        }
    }
}

struct State {
    checks: Checks,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
    runtime: Handle,
}

/// Starts the internal server. Must be called inside a tokio runtime; the checks run on it.
pub fn serve(
    config: &InternalConfig,
    checks: Checks,
    metrics: PrometheusHandle,
    shutdown: &Shutdown,
) -> Result<InternalServer, HttpError> {
    let address = config.internal_address;
    let failed = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let upkept = metrics.clone();
    let state = web::Data::new(State {
        checks,
        metrics,
        shutdown: shutdown.clone(),
        runtime: Handle::current(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(render))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .map_err(failed)?
    .run();
    let handle = server.handle();
    let serving = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the internal server broke down");
        }
    });
    let upkeep = tokio::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            upkept.run_upkeep();
        }
    });
    Ok(InternalServer {
        address,
        handle,
        tasks: [serving, upkeep],
    })
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

async fn readyz(state: web::Data<State>) -> HttpResponse {
    if state.shutdown.soft().is_cancelled() {
        return HttpResponse::ServiceUnavailable().json(Report {
            status: "stopping",
            checks: Vec::new(),
        });
    }
    // In this order: those that a service adds while these run are not missed.
    let complete = state.checks.are_complete();
    let checks = state.checks.run(&state.runtime).await;
    if !complete {
        return HttpResponse::ServiceUnavailable().json(Report {
            status: "starting",
            checks,
        });
    }
    if checks.iter().any(|check| check.error.is_some()) {
        return HttpResponse::ServiceUnavailable().json(Report {
            status: "not ready",
            checks,
        });
    }
    HttpResponse::Ok().json(Report {
        status: "ready",
        checks,
    })
}

async fn render(state: web::Data<State>) -> HttpResponse {
    metrics::record_process();
    state.checks.take_measures(&state.runtime).await;
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(state.metrics.render())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// A check that behaves as its name says.
    struct Fake(&'static str);

    #[async_trait]
    impl Readiness for Fake {
        fn name(&self) -> &str {
            self.0
        }

        async fn check(&self) -> Result<(), String> {
            match self.0 {
                "silent" => std::future::pending().await,
                "broken" => panic!("a check must not take the port down"),
                "refusing" => Err("connection refused: start Postgres".to_owned()),
                _ => Ok(()),
            }
        }
    }

    struct Port {
        server: InternalServer,
        checks: Checks,
        shutdown: Shutdown,
    }

    impl Port {
        fn open() -> Self {
            let (checks, shutdown) = (Checks::new(), Shutdown::new());
            let config = InternalConfig {
                internal_address: ([127, 0, 0, 1], 0).into(),
            };
            let metrics = metrics::install().unwrap();
            let server = serve(&config, checks.clone(), metrics, &shutdown).unwrap();
            Self {
                server,
                checks,
                shutdown,
            }
        }

        async fn get(&self, path: &str) -> (u16, String) {
            let mut stream = TcpStream::connect(self.server.address()).await.unwrap();
            let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (
                head.split(' ').nth(1).unwrap().parse().unwrap(),
                body.to_owned(),
            )
        }
    }

    #[tokio::test]
    async fn readiness_begins_when_the_checks_are_complete_and_ends_with_the_shutdown() {
        let port = Port::open();
        let starting = |checks: &str| {
            (
                503,
                format!(r#"{{"status":"starting","checks":[{checks}]}}"#),
            )
        };
        assert_eq!(port.get("/readyz").await, starting(""));
        port.checks.add(Fake("database"));
        // Another one may follow that fails.
        assert_eq!(
            port.get("/readyz").await,
            starting(r#"{"name":"database"}"#)
        );
        port.checks.complete();
        assert_eq!(port.get("/readyz").await.0, 200);
        port.shutdown.begin_soft();
        assert_eq!(
            port.get("/readyz").await,
            (503, r#"{"status":"stopping","checks":[]}"#.into())
        );
        assert_eq!(port.get("/healthz").await.0, 200);
        let address = port.server.address();
        port.server.stop().await;
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_program_is_ready_when_the_last_of_its_services_is() {
        let port = Port::open();
        port.checks.expect(2);
        port.checks.complete();
        assert_eq!(port.get("/readyz").await.0, 503);
        port.checks.complete();
        assert_eq!(port.get("/readyz").await.0, 200);
        port.server.stop().await;
    }

    #[tokio::test]
    async fn each_check_tells_what_is_wrong_and_none_holds_up_the_others() {
        let port = Port::open();
        for name in ["fine", "refusing", "silent", "broken"] {
            port.checks.add(Fake(name));
        }
        port.checks.complete();
        let (status, body) = port.get("/readyz").await;
        assert_eq!(status, 503);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = serde_json::json!({"status": "not ready", "checks": [
            {"name": "fine"},
            {"name": "refusing", "error": "connection refused: start Postgres"},
            {"name": "silent", "error": "no answer within 2 s"},
            {"name": "broken", "error": "the check broke down"},
        ]});
        assert_eq!(body, expected);
        port.server.stop().await;
    }

    /// Measures at once, or never comes to an end.
    struct Gauge(bool);

    #[async_trait]
    impl Measure for Gauge {
        async fn measure(&self) {
            if self.0 {
                ::metrics::gauge!("service_kit_test_measured").increment(1.0);
            } else {
                std::future::pending::<()>().await;
            }
        }
    }

    #[tokio::test]
    async fn what_is_measured_is_measured_with_each_scrape() {
        let port = Port::open();
        port.checks.measure(Gauge(false));
        port.checks.measure(Gauge(true));
        for times in 1..=2 {
            let (status, body) = port.get("/metrics").await;
            assert_eq!(status, 200);
            let expected = format!("service_kit_test_measured {times}\n");
            assert!(body.contains(&expected), "{body}");
        }
        port.server.stop().await;
    }

    #[tokio::test]
    async fn a_taken_address_says_so() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = InternalConfig {
            internal_address: taken.local_addr().unwrap(),
        };
        let metrics = metrics::install().unwrap();
        let refused = serve(&config, Checks::new(), metrics, &Shutdown::new());
        let message = refused.err().unwrap().to_string();
        assert!(
            message.contains("check that no other program does"),
            "{message}"
        );
    }
}
