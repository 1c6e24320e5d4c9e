//! The gateway in front of tokens and resources. Every request to the API passes through
//! [`handle`], which knows its kind and occurrence before anything is answered:
//! certificate, limits, path, in the order in which PG&E's gateway looks at them. Faults strike before
//! all of that.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::secret::{ExposeSecret as _, Secret};

use crate::config::ThrottleStatus;
use crate::faults::{self, Asked, Fault, Moment, Victim};
use crate::ledger::{Admission, Entered, RequestKind};
use crate::oauth;
use crate::resources::{self, Resource};
use crate::tls::PeerCertificate;
use crate::world::{RESOURCES, World};

const TOKEN: &str = "/datacustodian/oauth/v2/token";
const TEST_TOKEN: &str = "/datacustodian/test/oauth/v2/token";
const TEST_AUTHORIZE: &str = "/datacustodian/test/oauth/v2/authorize";

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Token,
    TestToken,
    TestAuthorize,
    Resource(Resource),
    Nowhere,
}

impl Target {
    fn of(method: &Method, path: &str) -> Self {
        match (path, method.as_str()) {
            (TOKEN, "POST") => Self::Token,
            (TEST_TOKEN, "POST") => Self::TestToken,
            (TEST_AUTHORIZE, "GET") => Self::TestAuthorize,
            _ => path
                .strip_prefix(RESOURCES)
                .and_then(|below| Resource::parse(method.as_str(), below))
                .map_or(Self::Nowhere, Self::Resource),
        }
    }

    pub(crate) fn kind(&self) -> RequestKind {
        match self {
            Self::Token => RequestKind::Token,
            Self::TestToken => RequestKind::TestToken,
            Self::TestAuthorize => RequestKind::TestAuthorize,
            Self::Resource(resource) => resource.kind(),
            Self::Nowhere => RequestKind::Unknown,
        }
    }
}

/// What the `Authorization` header says.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    Basic {
        id: String,
        secret: Secret,
    },
    Bearer(Secret),
    /// Absent or not to be made sense of.
    None,
}

impl Credentials {
    fn of(request: &HttpRequest) -> Self {
        let value = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some((scheme, rest)) = value.and_then(|value| value.split_once(' ')) else {
            return Self::None;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(Secret::from(rest.trim()));
        }
        let decoded = STANDARD
            .decode(rest.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((id, secret)) if scheme.eq_ignore_ascii_case("basic") => Self::Basic {
                id: id.to_owned(),
                secret: Secret::from(secret),
            },
            _ => Self::None,
        }
    }
}

/// A request that has come past the gateway.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) credentials: Credentials,
    pub(crate) query: String,
    pub(crate) body: web::Bytes,
    pub(crate) form: bool,
}

/// Answers every request to the API.
pub(crate) async fn handle(
    request: HttpRequest,
    body: web::Bytes,
    world: web::Data<World>,
) -> HttpResponse {
    let world = world.into_inner();
    // Percent-encoded path segments arrive decoded here.
    let target = Target::of(request.method(), request.match_info().as_str());
    let entered =
        world
            .state()
            .ledger
            .enter(world.now(), target.kind(), log_line(&request, &target));
    let credentials = Credentials::of(&request);
    let (asked, fault) = {
        let mut state = world.state();
        let asked = Asked::of(&state, &request, &body, &target, &credentials);
        let fault = state.faults.strike(&asked);
        (asked, fault)
    };
    let carried_out =
        |query: &str| answer(&request, query, body, &target, credentials.clone(), &world);
    let Some(fault) = fault else {
        let response = carried_out(request.query_string());
        note(&world, entered, &response);
        return response;
    };
    let cut = matches!(
        fault,
        Fault::Reset {
            moment: Moment::Before | Moment::Processed
        }
    );
    let victim = Victim {
        world: &world,
        request: &request,
        asked,
        target: &target,
        credentials: &credentials,
    };
    let response = faults::act(fault, victim, carried_out).await;
    if !cut {
        note(&world, entered, &response);
    }
    response
}

fn note(world: &World, entered: Entered, response: &HttpResponse) {
    let status = response.status().as_u16();
    world.state().ledger.answered(entered, status);
}

/// A token request may carry secrets in its query; no other does.
fn log_line(request: &HttpRequest, target: &Target) -> String {
    match target {
        Target::Token | Target::TestToken | Target::TestAuthorize => request.path().to_owned(),
        Target::Resource(_) | Target::Nowhere => request.uri().to_string(),
    }
}

fn answer(
    request: &HttpRequest,
    query: &str,
    body: web::Bytes,
    target: &Target,
    credentials: Credentials,
    world: &Arc<World>,
) -> HttpResponse {
    let presented = request
        .conn_data::<PeerCertificate>()
        .and_then(|peer| peer.0);
    let Some(certificate) = presented.filter(|presented| world.clients.know(presented)) else {
        return invalid_certificate();
    };
    let client_id = claimed_client(world, &credentials);
    let owner = client_id.as_deref().and_then(|id| world.clients.by_id(id));
    if owner.is_some_and(|client| !client.fingerprints.contains(&certificate)) {
        return invalid_certificate();
    }
    let admission = world
        .state()
        .ledger
        .admit(world.now(), certificate, client_id.as_deref());
    if let Admission::Throttled(seconds) = admission {
        let status = match world.config.limits.throttle_status {
            ThrottleStatus::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ThrottleStatus::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        return HttpResponse::build(status)
            .insert_header((header::RETRY_AFTER, seconds.to_string()))
            .json("Rate limit exceeded");
    }
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let form =
        content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let passed = Passed {
        credentials,
        query: query.to_owned(),
        body,
        form,
    };
    match target {
        Target::Token | Target::TestToken => oauth::token(world, &passed),
        Target::TestAuthorize => oauth::test_authorize(world, &passed),
        Target::Resource(resource) => resources::answer(world, resource, &passed),
        Target::Nowhere => no_listener(),
    }
}

/// The client a request claims to come from, as far as that is known.
fn claimed_client(world: &World, credentials: &Credentials) -> Option<String> {
    match credentials {
        Credentials::Basic { id, .. } => world.clients.by_id(id).map(|client| client.id.clone()),
        Credentials::Bearer(token) => {
            let token = token.expose_secret();
            let registered = world
                .clients
                .by_registration_token(token)
                .map(|client| client.id.clone());
            registered.or_else(|| world.state().grants.client_of(token).map(str::to_owned))
        }
        Credentials::None => None,
    }
}

pub(crate) fn invalid_certificate() -> HttpResponse {
    HttpResponse::BadRequest().json("Invalid Certificate")
}

fn no_listener() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .body("No listener for endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_paths_lead_where_they_should() {
        for (method, path, kind) in [
            (Method::POST, TOKEN, RequestKind::Token),
            (Method::GET, TOKEN, RequestKind::Unknown),
            (
                Method::GET,
                "/GreenButtonConnect/espi/1_1/resource/ReadServiceStatus",
                RequestKind::ServiceStatus,
            ),
            (
                Method::DELETE,
                "/GreenButtonConnect/espi/1_1/resource/Authorization/7",
                RequestKind::AuthorizationDelete,
            ),
            (
                Method::GET,
                "/espi/1_1/resource/ReadServiceStatus",
                RequestKind::Unknown,
            ),
            (Method::GET, "/", RequestKind::Unknown),
        ] {
            assert_eq!(Target::of(&method, path).kind(), kind, "{method} {path}");
        }
    }
}
