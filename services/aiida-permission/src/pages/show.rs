//! The page behind a ticket.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use pages::operator::Contact;

use super::SCRIPT_PATH;
use super::answers::{trouble, unknown};
use super::look::Look;
use super::stand::Stand;
use super::values;
use super::view::{self, View};
use crate::Service;

/// Tickets have 32 characters; nothing longer is looked up.
const LONGEST: usize = 64;

/// Seconds between two looks of a page without JavaScript: long enough to read a code.
const REFRESH: u32 = 15;

#[derive(Template)]
#[template(path = "permission.html")]
struct PermissionPage<'a> {
    look: &'a Look<'a>,
    view: View,
    /// Where changes are told, as long as there may be any.
    events: Option<String>,
    /// Where the form asks again.
    again: String,
    contact: Option<&'a Contact>,
}

/// The ticket in the address, if it may be one.
pub(super) fn ticket(request: &HttpRequest) -> Option<&str> {
    let ticket = request.match_info().get("ticket")?;
    (ticket.len() <= LONGEST).then_some(ticket)
}

/// `GET /permissions/{ticket}`.
pub(super) async fn show(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let look = Look::of(&service, &request);
    let Some(ticket) = ticket(&request) else {
        return unknown(&look);
    };
    let households = match values::find(&service, ticket).await {
        Ok(households) if households.is_empty() => return unknown(&look),
        Ok(households) => households,
        Err(error) => return trouble(&look, &error),
    };
    match view::view(&look, &households) {
        Ok(view) => answer(&look, ticket, view),
        Err(error) => trouble(&look, &error),
    }
}

fn answer(look: &Look<'_>, ticket: &str, view: View) -> HttpResponse {
    let title = view.title.clone();
    let may_change = view.may_change;
    let language = look.words.language();
    let main = PermissionPage {
        events: may_change.then(|| format!("/permissions/{ticket}/events?lang={language}")),
        again: format!("/permissions/{ticket}/again{}", look.carried()),
        contact: look.service.operator.contact.as_ref(),
        look,
        view,
    };
    let page = look.page(&title).script(SCRIPT_PATH).forms();
    let page = if may_change {
        page.refresh(REFRESH)
    } else {
        page
    };
    page.respond(StatusCode::OK, &main)
}
