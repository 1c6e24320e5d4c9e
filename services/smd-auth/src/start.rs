//! The consent page and the way to the custodian.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use pages::{Operator, Page, Words, redirect};
use storage::DatabaseError;
use storage::smd::authorization::Stage;
use storage::smd::login;

use crate::answers::{STYLE, trouble};
use crate::cookie::{self, running};
use crate::{Service, status};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    words: &'a Words,
    operator: &'a Operator,
    title: &'a str,
    lead: String,
    /// Where the authorization that this browser gave a short while ago is shown.
    running: Option<String>,
    back: String,
    purpose: Purpose,
    kept: String,
    withdraw: String,
}

/// What the history is for.
struct Purpose {
    text: String,
    /// Where it is not that of the page.
    language: Option<&'static str>,
}

/// Says who asks, what will be fetched, what for, and how long it is kept. A customer who started at the custodian
/// arrives here too (`?scope=…&ThirdPartyID=…`), and goes on like any other: what the custodian wrote into the
/// address is not needed.
pub(crate) async fn consent(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let (running, outdated) = of_this_browser(&service, &request).await;
    let words = service.texts.of(&request);
    let (gateway, operator) = (&service.config.gateway, &service.operator);
    let name = operator.name.as_str();
    let title = words.say_with("consent-title", &[("operator", name.into())]);
    let main = ConsentPage {
        words: &words,
        operator,
        title: &title,
        lead: words.say_with("consent-lead", &[("operator", name.into())]),
        running,
        back: words.say_with(
            "consent-back-text",
            &[("months", gateway.history.history_months.into())],
        ),
        purpose: purpose(&service, &words),
        kept: words.say_with(
            "consent-kept-text",
            &[
                ("operator", name.into()),
                ("files", gateway.retention.retention_files_days.into()),
                ("readings", gateway.retention.retention_readings_days.into()),
            ],
        ),
        withdraw: words.say_with("consent-withdraw-text", &[("operator", name.into())]),
    };
    let mut response = Page::new(&words, title.as_str())
        .operator(operator)
        .languages_without_query(&service.texts, &request)
        .style(&STYLE)
        .respond(StatusCode::OK, &main);
    if let Some(cookie) = outdated
        && let Err(error) = response.add_cookie(&cookie)
    {
        tracing::warn!(%error, "a cookie cannot be taken back");
    }
    response
}

/// In the language of the page where the operator has written it so; otherwise in English.
fn purpose(service: &Service, words: &Words) -> Purpose {
    let written = &service.config.pages;
    let in_spanish = words.language() == "es";
    match (&written.purpose, &written.purpose_es) {
        (_, Some(text)) if in_spanish => Purpose {
            text: text.clone(),
            language: None,
        },
        (Some(text), _) => Purpose {
            text: text.clone(),
            language: in_spanish.then_some("en"),
        },
        _ => Purpose {
            text: words.say_with(
                "consent-purpose-text",
                &[("operator", service.operator.name.as_str().into())],
            ),
            language: None,
        },
    }
}

/// Where this browser's last authorization is shown, or the removal of a cookie that leads nowhere. A database that
/// does not answer now is no reason to show less: the page goes without.
async fn of_this_browser(
    service: &Service,
    request: &HttpRequest,
) -> (Option<String>, Option<Cookie<'static>>) {
    let Some(ticket) = running::ticket(request) else {
        return (None, None);
    };
    match status::look(service, &ticket).await {
        Ok(Some(progress)) if matches!(progress.stage, Stage::Fetching | Stage::Fetched) => {
            (Some(format!("/status/{ticket}")), None)
        }
        // Nothing comes of the others: the customer is here to start again.
        Ok(_) => (None, Some(running::take_back())),
        Err(error) => {
            tracing::warn!(
                error = service_kit::config::chain(&error),
                "the consent page goes without the way back to an authorization"
            );
            (None, None)
        }
    }
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
        return trouble(&service, &request, &error);
    }
    metrics::counter!("smd_logins_started_total").increment(1);
    let mut cookies: Vec<_> = cookie::surplus(&request)
        .into_iter()
        .map(cookie::take_back)
        .collect();
    cookies.push(cookie::issue(&state, browser, valid_for));
    redirect(service.client.authorize_url(&state).as_str(), &cookies)
}
