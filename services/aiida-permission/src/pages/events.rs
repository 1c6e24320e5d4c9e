//! `GET /permissions/{ticket}/events`: tells a page while it is open where its permissions stand and what their homes
//! have sent last.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use pages::Words;
use pages::sse::{Events, Gone};
use tokio::sync::watch::Receiver;

use super::look::Look;
use super::show::ticket;
use super::values::{self, Household};
use super::view;
use crate::Service;

/// The state that the page shows, first as it is and then as it changes, and the values.
pub(super) async fn events(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(ticket) = ticket(&request) else {
        return refused(StatusCode::NOT_FOUND);
    };
    let households = match values::find(&service, ticket).await {
        Ok(households) if households.is_empty() => return refused(StatusCode::NOT_FOUND),
        Ok(households) => households,
        Err(error) => {
            tracing::warn!(%error, "a permission page cannot be told");
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    let Some(place) = service.streams.place() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    };
    let words = Look::of(&service, &request).words;
    let seen = service.open_pages.watch(ticket, households);
    let teller = service.clone();
    service
        .streams
        .answer(place, move |events| tell(teller, words, seen, events))
}

/// The page looks for itself later.
fn refused(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((RETRY_AFTER, "10"))
        .finish()
}

async fn tell(
    service: Data<Service>,
    words: Words,
    mut seen: Receiver<Arc<Vec<Household>>>,
    events: Events,
) -> Result<(), Gone> {
    let (mut state, mut shown) = (String::new(), None);
    loop {
        let households = Arc::clone(&seen.borrow_and_update());
        let now = view::state(&service, &households);
        if now != state {
            events.send("state", &now).await?;
            state = now;
        }
        let values = values::told(&words, &households);
        if values != shown {
            if let Some(values) = &values {
                events.send("values", values).await?;
            }
            shown = values;
        }
        if seen.changed().await.is_err() {
            return Ok(());
        }
    }
}
