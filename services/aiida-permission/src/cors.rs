//! Pages of the eligible party's sites may ask, those of nobody else: a request that its page could not read the
//! answer of is not carried out either.

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};

use crate::Service;
use crate::refusal::Refusal;

/// Seconds for which a browser remembers what it may send to us.
const PREFLIGHT: usize = 3600;

/// For a resource that pages of these sites may call with this method.
pub(crate) fn of(service: &Service, method: Method) -> Cors {
    let origins = service.config.facade.aiida_origins.iter();
    origins
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods([method])
        .allowed_headers([header::CONTENT_TYPE, header::ACCEPT, header::AUTHORIZATION])
        .expose_headers([header::LOCATION])
        .max_age(PREFLIGHT)
        .block_on_origin_mismatch(true)
}

/// Around [`of`]: what it refuses is refused in our shape.
pub(crate) async fn refuse(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let refused = response.response().error();
    if refused.is_none_or(|error| error.as_error::<CorsError>().is_none()) {
        return Ok(response);
    }
    metrics::counter!("aiida_origins_refused_total").increment(1);
    let refusal = Refusal::new(
        StatusCode::FORBIDDEN,
        "Pages of this site may not ask this here: the operator names those that may.",
    );
    Ok(response.into_response(refusal.error_response()))
}
