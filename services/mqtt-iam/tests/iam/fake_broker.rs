//! A broker's management interface with clients and retained messages, and with ways to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::json;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    #[default]
    Fine,
    /// 503 to everything.
    Down,
    /// No answer to anything.
    Silent,
}

#[derive(Default)]
struct State {
    mood: Mood,
    /// Client ids and usernames.
    clients: BTreeMap<String, Option<String>>,
    retained: BTreeSet<String>,
    /// How often each client comes back after it was ended.
    returns: usize,
    asked: Vec<String>,
}

/// Ends with the test.
pub(crate) struct FakeBroker {
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
    pub(crate) url: String,
}

impl FakeBroker {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(answer))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { state, handle, url }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub(crate) fn connect(&self, username: Option<&str>, client: &str) {
        let id = username.map_or(client.to_owned(), |name| format!("{name}/{client}"));
        let mut state = self.state.lock().unwrap();
        state.clients.insert(id, username.map(str::to_owned));
    }

    pub(crate) fn come_back(&self, times: usize) {
        self.state.lock().unwrap().returns = times;
    }

    pub(crate) fn retain(&self, topic: &str) {
        self.state.lock().unwrap().retained.insert(topic.to_owned());
    }

    pub(crate) fn clients(&self) -> Vec<String> {
        self.state.lock().unwrap().clients.keys().cloned().collect()
    }

    pub(crate) fn retained(&self) -> Vec<String> {
        self.state
            .lock()
            .unwrap()
            .retained
            .iter()
            .cloned()
            .collect()
    }

    /// Requests that start with this, in order.
    pub(crate) fn asked(&self, start: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let asked = state.asked.iter().filter(|line| line.starts_with(start));
        asked.cloned().collect()
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(
    request: HttpRequest,
    query: web::Query<BTreeMap<String, String>>,
    state: web::Data<Mutex<State>>,
) -> HttpResponse {
    let mood = {
        let mut state = state.lock().unwrap();
        let line = format!("{} {}", request.method(), request.uri().path());
        state.asked.push(line);
        state.mood
    };
    match mood {
        Mood::Fine => {}
        Mood::Down => return HttpResponse::ServiceUnavailable().finish(),
        Mood::Silent => return std::future::pending().await,
    }
    let mut state = state.lock().unwrap();
    let decoded = request.uri().path().replace("%2F", "/");
    let path = decoded.strip_prefix("/api/v5/").unwrap();
    if path == "clients" {
        return clients(&state, query.get("username"));
    }
    if path == "mqtt/retainer/messages" {
        let filter = query["topic"].strip_suffix('#').unwrap();
        let rows = state.retained.iter().filter(|it| it.starts_with(filter));
        let rows: Vec<_> = rows.map(|topic| json!({ "topic": topic })).collect();
        return HttpResponse::Ok().json(json!({ "data": rows, "meta": { "hasnext": false } }));
    }
    if let Some(topic) = path.strip_prefix("mqtt/retainer/message/") {
        return gone_or(state.retained.remove(topic), "NOT_FOUND");
    }
    let client = path.strip_prefix("clients/").unwrap();
    if let Some(client) = client.strip_suffix("/authorization/cache") {
        return gone_or(state.clients.contains_key(client), "CLIENTID_NOT_FOUND");
    }
    let ended = state.clients.remove(client);
    let there = ended.is_some();
    if let Some(username) = ended.filter(|_| state.returns > 0) {
        state.returns -= 1;
        state.clients.insert(client.to_owned(), username);
    }
    gone_or(there, "CLIENTID_NOT_FOUND")
}

fn clients(state: &State, username: Option<&String>) -> HttpResponse {
    let rows: Vec<_> = state
        .clients
        .iter()
        .filter(|(_, name)| username.is_none() || name.as_ref() == username)
        .map(|(id, name)| json!({ "clientid": id, "username": name, "connected": true }))
        .collect();
    HttpResponse::Ok().json(json!({ "data": rows, "meta": { "hasnext": false } }))
}

fn gone_or(there: bool, code: &str) -> HttpResponse {
    if there {
        HttpResponse::NoContent().finish()
    } else {
        HttpResponse::NotFound().json(json!({ "code": code, "message": "not found" }))
    }
}
