//! The eligible party's API under `/api/v1`: what its own systems ask and tell. JSON in camelCase, a key on every
//! route ([`auth`]), problem details for everything that is refused ([`refused`]).
//!
//! Nothing here changes a status by itself: requests and terminations go through the functions that the
//! facade's pages use, commands and inbound data through `aiida-stream`. Every change is in the audit log, with
//! the key's id and nothing personal.

mod auth;
mod data_needs;
mod docs;
mod events;
mod input;
mod messages;
mod openapi;
mod outgoing;
mod page;
mod permissions;
mod readings;
mod refused;
mod table;
mod view;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, ResponseError as _, Scope};
use diesel_async::AsyncPgConnection;
use permission::PermissionId;
use service_kit::problem::Problem;
use storage::aiida::reading;

use refused::Refused;

/// Where the API begins.
const BASE: &str = "/api/v1";

/// Declares the routes once: registers them and lists them, for the test that the description has them all.
macro_rules! routes {
    ($($path:literal { $($method:ident $allow:literal $handler:path),+ })+) => {
        /// Every method and path that is registered.
        #[cfg(test)]
        const ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path)),+),+];

        fn register(scope: Scope) -> Scope {
            scope$(.service(
                web::resource($path)
                    $(.route(web::$method().to($handler)))+
                    .default_service(web::to(|| async { only(concat!($($allow),+)) }))
            ))+
        }
    };
}

routes! {
    "/permissions" { get "GET" permissions::list, post ", POST" permissions::create }
    "/permissions/{id}" { get "GET" permissions::detail }
    "/permissions/{id}/events" { get "GET" permissions::history }
    "/permissions/{id}/terminate" { post "POST" permissions::terminate }
    "/permissions/{id}/commands" { post "POST" outgoing::command }
    "/permissions/{id}/inbound/{schema}" { put "PUT" outgoing::inbound, post ", POST" outgoing::post_inbound }
    "/permissions/{id}/outgoing" { get "GET" outgoing::list }
    "/permissions/{id}/readings" { get "GET" readings::readings }
    "/permissions/{id}/messages" { get "GET" messages::messages }
    "/permissions/{id}/refused" { get "GET" messages::refused }
    "/events" { get "GET" events::events }
    "/data-needs" { get "GET" data_needs::list, post ", POST" data_needs::add }
    "/data-needs/{id}" { get "GET" data_needs::get, put ", PUT" data_needs::replace, delete ", DELETE" data_needs::remove }
}

/// Adds the API and its description. Expects the service as application data.
pub(crate) fn routes(app: &mut ServiceConfig) {
    metrics::describe_counter!(
        "aiida_api_keys_refused_total",
        "Requests to the eligible party's API without a good key, by reason"
    );
    docs::routes(app);
    app.service(register(web::scope(BASE)).wrap(from_fn(auth::with_key)));
}

/// Another method than those of the address.
fn only(allowed: &'static str) -> HttpResponse {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Here can be asked with {allowed} only."),
    );
    let mut response = problem.error_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// 404 for an id that is no permission's.
async fn must_exist(conn: &mut AsyncPgConnection, id: PermissionId) -> Result<(), Refused> {
    if reading::is_known(conn, id).await? {
        Ok(())
    } else {
        Err(Refused::no_permission())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_description_has_every_route_and_no_other() {
        let registered: BTreeSet<(String, String)> = ROUTES
            .iter()
            .map(|(method, path)| ((*method).to_owned(), format!("{BASE}{path}")))
            .collect();
        let document = serde_json::to_value(openapi::document()).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert((method.clone(), path.clone()));
            }
        }
        assert_eq!(registered, described);
        assert_eq!(registered.len(), 18);
    }

    /// Routes with what they take and answer, and the keys of every schema (`?`: may be left out).
    fn outline(document: &Value) -> String {
        let mut lines = Vec::new();
        let (mut ids, mut operations) = (BTreeSet::new(), 0);
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                operations += 1;
                ids.insert(operation["operationId"].as_str().unwrap());
                let asked = operation["parameters"].as_array().into_iter().flatten();
                let asked: Vec<_> = asked.map(|it| it["name"].as_str().unwrap()).collect();
                let answers = operation["responses"].as_object().unwrap();
                let answers: Vec<_> = answers.keys().map(String::as_str).collect();
                lines.push(format!(
                    "{} {path} ({}) -> {}",
                    method.to_uppercase(),
                    asked.join(" "),
                    answers.join(" ")
                ));
            }
        }
        assert_eq!(ids.len(), operations, "operations share an id");
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let parts = schema["allOf"].as_array().cloned();
            for part in parts.unwrap_or_else(|| vec![schema.clone()]) {
                lines.push(format!("{name}: {}", keys(&part)));
            }
        }
        lines.join("\n")
    }

    fn keys(schema: &Value) -> String {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let Some(properties) = schema["properties"].as_object() else {
            return schema["$ref"].as_str().unwrap_or("(values)").to_owned();
        };
        let mark = |key: &String| {
            let always = required.iter().any(|it| it == key.as_str());
            format!("{key}{}", if always { "" } else { "?" })
        };
        properties.keys().map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_description_is_as_it_was_looked_at() {
        let mut document = serde_json::to_value(openapi::document()).unwrap();
        // Another crate of the same build may make maps keep their order.
        document.sort_all_objects();
        insta::assert_snapshot!(outline(&document));
    }
}
