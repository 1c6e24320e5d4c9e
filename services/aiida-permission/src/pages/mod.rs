//! What a household sees: the code to scan, what it is asked for, and what has become of it. Works without
//! JavaScript, by loading itself again; with it, by an event stream.
//!
//! The ticket in a page's address is all that opens it. A page says what happened and the next step, never a cause
//! inside ours.

mod ask;
mod qr;
mod show;
mod view;
mod words;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use service_kit::config::chain;

/// One script, from here, which talks to here; nothing else is loaded.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SCRIPT: &str = include_str!("live.js");

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
    details: &'a [String],
}

/// Under `/permissions`.
pub(crate) fn routes(scope: &mut ServiceConfig) {
    scope
        .service(
            web::resource("/new")
                .route(web::get().to(ask::ask))
                .route(web::post().to(ask::ask_for_it))
                .default_service(web::to(async || refuse_method("GET, POST"))),
        )
        .service(
            web::resource("/live.js")
                .route(web::get().to(script))
                .default_service(web::to(async || refuse_method("GET"))),
        )
        .service(
            web::resource("/{ticket}")
                .route(web::get().to(show::show))
                .route(web::head().to(show::show))
                .default_service(web::to(async || refuse_method("GET, HEAD"))),
        )
        .service(
            web::resource("/{ticket}/events")
                .route(web::get().to(show::events))
                .default_service(web::to(async || refuse_method("GET"))),
        )
        .service(
            web::resource("/{ticket}/again")
                .route(web::post().to(ask::again))
                .default_service(web::to(async || refuse_method("POST"))),
        )
        .default_service(web::to(async || no_such_page()));
}

async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(SCRIPT)
}

fn page(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => guarded(status).content_type(ContentType::html()).body(html),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            guarded(StatusCode::INTERNAL_SERVER_ERROR).finish()
        }
    }
}

/// Sends the browser on with `GET`.
fn redirect(target: &str) -> HttpResponse {
    guarded(StatusCode::SEE_OTHER)
        .insert_header((LOCATION, target))
        .finish()
}

/// Pages are personal: no cache keeps them, and no other site is told their address, which holds a ticket.
fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder
}

fn message(status: StatusCode, title: &str, text: &str, details: &[String]) -> HttpResponse {
    page(
        status,
        &MessagePage {
            title,
            text,
            details,
        },
    )
}

fn no_such_page() -> HttpResponse {
    message(
        StatusCode::NOT_FOUND,
        "No such page",
        "The address is mistyped, or what it showed has been erased.",
        &[],
    )
}

/// Our own trouble: logged once, here.
fn trouble(error: &(dyn std::error::Error + 'static)) -> HttpResponse {
    tracing::error!(error = chain(error), "a permission page could not be made");
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        "Something went wrong on our side",
        "This is not your fault, and nothing is lost. Please load this page again in a minute.",
        &[],
    )
}

fn refuse_method(allowed: &'static str) -> HttpResponse {
    let mut response = message(
        StatusCode::METHOD_NOT_ALLOWED,
        "Not possible here",
        "This address is not used in this way.",
        &[],
    );
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
