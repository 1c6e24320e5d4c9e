//! A receiver of the webhook, which remembers what came and answers as it is told.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use aiida_permission::webhook::sign;
use serde_json::Value;
use service_kit::http::PublicServer;
use service_kit::secret::Secret;
use service_kit::shutdown::Shutdown;
use test_support::wait;
use tokio::sync::Semaphore;

use crate::site::DEADLINE;

pub(crate) const SECRET: &str = "a secret of at least thirty-two characters";

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) body: Vec<u8>,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) event: i64,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// As a receiver checks it, at the moment that the request names.
    pub(crate) fn verify(&self) -> Result<(), sign::Untrusted> {
        let secret = Secret::from(SECRET);
        sign::verify(
            &secret,
            self.timestamp,
            &self.body,
            &self.signature,
            self.timestamp,
        )
    }
}

struct State {
    told: Mutex<Vec<Told>>,
    answers: Mutex<VecDeque<u16>>,
    /// Answers are held back while there is none.
    go: Semaphore,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<State>,
    shutdown: Shutdown,
}

impl Receiver {
    /// Answers these in turn, then 200.
    pub(crate) fn start(answers: &[u16]) -> Self {
        let state = Arc::new(State {
            told: Mutex::default(),
            answers: Mutex::new(answers.iter().copied().collect()),
            go: Semaphore::new(100_000),
        });
        let server = PublicServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let url = format!("http://{}/hook", server.address());
        let shutdown = Shutdown::new();
        let (data, stop) = (Data::from(Arc::clone(&state)), shutdown.clone());
        tokio::spawn(async move {
            let routes = move |app: &mut web::ServiceConfig| {
                app.app_data(data.clone())
                    .route("/hook", web::post().to(receive))
                    .route("/elsewhere", web::post().to(receive));
            };
            server.run(&stop, routes).await.unwrap();
        });
        Self {
            url,
            state,
            shutdown,
        }
    }

    pub(crate) fn arguments(&self) -> Vec<(&'static str, String)> {
        vec![
            ("--webhook-url", self.url.clone()),
            ("--webhook-secret", SECRET.to_owned()),
        ]
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.state
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn events(&self) -> Vec<i64> {
        self.told().iter().map(|told| told.event).collect()
    }

    /// Answers wait until [`Receiver::go`].
    pub(crate) fn hold(&self) {
        self.state.go.forget_permits(usize::MAX);
    }

    pub(crate) fn go(&self) {
        self.state.go.add_permits(100_000);
    }

    pub(crate) async fn until(&self, requests: usize) {
        wait::until(DEADLINE, "the webhook to be told", async || {
            (self.told().len() >= requests).then_some(())
        })
        .await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shutdown.begin_hard();
    }
}

async fn receive(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| {
        let value = request.headers().get(name).unwrap();
        value.to_str().unwrap().to_owned()
    };
    let told = Told {
        body: body.to_vec(),
        timestamp: header("metergate-timestamp").parse().unwrap(),
        signature: header("metergate-signature"),
        event: header("metergate-event-id").parse().unwrap(),
    };
    state
        .told
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(told);
    let answer = state
        .answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front();
    let _permit = state.go.acquire().await.unwrap();
    let status = StatusCode::from_u16(answer.unwrap_or(200)).unwrap();
    let mut response = HttpResponse::build(status);
    if status.is_redirection() {
        response.insert_header(("location", "/elsewhere"));
    }
    response.finish()
}
