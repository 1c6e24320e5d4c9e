//! Asking on our own page. The page that asks creates the permissions and sends the browser on to the page that
//! shows them, so that loading that one again creates nothing.
//!
//! A link is opened by more than people: mail programs and messengers look at it for a preview, browsers load it before
//! anybody has clicked. None of these may create permissions. So a `GET` creates only when the browser says that
//! somebody goes there (`Sec-Fetch-Mode: navigate`, as all browsers since 2023 do, and no word of fetching ahead); to
//! everybody else the page shows a button, which asks by `POST`. A person has one step more at worst. To find the
//! permission of an earlier visit instead would show one person's page to whoever has the same link, and cannot be
//! done: what opens a page is not stored.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use storage::DatabaseError;
use storage::aiida::permission as table;

use super::view::is_renewable;
use super::{message, no_such_page, page, redirect, show, trouble};
use crate::Service;
use crate::requests::{self, By, CreateError, Wanted};

/// Random bytes of a ticket: 32 characters.
const TICKET: usize = 24;

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage<'a> {
    operator: &'a str,
}

/// `GET /permissions/new?dataNeedId=…&connectionId=…`, where `dataNeedId` may stand several times.
pub(super) async fn ask(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    if !service.config.facade.aiida_public_requests {
        return closed();
    }
    match wanted(&request) {
        Ok(wanted) if is_somebody_going_there(request.headers()) => {
            create(&service, &wanted, By::Anybody).await
        }
        Ok(_) => page(
            StatusCode::OK,
            &AskPage {
                operator: &service.config.operator.operator_name,
            },
        ),
        Err(mistakes) => incomplete(&mistakes),
    }
}

/// `POST` to the same address: the button was pressed.
pub(super) async fn ask_for_it(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    match wanted(&request) {
        Ok(wanted) => create(&service, &wanted, By::Anybody).await,
        Err(mistakes) => incomplete(&mistakes),
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

fn incomplete(mistakes: &[String]) -> HttpResponse {
    message(
        StatusCode::BAD_REQUEST,
        "This link is not complete",
        "Nothing was asked for. Please tell whoever gave you the link:",
        mistakes,
    )
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
    says("sec-fetch-mode", "navigate") && !is_ahead
}

/// `POST /permissions/{ticket}/again`: once more what came to nothing.
pub(super) async fn again(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let Some(ticket) = show::ticket(&request) else {
        return no_such_page();
    };
    let found = async {
        let mut conn = service.database.get().await?;
        Ok::<_, DatabaseError>(table::by_ticket(&mut conn, ticket).await?)
    };
    let mut permissions = match found.await {
        Ok(permissions) if permissions.is_empty() => return no_such_page(),
        Ok(permissions) => permissions,
        Err(error) => return trouble(&error),
    };
    permissions.retain(|permission| is_renewable(&service, permission));
    match Wanted::again(&permissions) {
        Some(wanted) => create(&service, &wanted, By::Household).await,
        None => message(
            StatusCode::CONFLICT,
            "Nothing to ask for again",
            "The code that you have is still good, or what it was for has come to its end.",
            &[],
        ),
    }
}

async fn create(service: &Service, wanted: &Wanted, by: By) -> HttpResponse {
    let ticket = service.random.token(TICKET);
    match requests::create(service, wanted, Some(&ticket), by).await {
        Ok(_) => redirect(&format!("/permissions/{ticket}")),
        Err(CreateError::Needs(mistakes)) => message(
            StatusCode::BAD_REQUEST,
            "This cannot be asked for",
            "Nothing was asked for. Please tell whoever gave you the link:",
            &mistakes,
        ),
        Err(CreateError::Closed) => closed(),
        Err(CreateError::Full) => message(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests at the moment",
            "Nothing was asked for, and it is not your fault. Please try again later today.",
            &[],
        ),
        Err(error) => trouble(&error),
    }
}

/// The operator wants no requests without a key.
fn closed() -> HttpResponse {
    message(
        StatusCode::FORBIDDEN,
        "Not asked for here",
        "Nothing was asked for. Please ask whoever gave you the link for a page of your own.",
        &[],
    )
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
        ] {
            assert!(!going(other), "{other:?}");
        }
    }
}
