//! Who asks: every route of the API needs a key as `Authorization: Bearer mgk_…`. A key is looked up by its
//! hash at every request, so a revoked one opens nothing from that moment on.

use std::future::{Ready, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, ResponseError as _};
use serde_json::{Value, json};
use service_kit::http::bearer;
use service_kit::problem::Problem;
use storage::aiida::{ApiKeyId, api_key};

use super::refused::Refused;
use crate::Service;

/// The eligible party, by the key it came with. Handlers that change something take it for the audit log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party(ApiKeyId);

impl Party {
    /// The detail of its lines in the audit log.
    pub(crate) fn actor(self) -> Value {
        json!({ "apiKey": self.0 })
    }
}

impl FromRequest for Party {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let party = request.extensions().get::<Self>().copied();
        ready(party.ok_or_else(|| unauthorized("missing")))
    }
}

/// Lets through only what comes with a key.
pub(crate) async fn with_key<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match party(&request).await {
        Ok(party) => {
            request.extensions_mut().insert(party);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(refused) => {
            let mut response = refused.error_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"metergate\""),
                );
            }
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

async fn party(request: &ServiceRequest) -> Result<Party, Refused> {
    // Registered together with the routes.
    let Some(service) = request.app_data::<Data<Service>>() else {
        return Err(unauthorized("missing"));
    };
    if !request.headers().contains_key(AUTHORIZATION) {
        return Err(unauthorized("missing"));
    }
    let Some(key) = bearer(request.headers()) else {
        return Err(unauthorized("malformed"));
    };
    let mut conn = service.database.get().await?;
    match api_key::verify(&mut conn, key).await? {
        Some(id) => Ok(Party(id)),
        None => Err(unauthorized("unknown")),
    }
}

/// One answer for every reason: it tells nobody whether a key was ever good.
fn unauthorized(reason: &'static str) -> Refused {
    metrics::counter!("aiida_api_keys_refused_total", "reason" => reason).increment(1);
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "This needs an API key, as \"Authorization: Bearer mgk_…\". The operator issues one with \
         \"metergate api-keys add\".",
    )
    .into()
}
