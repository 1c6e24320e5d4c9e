//! The pages, and the one policy for what a customer is told: what happened, whether anything was
//! fetched, and the next step; never a cause inside ours or the custodian's systems.

use actix_web::cookie::Cookie;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;

/// Everything a page needs is in it: no script, no form, nothing loaded, nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The consent page.
#[derive(Template)]
#[template(path = "start.html")]
pub(crate) struct StartPage<'a> {
    pub(crate) operator: &'a str,
    pub(crate) months: u32,
    pub(crate) file_days: u32,
    pub(crate) reading_days: u32,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
}

/// Renders a page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => guarded(status).content_type(ContentType::html()).body(html),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            guarded(StatusCode::INTERNAL_SERVER_ERROR).finish()
        }
    }
}

/// Sends the browser on with `GET`.
pub(crate) fn redirect(target: &str, cookies: &[Cookie<'_>]) -> HttpResponse {
    let mut builder = guarded(StatusCode::SEE_OTHER);
    for cookie in cookies {
        builder.cookie(cookie.clone());
    }
    builder.insert_header((LOCATION, target)).finish()
}

/// Pages are personal: no cache keeps them, and no other site is told their address, which may hold a
/// ticket.
fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder
}

/// A plain page that says what happened and offers to start again.
pub(crate) fn message(status: StatusCode, title: &str, text: &str) -> HttpResponse {
    page(status, &MessagePage { title, text })
}

/// Our own trouble: logged once, here; the page says only that it is ours. The same address may be
/// tried again.
pub(crate) fn trouble(error: &(dyn std::error::Error + 'static)) -> HttpResponse {
    tracing::error!(
        error = service_kit::config::chain(error),
        "a page could not be made"
    );
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        "Something went wrong on our side",
        "This is not your fault, and nothing is lost. Please load this page again in a minute.",
    )
}

pub(crate) async fn not_found() -> HttpResponse {
    message(
        StatusCode::NOT_FOUND,
        "No such page",
        "The address may be mistyped or out of date.",
    )
}

/// For pages that only `GET` reads: a `HEAD` must not use anything up.
pub(crate) async fn only_get(request: HttpRequest) -> HttpResponse {
    refuse_method(&request, "GET")
}

/// For pages that can also be asked for without their content.
pub(crate) async fn only_get_and_head(request: HttpRequest) -> HttpResponse {
    refuse_method(&request, "GET, HEAD")
}

fn refuse_method(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let text = if request.method() == Method::POST {
        "No form of ours is sent to this address."
    } else {
        "This page can only be looked at."
    };
    let mut response = message(StatusCode::METHOD_NOT_ALLOWED, "Not possible here", text);
    response.headers_mut().insert(
        ALLOW,
        actix_web::http::header::HeaderValue::from_static(allowed),
    );
    response
}
