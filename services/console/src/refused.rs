//! `/console/refused`: the last messages of homes that were refused, with what they brought: text, whatever it is.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use storage::console::records::{self, Refused};

use crate::Service;
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::Operator;
use crate::paging::After;
use crate::view::readable;

/// Messages of a page.
const ROWS: i64 = 25;

#[derive(Template)]
#[template(path = "refused.html")]
struct ListView {
    rows: Vec<Refused>,
    next: Option<i64>,
    is_first: bool,
}

/// `GET /console/refused`.
pub(crate) async fn list(
    service: Data<Service>,
    _: Operator,
    asked: Query<After>,
) -> Result<HttpResponse, Trouble> {
    let before = asked.after.parse().ok();
    let page = records::refused(&mut *service.database.get().await?, before, ROWS).await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| row.id);
    let view = ListView {
        rows: page.rows,
        next,
        is_first: asked.after.is_empty(),
    };
    Ok(frame::page("Refused messages", Tabs::Refused).respond(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "refused_one.html")]
struct OneView {
    message: Refused,
}

/// `GET /console/refused/{id}`.
pub(crate) async fn one(
    service: Data<Service>,
    _: Operator,
    id: Path<i64>,
) -> Result<HttpResponse, Trouble> {
    let found = records::refused_one(&mut *service.database.get().await?, *id).await?;
    let message = found.ok_or(Trouble::Missing("message"))?;
    Ok(frame::page("Refused message", Tabs::Refused).respond(StatusCode::OK, &OneView { message }))
}

/// The payload as text, for templates.
pub(crate) fn payload(message: &Refused) -> String {
    readable(&message.payload)
}

/// The topic as text, for templates.
pub(crate) fn topic(message: &Refused) -> String {
    readable(message.topic.as_bytes())
}
