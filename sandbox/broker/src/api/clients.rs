//! `/clients`: who is connected or has a session, and throwing clients out.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NODE, Paging, failed, page, refuse};
use crate::clients::Client;
use crate::connection::Door;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/clients", web::get().to(list))
        .route("/clients/kickout/bulk", web::post().to(kick_all))
        .route("/clients/{client_id}", web::get().to(show))
        .route("/clients/{client_id}", web::delete().to(kick))
        .route(
            "/clients/{client_id}/authorization/cache",
            web::delete().to(clear_cache),
        );
}

#[derive(Deserialize)]
struct Filter {
    username: Option<String>,
    clientid: Option<String>,
    conn_state: Option<String>,
    page: Option<usize>,
    limit: Option<usize>,
}

impl Filter {
    fn lets_through(&self, client: &Client) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        is(&self.username, &client.username)
            && is(&self.clientid, &client.id)
            && is(&self.conn_state, state(client))
    }
}

const fn state(client: &Client) -> &'static str {
    if client.connected {
        "connected"
    } else {
        "disconnected"
    }
}

/// A client with the fields of EMQX that this broker knows.
fn describe(client: &Client) -> Value {
    json!({
        "clientid": client.id,
        "username": client.username,
        "connected": client.connected,
        "connected_at": client.connected_at.map(|at| at.to_string()),
        "proto_name": "MQTT",
        "proto_ver": client.protocol,
        "expiry_interval": client.session_seconds,
        "node": NODE,
    })
}

fn not_found() -> HttpResponse {
    refuse(
        HttpResponse::NotFound(),
        "CLIENTID_NOT_FOUND",
        "Client ID not found",
    )
}

async fn list(door: web::Data<Door>, filter: web::Query<Filter>) -> HttpResponse {
    let clients = match door.clients.list().await {
        Ok(clients) => clients,
        Err(error) => return failed(&error),
    };
    let found: Vec<Value> = clients
        .iter()
        .filter(|client| filter.lets_through(client))
        .map(describe)
        .collect();
    let paging = Paging {
        page: filter.page,
        limit: filter.limit,
    };
    page(&found, paging)
}

async fn show(door: web::Data<Door>, client_id: web::Path<String>) -> HttpResponse {
    match door.clients.list().await {
        Ok(clients) => clients
            .iter()
            .find(|client| client.id == *client_id)
            .map_or_else(not_found, |client| {
                HttpResponse::Ok().json(describe(client))
            }),
        Err(error) => failed(&error),
    }
}

async fn kick(door: web::Data<Door>, client_id: web::Path<String>) -> HttpResponse {
    match door.clients.kick(&client_id).await {
        Ok(true) => HttpResponse::NoContent().finish(),
        Ok(false) => not_found(),
        Err(error) => failed(&error),
    }
}

/// EMQX throws out those that are there and says nothing of the others.
async fn kick_all(door: web::Data<Door>, client_ids: web::Json<Vec<String>>) -> HttpResponse {
    for client_id in &*client_ids {
        if let Err(error) = door.clients.kick(client_id).await {
            return failed(&error);
        }
    }
    HttpResponse::NoContent().finish()
}

/// There is no cache, so it is always clear.
async fn clear_cache(door: web::Data<Door>, client_id: web::Path<String>) -> HttpResponse {
    match door.clients.exists(&client_id).await {
        Ok(true) => HttpResponse::NoContent().finish(),
        Ok(false) => not_found(),
        Err(error) => failed(&error),
    }
}
