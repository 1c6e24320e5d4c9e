//! A server that plays exchanges literally, in their order: another request than the next one is a failed test.
//!
//! A file holds exchanges separated by `---`. Lines that start with `#` are comments, with `>` the request's first
//! line and headers that it must have, with `<` the answer's status and headers; what follows is the answer's body.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use mqtt_iam::broker::Broker;

use crate::world::broker_config;

/// A request that must come, and its answer.
#[derive(Debug, Clone, Default)]
struct Exchange {
    request: String,
    headers: Vec<(String, String)>,
    status: u16,
    answer_headers: Vec<(String, String)>,
    body: String,
}

#[derive(Default)]
struct Script {
    left: VecDeque<Exchange>,
    wrong: Vec<String>,
}

/// The server and the driver that speaks to it.
pub(crate) struct Player {
    script: Arc<Mutex<Script>>,
    pub(crate) broker: Broker,
}

impl Player {
    pub(crate) fn of(text: &str) -> Self {
        let left = text.split("\n---\n").map(exchange).collect();
        let script = Arc::new(Mutex::new(Script {
            left,
            wrong: Vec::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = web::Data::from(Arc::clone(&script));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .default_service(web::to(play))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        tokio::spawn(server);
        Self {
            script,
            broker: Broker::new(&broker_config(&url)).unwrap(),
        }
    }

    /// Everything was asked, and nothing else.
    pub(crate) fn assert_played(&self) {
        let script = self.script.lock().unwrap();
        assert_eq!(script.wrong, Vec::<String>::new());
        assert!(script.left.is_empty(), "not asked: {:?}", script.left);
    }
}

async fn play(request: HttpRequest, script: web::Data<Mutex<Script>>) -> HttpResponse {
    let mut script = script.lock().unwrap();
    // As it came: percent-encoding is part of the contract.
    let asked = format!("{} {}", request.method(), request.uri());
    let Some(next) = script.left.pop_front() else {
        script.wrong.push(format!("{asked}, after the end"));
        return HttpResponse::ImATeapot().finish();
    };
    if asked != next.request {
        script
            .wrong
            .push(format!("{asked} instead of {}", next.request));
    }
    for (name, value) in &next.headers {
        let given = request.headers().get(name).map(|it| it.to_str().unwrap());
        if given != Some(value.as_str()) {
            script.wrong.push(format!("{asked}: {name} is {given:?}"));
        }
    }
    let mut answer = HttpResponse::build(StatusCode::from_u16(next.status).unwrap());
    for (name, value) in next.answer_headers {
        answer.insert_header((name, value));
    }
    answer.body(next.body)
}

fn exchange(text: &str) -> Exchange {
    let mut exchange = Exchange::default();
    let mut body = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(request) = line.strip_prefix("> ") {
            match request.split_once(": ") {
                Some((name, value)) if !exchange.request.is_empty() => {
                    exchange.headers.push((name.to_owned(), value.to_owned()));
                }
                _ => request.clone_into(&mut exchange.request),
            }
        } else if let Some(answer) = line.strip_prefix("< ") {
            match answer.split_once(": ") {
                Some((name, value)) => exchange
                    .answer_headers
                    .push((name.to_owned(), value.to_owned())),
                None => exchange.status = answer.parse().unwrap(),
            }
        } else {
            body.push(line);
        }
    }
    exchange.body = body.join("\n");
    exchange
}
