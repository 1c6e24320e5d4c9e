//! The pages, and the one policy for what a customer is told.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpResponse, Responder};
use askama::Template;

/// The consent page.
#[derive(Template)]
#[template(path = "start.html")]
pub(crate) struct StartPage<'a> {
    pub(crate) operator: &'a str,
    pub(crate) months: u32,
    pub(crate) file_days: u32,
    pub(crate) reading_days: u32,
}

/// One sentence and a way on.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) offer_start: bool,
}

/// Renders a page. Pages are personal: no cache keeps them.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type(ContentType::html())
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// A plain page that says what happened and offers to start again.
pub(crate) fn message(status: StatusCode, title: &str, text: &str) -> HttpResponse {
    page(
        status,
        &MessagePage {
            title,
            text,
            offer_start: true,
        },
    )
}

/// Our own trouble: logged once, here; the page says only that it is ours.
pub(crate) fn trouble(error: &(dyn std::error::Error + 'static)) -> HttpResponse {
    tracing::error!(
        error = service_kit::config::chain(error),
        "a page could not be made"
    );
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        "Something went wrong on our side",
        "This is not your fault. Please try again in a few minutes.",
    )
}

pub(crate) async fn not_found() -> impl Responder {
    message(
        StatusCode::NOT_FOUND,
        "No such page",
        "The address may be mistyped or out of date.",
    )
}
