//! Asking on our own page. The page that asks creates the permissions and sends the browser on to the page that
//! shows them, so that loading that one again creates nothing.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use storage::DatabaseError;
use storage::aiida::permission as table;

use super::view::is_renewable;
use super::{message, no_such_page, redirect, show, trouble};
use crate::Service;
use crate::requests::{self, CreateError, Wanted};

/// Random bytes of a ticket: 32 characters.
const TICKET: usize = 24;

/// `GET /permissions/new?dataNeedId=…&connectionId=…`, where `dataNeedId` may stand several times.
pub(super) async fn ask(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let (mut needs, mut connection, mut meter) = (Vec::new(), None, None);
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match &*name {
            "dataNeedId" => needs.extend(value.split(',').map(|id| id.trim().to_owned())),
            "connectionId" => connection = Some(value.into_owned()),
            "meterId" => meter = Some(value.into_owned()),
            _ => {}
        }
    }
    match Wanted::parse(connection.as_deref(), &needs, meter.as_deref()) {
        Ok(wanted) => create(&service, &wanted).await,
        Err(mistakes) => message(
            StatusCode::BAD_REQUEST,
            "This link is not complete",
            "Nothing was asked for. Please tell whoever gave you the link:",
            &mistakes,
        ),
    }
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
        Some(wanted) => create(&service, &wanted).await,
        None => message(
            StatusCode::CONFLICT,
            "Nothing to ask for again",
            "The code that you have is still good, or what it was for has come to its end.",
            &[],
        ),
    }
}

async fn create(service: &Service, wanted: &Wanted) -> HttpResponse {
    let ticket = service.random.token(TICKET);
    match requests::create(service, wanted, Some(&ticket)).await {
        Ok(_) => redirect(&format!("/permissions/{ticket}")),
        Err(CreateError::Needs(mistakes)) => message(
            StatusCode::BAD_REQUEST,
            "This cannot be asked for",
            "Nothing was asked for. Please tell whoever gave you the link:",
            &mistakes,
        ),
        Err(error) => trouble(&error),
    }
}
