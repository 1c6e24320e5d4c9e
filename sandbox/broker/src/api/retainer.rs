//! `/mqtt/retainer`: retained messages, looking at them and deleting them.

use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mqtt5::broker::storage::RetainedMessage;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Paging, failed, page, refuse};
use crate::connection::Door;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/mqtt/retainer/messages", web::get().to(list))
        .route("/mqtt/retainer/message/{topic:.+}", web::get().to(show))
        .route(
            "/mqtt/retainer/message/{topic:.+}",
            web::delete().to(delete),
        );
}

#[derive(Deserialize)]
struct Filter {
    topic: Option<String>,
    page: Option<usize>,
    limit: Option<usize>,
}

fn describe(message: &RetainedMessage) -> Value {
    let seconds = i64::try_from(message.stored_at_secs).unwrap_or_default();
    let published_at = Timestamp::from_second(seconds).unwrap_or_default();
    json!({
        "topic": message.topic,
        "qos": u8::from(message.qos),
        "publish_at": published_at.to_string(),
    })
}

fn not_found() -> HttpResponse {
    refuse(
        HttpResponse::NotFound(),
        "NOT_FOUND",
        "Viewed message doesn't exist",
    )
}

async fn list(door: web::Data<Door>, filter: web::Query<Filter>) -> HttpResponse {
    let wanted = filter.topic.as_deref().unwrap_or("#");
    let paging = Paging {
        page: filter.page,
        limit: filter.limit,
    };
    match door.clients.store.retained(wanted).await {
        Ok(messages) => page(&messages.iter().map(describe).collect::<Vec<_>>(), paging),
        Err(error) => failed(&error),
    }
}

async fn show(door: web::Data<Door>, topic: web::Path<String>) -> HttpResponse {
    let messages = match door.clients.store.retained(&topic).await {
        Ok(messages) => messages,
        Err(error) => return failed(&error),
    };
    let Some(message) = messages.iter().find(|message| message.topic == *topic) else {
        return not_found();
    };
    let mut described = describe(message);
    if let Some(fields) = described.as_object_mut() {
        fields.insert(
            "payload".to_owned(),
            STANDARD.encode(&message.payload).into(),
        );
    }
    HttpResponse::Ok().json(described)
}

async fn delete(door: web::Data<Door>, topic: web::Path<String>) -> HttpResponse {
    if door.clients.store.delete_retained(&topic).await {
        HttpResponse::NoContent().finish()
    } else {
        not_found()
    }
}
