//! `GET /permissions/{ticket}/events`: tells a page while it is open where its permissions stand and what their homes
//! have sent last.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use pages::Words;
use pages::sse::{Events, Gone};

use super::look::Look;
use super::show::ticket;
use super::values::{self, Household};
use super::view;
use crate::Service;
use crate::feed::Change;

/// What is no change of a status (a home that looks at the request, the first data, or its absence) shows within this.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

/// The same while values come.
const LIVE: Duration = Duration::from_secs(2);

/// The state that the page shows, first as it is and then as it changes, and the values.
pub(super) async fn events(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(ticket) = ticket(&request) else {
        return refused(StatusCode::NOT_FOUND);
    };
    match values::find(&service, ticket).await {
        Ok(households) if households.is_empty() => return refused(StatusCode::NOT_FOUND),
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "a permission page cannot be told");
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    let Some(place) = service.streams.place() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    };
    let words = Look::of(&service, &request).words;
    let (ticket, teller) = (ticket.to_owned(), service.clone());
    service
        .streams
        .answer(place, move |events| tell(teller, words, ticket, events))
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
    ticket: String,
    events: Events,
) -> Result<(), Gone> {
    let mut watch = service.feed.watch();
    let (mut state, mut shown) = (String::new(), None);
    let mut ids = Vec::new();
    let mut pause = LOOK_AGAIN;
    loop {
        match values::find(&service, &ticket).await {
            Ok(households) => {
                let now = view::state(&service, &households);
                if now != state {
                    events.send("state", &now).await?;
                    state = now;
                }
                let values = values::told(&words, &households);
                pause = if values.is_some() { LIVE } else { LOOK_AGAIN };
                if values != shown {
                    if let Some(values) = &values {
                        events.send("values", values).await?;
                    }
                    shown = values;
                }
                ids = households.iter().map(Household::id).collect();
            }
            Err(error) => tracing::warn!(%error, "a permission page is behind"),
        }
        let concerns_us = async {
            loop {
                match watch.next().await {
                    Change::Event(event) if !ids.contains(&event.permission) => {}
                    Change::Event(_) | Change::Look => return,
                }
            }
        };
        let _either = tokio::time::timeout(pause, concerns_us).await;
    }
}
