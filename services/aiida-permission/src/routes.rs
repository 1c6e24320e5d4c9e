//! Which address leads where.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};

use crate::{Service, cors, handshake, pages, refusal, status_messages};

pub(crate) fn routes(app: &mut ServiceConfig, service: &Data<Service>) {
    app.app_data(service.clone())
        .service(
            web::scope("/region-connectors/aiida")
                .configure(refusal::configure)
                .service(
                    web::resource("/permission-request")
                        .wrap(cors::of(service, Method::POST))
                        .wrap(from_fn(cors::refuse))
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
                .wrap(cors::of(service, Method::GET))
                .wrap(from_fn(cors::refuse))
                .route(web::get().to(status_messages::stream))
                .default_service(web::to(status_messages::only_get)),
        )
        .service(web::scope("/permissions").configure(pages::routes));
}
