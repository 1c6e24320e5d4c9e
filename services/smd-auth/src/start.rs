//! The consent page and the way to the custodian.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use storage::DatabaseError;
use storage::smd::login;

use crate::Service;
use crate::cookie;
use crate::pages::{StartPage, page, redirect, trouble};

/// Says what will be fetched, kept and for how long. A customer who started at the custodian arrives
/// here too (`?scope=…&ThirdPartyID=…`), and goes on like any other: what the custodian wrote into the
/// address is not needed.
pub(crate) async fn consent(service: Data<Service>) -> HttpResponse {
    let config = &service.config;
    page(
        StatusCode::OK,
        &StartPage {
            operator: &config.operator.operator_name,
            months: config.gateway.history.history_months,
            file_days: config.gateway.retention.retention_files_days,
            reading_days: config.gateway.retention.retention_readings_days,
        },
    )
}

/// Makes a one-time state bound to this browser and goes to the custodian.
pub(crate) async fn start(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let (state, browser) = (service.random.token(32), service.random.token(32));
    let valid_for = Duration::from_secs(service.config.pages.login_seconds);
    let stored = async {
        let mut conn = service.database.get().await?;
        login::start(&mut conn, &state, &browser, valid_for).await?;
        Ok::<_, DatabaseError>(())
    };
    if let Err(error) = stored.await {
        return trouble(&error);
    }
    metrics::counter!("smd_logins_started_total").increment(1);
    let mut cookies: Vec<_> = cookie::surplus(&request)
        .into_iter()
        .map(cookie::take_back)
        .collect();
    cookies.push(cookie::issue(&state, browser, valid_for));
    redirect(service.client.authorize_url(&state).as_str(), &cookies)
}
