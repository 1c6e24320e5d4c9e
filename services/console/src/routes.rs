//! Every address of this service.

use actix_web::web::{self, Data, ServiceConfig};

use crate::error::Trouble;
use crate::{
    Service, actions, audit, custodian, customers, jobs, output, overview, permissions, refused,
};

/// Keeps a permission's power and values up to date.
const SCRIPT: &str = include_str!("live.js");

pub(crate) fn routes(app: &mut ServiceConfig, service: &Data<Service>) {
    app.app_data(service.clone())
        .app_data(web::FormConfig::default().error_handler(|_, _| Trouble::Form.into()))
        .app_data(web::QueryConfig::default().error_handler(|_, _| Trouble::Form.into()))
        .app_data(web::PathConfig::default().error_handler(|_, _| Trouble::Missing("page").into()))
        .service(web::resource("/console/").route(web::get().to(overview::overview)))
        .service(web::resource("/console/live.js").route(web::get().to(live_script)))
        .service(
            web::resource("/console/customers")
                .route(web::get().to(customers::list))
                .route(web::post().to(customers::search)),
        )
        .service(web::resource("/console/customers/{id}").route(web::get().to(customers::one)))
        .service(
            web::resource("/console/permissions")
                .route(web::get().to(permissions::list))
                .route(web::post().to(permissions::search)),
        )
        .service(web::resource("/console/permissions/{id}").route(web::get().to(permissions::one)))
        .service(
            web::resource("/console/permissions/{id}/live").route(web::get().to(permissions::live)),
        )
        .service(web::resource("/console/jobs").route(web::get().to(jobs::kinds)))
        .service(web::resource("/console/jobs/{id}").route(web::get().to(jobs::one)))
        .service(web::resource("/console/discarded").route(web::get().to(jobs::discarded)))
        .service(web::resource("/console/refused").route(web::get().to(refused::list)))
        .service(web::resource("/console/refused/{id}").route(web::get().to(refused::one)))
        .service(web::resource("/console/custodian").route(web::get().to(custodian::custodian)))
        .service(web::resource("/console/audit").route(web::get().to(audit::audit)))
        .service(
            web::resource("/console/{what}/{id}/{action}")
                .route(web::get().to(actions::ask))
                .route(web::post().to(actions::act)),
        )
        .service(web::resource("/output/").route(web::get().to(output::output)))
        .default_service(web::to(nothing));
}

async fn live_script() -> actix_web::HttpResponse {
    pages::script(SCRIPT)
}

async fn nothing() -> Result<actix_web::HttpResponse, Trouble> {
    Err(Trouble::Missing("page"))
}
