//! Asking on our own page. The page that asks creates the permissions and sends the browser on to the page that
//! shows them, so that loading that one again creates nothing.
//!
//! A link is opened by more than people: mail programs and messengers look at it for a preview, browsers load it before
//! anybody has clicked. None of these may create permissions. So a `GET` creates only when the browser says that
//! somebody goes there (`Sec-Fetch-Mode: navigate`, as all browsers since 2023 do, and no word of fetching ahead or of a
//! frame); to everybody else the page shows a button, which asks by `POST`. A person has one step more at worst. A frame
//! is loaded with the page around it, whether anybody wants what is in it or not, so there it is always the button. To
//! find the permission of an earlier visit instead would show one person's page to whoever has the same link, and cannot
//! be done: what opens a page is not stored.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::answers::{detailed, message, trouble, unknown};
use super::look::Look;
use super::stand::Stand;
use super::{show, values};
use crate::Service;
use crate::requests::{self, By, CreateError, Wanted};

/// Random bytes of a ticket: 32 characters.
const TICKET: usize = 24;

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage<'a> {
    look: &'a Look<'a>,
    title: &'a str,
}

/// `GET /permissions/new?dataNeedId=…&connectionId=…`, where `dataNeedId` may stand several times.
pub(super) async fn ask(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let look = Look::of(&service, &request);
    if !service.config.facade.aiida_public_requests {
        return message(&look, StatusCode::FORBIDDEN, "closed");
    }
    match wanted(&request) {
        Ok(wanted) if is_somebody_going_there(request.headers()) && !look.is_framed => {
            create(&look, &wanted, By::Anybody).await
        }
        Ok(_) => {
            let title = look.say("ask-title");
            let main = AskPage {
                look: &look,
                title: &title,
            };
            look.page(&title).forms().respond(StatusCode::OK, &main)
        }
        Err(mistakes) => detailed(&look, StatusCode::BAD_REQUEST, "incomplete", &mistakes),
    }
}

/// `POST` to the same address: the button was pressed.
pub(super) async fn ask_for_it(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let look = Look::of(&service, &request);
    match wanted(&request) {
        Ok(wanted) => create(&look, &wanted, By::Anybody).await,
        Err(mistakes) => detailed(&look, StatusCode::BAD_REQUEST, "incomplete", &mistakes),
    }
}

fn wanted(request: &HttpRequest) -> Result<Wanted, Vec<String>> {
    let (mut needs, mut connection, mut meter) = (Vec::new(), None, None);
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match &*name {
            "dataNeedId" => needs.extend(value.split(',').map(|id| id.trim().to_owned())),
            "connectionId" => connection = Some(value.into_owned()),
            "meterId" => meter = Some(value.into_owned()),
            _ => {}
        }
    }
    Wanted::parse(connection.as_deref(), &needs, meter.as_deref())
}

/// Whether a browser goes to this address because its user wants to, and now.
fn is_somebody_going_there(headers: &HeaderMap) -> bool {
    let says = |name: &str, what: &str| {
        headers.get_all(name).any(|value| {
            value
                .to_str()
                .is_ok_and(|value| value.to_ascii_lowercase().contains(what))
        })
    };
    let is_ahead = ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .iter()
        .any(|name| says(name, "prefetch") || says(name, "prerender") || says(name, "preview"));
    let is_in_a_page =
        headers.contains_key("sec-fetch-dest") && !says("sec-fetch-dest", "document");
    says("sec-fetch-mode", "navigate") && !is_ahead && !is_in_a_page
}

/// `POST /permissions/{ticket}/again`: once more what came to nothing.
pub(super) async fn again(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let look = Look::of(&service, &request);
    let Some(ticket) = show::ticket(&request) else {
        return unknown(&look);
    };
    let households = match values::find(&service, ticket).await {
        Ok(households) if households.is_empty() => return unknown(&look),
        Ok(households) => households,
        Err(error) => return trouble(&look, &error),
    };
    let renewable: Vec<_> = households
        .into_iter()
        .filter(|it| Stand::of(&service, it).is_renewable(it.permission.status))
        .map(|household| household.permission)
        .collect();
    match Wanted::again(&renewable) {
        Some(wanted) => create(&look, &wanted, By::Household).await,
        None => message(&look, StatusCode::CONFLICT, "nothing"),
    }
}

async fn create(look: &Look<'_>, wanted: &Wanted, by: By) -> HttpResponse {
    let service = look.service;
    let ticket = service.random.token(TICKET);
    match requests::create(service, wanted, Some(&ticket), by).await {
        Ok(_) => look.redirect(&format!("/permissions/{ticket}")),
        Err(CreateError::Needs(mistakes)) => {
            detailed(look, StatusCode::BAD_REQUEST, "needs", &mistakes)
        }
        Err(CreateError::Closed) => message(look, StatusCode::FORBIDDEN, "closed"),
        Err(CreateError::Full) => message(look, StatusCode::TOO_MANY_REQUESTS, "full"),
        Err(error) => trouble(look, &error),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_person_goes_there_and_programs_look_ahead() {
        let going = |headers: &[(&'static str, &'static str)]| {
            let request = headers.iter().fold(TestRequest::get(), |request, header| {
                request.append_header(*header)
            });
            is_somebody_going_there(request.to_http_request().headers())
        };
        let navigate = ("Sec-Fetch-Mode", "navigate");
        assert!(going(&[navigate]));
        assert!(going(&[navigate, ("Sec-Fetch-Dest", "document")]));
        for other in [
            &[][..],
            &[("Sec-Fetch-Mode", "no-cors")],
            &[navigate, ("Sec-Purpose", "prefetch;prerender")],
            &[navigate, ("Purpose", "prefetch")],
            &[navigate, ("X-Moz", "Prefetch")],
            &[navigate, ("X-Purpose", "preview")],
            &[("User-Agent", "a messenger")],
            &[navigate, ("Sec-Fetch-Dest", "iframe")],
            &[navigate, ("Sec-Fetch-Dest", "embed")],
        ] {
            assert!(!going(other), "{other:?}");
        }
    }
}
