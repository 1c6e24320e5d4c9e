//! `/console/permissions`: permissions of AIIDA, and one of them with its history and power.

mod power;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Path, Query};
use askama::Template;
use diesel_async::AsyncPgConnection;
use permission::{PermissionId, Status};
use serde::Deserialize;
use storage::aiida::event::{self, Event};
use storage::aiida::permission::{self as store, Permission};
use storage::aiida::reading::{self, Measured, RefusalCount};
use storage::console::permissions::{self, Filter, Row};
use storage::console::{jobs, records};
use uuid::Uuid;

use crate::Service;
use crate::actions::Done;
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::{Acting, Operator};
use crate::listing::{Listing, Narrowing, Search};
use crate::paging::{ROWS, read_place};
use power::{Span, Spans};

/// Jobs, lines of the audit log and siblings that one permission's page shows.
const FEW: i64 = 20;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "permissions.html")]
struct ListView {
    list: Listing<Row>,
}

/// `GET /console/permissions`.
pub(crate) async fn list(
    service: Data<Service>,
    _: Operator,
    asked: Query<Asked>,
) -> Result<HttpResponse, Trouble> {
    let filter = Filter {
        status: asked.status.parse().ok(),
        known_by: None,
    };
    answer(&service, filter, &asked.after).await
}

/// `POST /console/permissions`: changes nothing.
pub(crate) async fn search(
    service: Data<Service>,
    _: Acting,
    asked: Form<Search>,
) -> Result<HttpResponse, Trouble> {
    let filter = Filter {
        status: None,
        known_by: asked.q.wanted(),
    };
    answer(&service, filter, &asked.after).await
}

/// The page of the list that begins at a place.
async fn answer(
    service: &Service,
    filter: Filter<'_>,
    after: &str,
) -> Result<HttpResponse, Trouble> {
    let mut conn = service.database.get().await?;
    let page = permissions::list(&mut conn, filter, read_place(after), ROWS).await?;
    let narrowing = Narrowing {
        parameter: "status",
        values: Status::ALL.map(Status::name).to_vec(),
        wanted: filter.status.map(Status::name),
    };
    let view = ListView {
        list: Listing::new(
            "/console/permissions",
            narrowing,
            filter.known_by,
            after,
            page,
            Row::place,
        ),
    };
    Ok(frame::page("Permissions", Tabs::Permissions).respond(StatusCode::OK, &view))
}

/// `?minutes=`, and what was done.
#[derive(Debug, Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    minutes: String,
    #[serde(flatten)]
    done: Done,
}

#[derive(Template)]
#[template(path = "permission.html")]
struct OneView {
    permission: Permission,
    done: Option<&'static str>,
    live: Live,
    events: Vec<Event>,
    siblings: Vec<Permission>,
    refusals: Vec<RefusalCount>,
    jobs: Vec<jobs::Row>,
    lines: Vec<records::Line>,
}

#[derive(Template)]
#[template(path = "live.html")]
struct PowerView {
    live: Live,
}

/// What changes while one looks.
struct Live {
    id: PermissionId,
    status: Status,
    last_message_at: Option<jiff::Timestamp>,
    spans: Spans,
    /// Drawn by us from numbers: the one thing that is not escaped here.
    chart: Option<String>,
    values: Vec<Measured>,
}

/// `GET /console/permissions/{id}`.
pub(crate) async fn one(
    service: Data<Service>,
    _: Operator,
    id: Path<Uuid>,
    shown: Query<Shown>,
) -> Result<HttpResponse, Trouble> {
    let id = PermissionId::from(*id);
    let mut conn = service.database.get().await?;
    let permission = get(&mut conn, id).await?;
    let mut siblings = store::by_bundle(&mut conn, permission.bundle).await?;
    siblings.retain(|sibling| sibling.id != id);
    siblings.truncate(usize::try_from(FEW).unwrap_or_default());
    let view = OneView {
        done: shown.done.words(),
        live: live_of(&service, &mut conn, &permission, &shown.minutes).await?,
        events: event::of(&mut conn, id).await?,
        siblings,
        refusals: reading::refusals(&mut conn, id).await?,
        jobs: jobs::about(&mut conn, &id.to_string(), FEW).await?,
        lines: records::audit(&mut conn, Some(id.uuid()), None, FEW)
            .await?
            .rows,
        permission,
    };
    let page = frame::page("Permission", Tabs::Permissions).script("/console/live.js");
    Ok(page.respond(StatusCode::OK, &view))
}

/// `GET /console/permissions/{id}/live`: the part that changes, as a page of its own.
pub(crate) async fn live(
    service: Data<Service>,
    _: Operator,
    id: Path<Uuid>,
    shown: Query<Shown>,
) -> Result<HttpResponse, Trouble> {
    let mut conn = service.database.get().await?;
    let permission = get(&mut conn, PermissionId::from(*id)).await?;
    let view = PowerView {
        live: live_of(&service, &mut conn, &permission, &shown.minutes).await?,
    };
    Ok(frame::page("Power", Tabs::Permissions).respond(StatusCode::OK, &view))
}

async fn get(conn: &mut AsyncPgConnection, id: PermissionId) -> Result<Permission, Trouble> {
    store::get(conn, id)
        .await?
        .ok_or(Trouble::Missing("permission"))
}

async fn live_of(
    service: &Service,
    conn: &mut AsyncPgConnection,
    permission: &Permission,
    minutes: &str,
) -> Result<Live, Trouble> {
    let span = Span::of(minutes);
    let (chart, values) = power::of(conn, permission.id, span, service.clock.now()).await?;
    Ok(Live {
        id: permission.id,
        status: permission.status,
        last_message_at: permission.last_message_at,
        spans: Spans::around(span),
        chart,
        values,
    })
}
