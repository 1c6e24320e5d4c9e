//! The description to be read: the document, and a page that shows it. Both are open, like the source code
//! that they describe; trying something out needs a key all the same. Everything is served from here.

use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Path, ServiceConfig};
use actix_web::{HttpResponse, ResponseError as _};
use service_kit::problem::Problem;
use utoipa_swagger_ui::Config;

use super::openapi;
use super::refused::Refused;

/// Where the document is.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// Where the page is; its own links are relative, so the slash at the end matters.
const PAGE: &str = "/api/docs/";

/// Scripts of ours only. The page sets styles of its elements and has pictures in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds both.
pub(crate) fn routes(app: &mut ServiceConfig) {
    app.service(web::resource(DOCUMENT).route(web::get().to(document)))
        .service(web::resource("/api/docs").route(web::get().to(to_page)))
        .service(web::resource("/api/docs/{file:.*}").route(web::get().to(file)));
}

async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .json(openapi::document())
}

async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, PAGE))
        .finish()
}

async fn file(path: Path<String>) -> HttpResponse {
    // No validator of somebody else's: the page asks nobody but us.
    let config = Config::new([DOCUMENT])
        .validator_url("none")
        .try_it_out_enabled(true)
        .use_base_layout();
    match utoipa_swagger_ui::serve(&path, Arc::new(config)) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, "gzip"));
            }
            response
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((CACHE_CONTROL, "no-cache"))
                .content_type(file.content_type)
                .body(file.bytes.into_owned())
        }
        Ok(None) => Problem::not_found("There is nothing at this address.").error_response(),
        Err(error) => Refused::ours(&*error).error_response(),
    }
}
