//! Which address leads where.

use actix_cors::Cors;
use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig};

use crate::{Service, handshake, pages, refusal, status_messages};

/// Seconds for which a browser remembers what it may send to us.
const PREFLIGHT: usize = 3600;

pub(crate) fn routes(app: &mut ServiceConfig, service: &Data<Service>) {
    app.app_data(service.clone())
        .service(
            web::scope("/region-connectors/aiida")
                .configure(refusal::configure)
                .service(
                    web::resource("/permission-request")
                        .wrap(cors(service, &[Method::POST]))
                        .route(web::post().to(handshake::create))
                        .default_service(web::to(handshake::only_post)),
                )
                .service(
                    web::resource("/permission-request/{permission}")
                        .route(web::get().to(handshake::details))
                        .route(web::patch().to(handshake::answer))
                        .default_service(web::to(handshake::only_get_and_patch)),
                ),
        )
        .service(
            web::resource(status_messages::PATH)
                .wrap(cors(service, &[Method::GET]))
                .route(web::get().to(status_messages::stream))
                .default_service(web::to(status_messages::only_get)),
        )
        .service(web::scope("/permissions").configure(pages::routes));
}

/// Pages of the eligible party's sites may ask, those of nobody else.
fn cors(service: &Service, methods: &[Method]) -> Cors {
    let origins = service.config.facade.aiida_origins.iter();
    origins
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(methods.iter().cloned())
        .allowed_headers([header::CONTENT_TYPE, header::ACCEPT, header::AUTHORIZATION])
        .expose_headers([header::LOCATION])
        .max_age(PREFLIGHT)
}
