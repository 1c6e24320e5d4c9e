//! A permission facade that gives literal answers and keeps what it was asked.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct State {
    details: Vec<(String, Value)>,
    answer: Option<(u16, Value)>,
    asked: Vec<Asked>,
}

/// A running facade.
#[derive(Clone)]
pub(crate) struct Facade {
    state: Arc<Mutex<State>>,
    pub(crate) base: String,
}

impl Facade {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .default_service(web::to(answer))
        })
        .workers(1)
        .disable_signals()
        .bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        Self {
            state,
            base: format!("http://{address}/region-connectors/aiida"),
        }
    }

    /// What GET answers for this permission.
    pub(crate) fn details(&self, permission: &str, details: Value) {
        let mut state = self.state.lock().unwrap();
        state.details.push((permission.to_owned(), details));
    }

    /// What ACCEPT answers.
    pub(crate) fn on_accept(&self, status: u16, body: Value) {
        self.state.lock().unwrap().answer = Some((status, body));
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }
}

async fn answer(
    request: HttpRequest,
    body: web::Bytes,
    state: web::Data<Mutex<State>>,
) -> HttpResponse {
    let mut state = state.lock().unwrap();
    let header = request.headers().get("Authorization");
    let body = String::from_utf8(body.to_vec()).unwrap();
    state.asked.push(Asked {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        authorization: header
            .map_or("", |value| value.to_str().unwrap())
            .to_owned(),
        body: body.clone(),
    });
    let permission = request.path().rsplit('/').next().unwrap();
    let known = state.details.iter().find(|(id, _)| id == permission);
    let Some((_, details)) = known else {
        return HttpResponse::NotFound()
            .json(json!({"errors": [{"message": "no such permission"}]}));
    };
    if request.method() == "GET" {
        return HttpResponse::Ok().json(details);
    }
    let operation: Value = serde_json::from_str(&body).unwrap();
    match &state.answer {
        Some((status, body)) if operation["operation"] == "ACCEPT" => {
            HttpResponse::build(actix_web::http::StatusCode::from_u16(*status).unwrap()).json(body)
        }
        _ => HttpResponse::NoContent().finish(),
    }
}
