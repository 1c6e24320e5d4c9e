//! `/console/audit`: who did what to whose data.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;
use storage::console::records::{self, Line};
use uuid::Uuid;

use crate::Service;
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::Operator;
use crate::paging::ROWS;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// An id of ours.
    #[serde(default)]
    subject: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct View {
    rows: Vec<Line>,
    subject: Option<Uuid>,
    /// What was asked for is no id.
    is_nonsense: bool,
    next: Option<i64>,
    is_first: bool,
}

/// `GET /console/audit`.
pub(crate) async fn audit(
    service: Data<Service>,
    _: Operator,
    asked: Query<Asked>,
) -> Result<HttpResponse, Trouble> {
    let subject: Option<Uuid> = asked.subject.trim().parse().ok();
    let mut conn = service.database.get().await?;
    let page = records::audit(&mut conn, subject, asked.after.parse().ok(), ROWS).await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| row.id);
    let view = View {
        rows: page.rows,
        subject,
        is_nonsense: subject.is_none() && !asked.subject.trim().is_empty(),
        next,
        is_first: asked.after.is_empty(),
    };
    Ok(frame::page("Audit log", Tabs::Audit).respond(StatusCode::OK, &view))
}

/// The operator's name, where the role of the session is a service's.
pub(crate) fn operator(line: &Line) -> String {
    let name = line
        .entry
        .detail
        .get("operator")
        .and_then(|name| name.as_str());
    name.unwrap_or_default().to_owned()
}

/// What else stands in the line.
pub(crate) fn detail(line: &Line) -> String {
    let fields = line.entry.detail.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| *name != "operator");
    let fields: Vec<String> = fields
        .map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            format!("{name} {value}")
        })
        .collect();
    fields.join(", ")
}

/// Where the page of a line's subject is; none where it is something else.
pub(crate) fn page_of(line: &Line) -> Option<String> {
    let subject = line.entry.subject?;
    let (side, _) = line.entry.action.split_once('.')?;
    let is_of_permission = side == "mqtt"
        || line.entry.action == "aiida.erased"
        || line.entry.action.starts_with("aiida.permission.");
    match side {
        "smd" => Some(format!("/console/customers/{subject}")),
        _ if is_of_permission => Some(format!("/console/permissions/{subject}")),
        _ => None,
    }
}
