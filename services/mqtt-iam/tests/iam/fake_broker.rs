//! A broker's management interface with clients and retained messages, pages and limits as EMQX has them, and with ways
//! to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

/// Bytes of a request line that EMQX's HTTP server takes.
const REQUEST_LINE: usize = 8_000;

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
                .app_data(web::PayloadConfig::new(1 << 20))
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
    body: web::Bytes,
    state: web::Data<Mutex<State>>,
) -> HttpResponse {
    let mood = {
        let mut state = state.lock().unwrap();
        let line = format!("{} {}", request.method(), request.uri().path());
        state.asked.push(line);
        state.mood
    };
    if request.uri().to_string().len() > REQUEST_LINE {
        return HttpResponse::UriTooLong().finish();
    }
    match mood {
        Mood::Fine => {}
        Mood::Down => return HttpResponse::ServiceUnavailable().finish(),
        Mood::Silent => return std::future::pending().await,
    }
    let mut state = state.lock().unwrap();
    let decoded = request.uri().path().replace("%2F", "/");
    let path = decoded.strip_prefix("/api/v5/").unwrap();
    if path == "clients" {
        return clients(&state, &query);
    }
    if path == "clients/kickout/bulk" {
        let ids: Vec<String> = serde_json::from_slice(&body).unwrap();
        for id in ids {
            state.clients.remove(&id);
        }
        return HttpResponse::NoContent().finish();
    }
    if path == "mqtt/retainer/messages" {
        let filter = query["topic"].strip_suffix('#').unwrap();
        let rows = state.retained.iter().filter(|it| it.starts_with(filter));
        return page(rows.map(|topic| json!({ "topic": topic })), &query);
    }
    if path == "publish" {
        let message: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&message["retain"], &message["payload"]),
            (&json!(true), &json!(""))
        );
        state.retained.remove(message["topic"].as_str().unwrap());
        return HttpResponse::Accepted()
            .json(json!({ "reason_code": 16, "message": "no_matching_subscribers" }));
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

fn clients(state: &State, query: &BTreeMap<String, String>) -> HttpResponse {
    let username = query.get("username");
    let rows = state
        .clients
        .iter()
        .filter(|(_, name)| username.is_none() || name.as_ref() == username)
        .map(|(id, name)| json!({ "clientid": id, "username": name, "connected": true }));
    page(rows, query)
}

fn page(rows: impl Iterator<Item = Value>, query: &BTreeMap<String, String>) -> HttpResponse {
    let number = |name: &str| query[name].parse::<usize>().unwrap();
    let (page, limit) = (number("page"), number("limit"));
    let mut rows = rows.skip((page - 1) * limit);
    let data: Vec<_> = rows.by_ref().take(limit).collect();
    let meta = json!({ "page": page, "limit": limit, "hasnext": rows.next().is_some() });
    HttpResponse::Ok().json(json!({ "data": data, "meta": meta }))
}

fn gone_or(there: bool, code: &str) -> HttpResponse {
    if there {
        HttpResponse::NoContent().finish()
    } else {
        HttpResponse::NotFound().json(json!({ "code": code, "message": "not found" }))
    }
}
