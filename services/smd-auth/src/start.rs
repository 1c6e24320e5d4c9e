//! The consent page and the way to the custodian.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use storage::smd::login;
use storage::{DatabaseError, digest};

use crate::Service;
use crate::pages::{StartPage, page, trouble};

/// Says what will be fetched, kept and for how long. A customer who started at the custodian arrives
/// here too (`?scope=…&ThirdPartyID=…`), and goes on like any other.
pub(crate) async fn consent(service: Data<Service>) -> HttpResponse {
    let config = &service.config;
    page(
        StatusCode::OK,
        &StartPage {
            operator: &config.pages.operator_name,
            months: config.history.history_months,
            file_days: config.retention.retention_files_days,
            reading_days: config.retention.retention_readings_days,
        },
    )
}

/// Makes a one-time state bound to this browser and goes to the custodian.
pub(crate) async fn start(service: Data<Service>) -> HttpResponse {
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
    HttpResponse::SeeOther()
        .insert_header((LOCATION, service.client.authorize_url(&state).as_str()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(cookie(&state, browser, valid_for))
        .finish()
}

/// The cookie that binds a state to its browser; one per state, so that two tabs do not disturb each
/// other. Lax: it must come along when the custodian redirects back.
fn cookie(state: &str, browser: String, valid_for: Duration) -> Cookie<'static> {
    Cookie::build(cookie_name(state), browser)
        .path("/OAuthCallback")
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Lax)
        .max_age(time::Duration::try_from(valid_for).unwrap_or(time::Duration::HOUR))
        .finish()
}

/// The cookie that takes itself back.
pub(crate) fn spent_cookie(state: &str) -> Cookie<'static> {
    let mut cookie = cookie(state, String::new(), Duration::ZERO);
    cookie.make_removal();
    cookie
}

/// The name of a state's cookie; says nothing of the state.
pub(crate) fn cookie_name(state: &str) -> String {
    let short: String = digest(state)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("__Secure-metergate-{short}")
}
