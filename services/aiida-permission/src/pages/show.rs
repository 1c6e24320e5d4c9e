//! The page behind a ticket, and its event stream.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use storage::DatabaseError;
use storage::aiida::permission::{self as table, Permission};

use super::view::{self, View};
use super::{message, no_such_page, page, trouble};
use crate::Service;
use crate::feed::Change;
use crate::sse::{self, Events, Gone};

/// Tickets have 32 characters; nothing longer is looked up.
const LONGEST: usize = 64;

/// What is no change of a status (the first data, or its absence) shows within this.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "permission.html")]
struct PermissionPage<'a> {
    view: View,
    operator: &'a str,
    ticket: &'a str,
}

/// The ticket in the address, if it may be one.
pub(super) fn ticket(request: &HttpRequest) -> Option<&str> {
    let ticket = request.match_info().get("ticket")?;
    (ticket.len() <= LONGEST).then_some(ticket)
}

/// `GET /permissions/{ticket}`.
pub(super) async fn show(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(ticket) = ticket(&request) else {
        return no_such_page();
    };
    let permissions = match find(&service, ticket).await {
        Ok(permissions) if permissions.is_empty() => return no_such_page(),
        Ok(permissions) => permissions,
        Err(error) => return trouble(&error),
    };
    match view::view(&service, &permissions) {
        Ok(view) => page(
            StatusCode::OK,
            &PermissionPage {
                view,
                operator: &service.config.operator.operator_name,
                ticket,
            },
        ),
        Err(error) => trouble(&error),
    }
}

/// `GET /permissions/{ticket}/events`: the state that the page shows, first as it is and then as it changes.
pub(super) async fn events(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(ticket) = ticket(&request) else {
        return no_such_page();
    };
    match find(&service, ticket).await {
        Ok(permissions) if permissions.is_empty() => return no_such_page(),
        Ok(_) => {}
        Err(error) => return trouble(&error),
    }
    let Some(place) = sse::place(&service) else {
        return message(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many are watching",
            "The page itself still works.",
            &[],
        );
    };
    let ticket = ticket.to_owned();
    sse::answer(&service, place, move |service, events| {
        tell(service, ticket, events)
    })
}

async fn find(service: &Service, ticket: &str) -> Result<Vec<Permission>, DatabaseError> {
    let mut conn = service.database.get().await?;
    Ok(table::by_ticket(&mut conn, ticket).await?)
}

async fn tell(service: Data<Service>, ticket: String, events: Events) -> Result<(), Gone> {
    let mut watch = service.feed.watch();
    let mut told = String::new();
    let mut ids = Vec::new();
    loop {
        match find(&service, &ticket).await {
            Ok(permissions) => {
                let state = view::state(&service, &permissions);
                if state != told {
                    events.send("state", &state).await?;
                    told = state;
                }
                ids = permissions.iter().map(|it| it.id).collect();
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
        let _either = tokio::time::timeout(LOOK_AGAIN, concerns_us).await;
    }
}
