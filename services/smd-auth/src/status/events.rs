//! `GET /status/{ticket}/events`: tells a progress page how far it is while it is open.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use pages::Words;
use serde_json::json;
use storage::smd::progress::Progress;

use super::look;
use super::view::{Bar, state};
use crate::Service;

/// Told to a page whose authorization is there no more: it looks again and finds no page.
const GONE: &str = "gone";

/// The page asks once, listens, and is told the end; a refusal makes it look for itself later.
pub(crate) async fn events(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let ticket = request.match_info().get("ticket").unwrap_or_default();
    let progress = match look(&service, ticket).await {
        Ok(Some(progress)) => progress,
        Ok(None) => return refused(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::warn!(
                error = service_kit::config::chain(&error),
                "a page cannot be told its progress"
            );
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    let Some(place) = service.streams.place() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    };
    let words = service.texts.of(&request);
    let mut seen = service.feed.watch(progress);
    service.streams.answer(place, move |events| async move {
        let (mut last_state, mut last_bar) = (String::new(), None);
        loop {
            let now = Told::of(&words, seen.borrow_and_update().as_ref());
            if now.state != last_state {
                events.send("state", &now.state).await?;
            }
            if let Some(bar) = now
                .bar
                .as_ref()
                .filter(|bar| last_bar.as_ref() != Some(*bar))
            {
                let data = json!({ "value": bar.value, "max": bar.max, "text": bar.text });
                events.send("bar", &data.to_string()).await?;
            }
            if now.is_final || seen.changed().await.is_err() {
                return Ok(());
            }
            (last_state, last_bar) = (now.state, now.bar);
        }
    })
}

struct Told {
    state: String,
    bar: Option<Bar>,
    is_final: bool,
}

impl Told {
    fn of(words: &Words, progress: Option<&Progress>) -> Self {
        match progress {
            Some(progress) => Self {
                state: state(progress),
                bar: Bar::of(words, progress),
                is_final: progress.is_final(),
            },
            None => Self {
                state: GONE.to_owned(),
                bar: None,
                is_final: true,
            },
        }
    }
}

fn refused(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((RETRY_AFTER, "10"))
        .finish()
}
