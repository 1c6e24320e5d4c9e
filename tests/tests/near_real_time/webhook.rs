//! Where the eligible party is told: a receiver that keeps what came, and answers as it is told to.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::Mutex;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use test_support::wait;
use uuid::Uuid;

use end_to_end::houses::DEADLINE;

pub(crate) const SECRET: &str = "thirty-two characters of a secret at least";

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<u16>>,
    asked: Mutex<usize>,
    taken: Mutex<Vec<(i64, Value)>>,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Data<State>,
    server: ServerHandle,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let state = Data::new(State::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let shared = state.clone();
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/events", post().to(receive))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            state,
            server: handle,
        }
    }

    /// The next requests are answered with these instead of 200.
    pub(crate) fn answer(&self, answers: &[u16]) {
        self.state.answers.lock().unwrap().extend(answers);
    }

    /// How many of the answers given by [`Receiver::answer`] are still to be given.
    pub(crate) fn answers_left(&self) -> usize {
        self.state.answers.lock().unwrap().len()
    }

    pub(crate) fn requests(&self) -> usize {
        *self.state.asked.lock().unwrap()
    }

    /// The statuses of a permission, in the order in which they were taken; events come in the order of their ids.
    pub(crate) fn statuses(&self, permission: Uuid) -> Vec<String> {
        let taken = self.state.taken.lock().unwrap();
        let ids: Vec<i64> = taken.iter().map(|(id, _)| *id).collect();
        // One whose answer was lost comes again, and no other comes before it.
        assert!(ids.is_sorted(), "out of order: {ids:?}");
        let mut events = taken.clone();
        events.dedup_by_key(|(id, _)| *id);
        let ours = events
            .iter()
            .filter(|(_, event)| event["permissionId"] == permission.to_string());
        ours.map(|(_, event)| event["status"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) async fn until(&self, permission: Uuid, statuses: &[&str]) {
        let what = format!("{statuses:?} of {permission}");
        wait::until(DEADLINE, &what, async || {
            (self.statuses(permission) == statuses).then_some(())
        })
        .await;
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

async fn receive(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    *state.asked.lock().unwrap() += 1;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(header("metergate-timestamp").as_bytes());
    mac.update(b".");
    mac.update(&body);
    let digest = mac.finalize().into_bytes().into_iter();
    let signature = digest.fold("v1=".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    if header("metergate-signature") != signature {
        return HttpResponse::Unauthorized().finish();
    }
    if let Some(answer) = state.answers.lock().unwrap().pop_front() {
        return HttpResponse::build(StatusCode::from_u16(answer).unwrap()).finish();
    }
    let id = header("metergate-event-id").parse().unwrap();
    let event = serde_json::from_slice(&body).unwrap();
    state.taken.lock().unwrap().push((id, event));
    HttpResponse::Ok().finish()
}
