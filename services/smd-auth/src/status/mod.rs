//! The customer's progress page. The ticket in its address is all that opens it; the address stays good, so whoever
//! closes the page and comes back sees how far it is. It moves by an event stream, and without JavaScript by loading
//! itself again.

mod events;
mod view;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use pages::{Page, Words};
use storage::DatabaseError;
use storage::smd::progress::{self, Progress};

use crate::Service;
use crate::answers::{STYLE, trouble, unknown};
pub(crate) use events::events;
use view::{Stand, View};

/// Tickets have 32 characters; nothing longer is looked up.
pub(crate) const LONGEST_TICKET: usize = 64;

/// Where the script is; no ticket looks like this.
pub(crate) const SCRIPT: &str = "/status/live.js";

/// Seconds between two looks of a page without JavaScript: long enough to read what it says.
const REFRESH: u32 = 10;

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    words: &'a Words,
    view: &'a View<'a>,
    /// Where changes are told, as long as there may be any.
    events: Option<String>,
}

/// `GET /status/live.js`.
pub(crate) async fn script() -> HttpResponse {
    pages::script(pages::live::SCRIPT)
}

/// `GET /status/{ticket}`.
pub(crate) async fn status(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let ticket = request.match_info().get("ticket").unwrap_or_default();
    match look(&service, ticket).await {
        Ok(Some(progress)) => show(&service, &request, ticket, &progress),
        Ok(None) => unknown(&service, &request),
        Err(error) => trouble(&service, &request, &error),
    }
}

/// How far the authorization of a ticket has come; `None` for what opens nothing.
pub(crate) async fn look(
    service: &Service,
    ticket: &str,
) -> Result<Option<Progress>, DatabaseError> {
    if ticket.len() > LONGEST_TICKET {
        return Ok(None);
    }
    let mut conn = service.database.get().await?;
    Ok(progress::of_ticket(&mut conn, ticket).await?)
}

fn show(
    service: &Service,
    request: &HttpRequest,
    ticket: &str,
    progress: &Progress,
) -> HttpResponse {
    let words = service.texts.of(request);
    let view = View::of(service, &words, progress);
    let main = StatusPage {
        words: &words,
        events: (!view.is_final)
            .then(|| format!("/status/{ticket}/events?lang={}", words.language())),
        view: &view,
    };
    let page = Page::new(&words, view.title.as_str())
        .operator(&service.operator)
        .languages_without_query(&service.texts, request)
        .style(&STYLE);
    let page = if view.is_final {
        page
    } else {
        page.script(SCRIPT).refresh(REFRESH)
    };
    page.respond(StatusCode::OK, &main)
}
