//! Pages that say what happened and what to do; never a cause inside ours.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use pages::operator::Contact;
use service_kit::config::chain;

use super::look::Look;
use crate::Service;

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    look: &'a Look<'a>,
    title: &'a str,
    text: String,
    next: String,
    /// For whoever made the link, in English.
    details: &'a [String],
    contact: Option<&'a Contact>,
}

/// A page of the messages `NAME-title`, `NAME-text` and `NAME-next`.
pub(super) fn message(look: &Look<'_>, status: StatusCode, name: &str) -> HttpResponse {
    detailed(look, status, name, &[])
}

/// The same with what is wrong with a link.
pub(super) fn detailed(
    look: &Look<'_>,
    status: StatusCode,
    name: &str,
    details: &[String],
) -> HttpResponse {
    let title = look.say(&format!("{name}-title"));
    let main = MessagePage {
        title: &title,
        text: look.say(&format!("{name}-text")),
        next: look.say(&format!("{name}-next")),
        details,
        contact: look.service.operator.contact.as_ref(),
        look,
    };
    look.respond(&title, status, &main)
}

pub(super) fn unknown(look: &Look<'_>) -> HttpResponse {
    message(look, StatusCode::NOT_FOUND, "unknown")
}

/// Our own trouble: logged once, here.
pub(super) fn trouble(look: &Look<'_>, error: &(dyn std::error::Error + 'static)) -> HttpResponse {
    tracing::error!(error = chain(error), "a permission page could not be made");
    message(look, StatusCode::SERVICE_UNAVAILABLE, "trouble")
}

pub(super) async fn nowhere(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    unknown(&Look::of(&service, &request))
}

pub(super) async fn only_get(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    refuse_method(&service, &request, "GET")
}

pub(super) async fn only_get_and_head(
    service: Data<Service>,
    request: HttpRequest,
) -> HttpResponse {
    refuse_method(&service, &request, "GET, HEAD")
}

pub(super) async fn only_get_and_post(
    service: Data<Service>,
    request: HttpRequest,
) -> HttpResponse {
    refuse_method(&service, &request, "GET, POST")
}

pub(super) async fn only_post(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    refuse_method(&service, &request, "POST")
}

fn refuse_method(service: &Service, request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let look = Look::of(service, request);
    let mut response = message(&look, StatusCode::METHOD_NOT_ALLOWED, "method");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
