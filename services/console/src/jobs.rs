//! `/console/jobs` and `/console/discarded`: work that waits, runs, or was given up.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use job_queue::Depth;
use job_queue::operate::{self, JobRow};
use serde::Deserialize;
use storage::console::jobs::{self, Row};

use crate::Service;
use crate::actions::Done;
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::Operator;
use crate::paging::{ROWS, read_turn, write_turn};

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct KindsView {
    at: String,
    queues: Vec<Depth>,
}

#[derive(Template)]
#[template(path = "jobs_of_kind.html")]
struct OfKindView {
    kind: String,
    running: Vec<Row>,
    waiting: Vec<Row>,
    next: Option<String>,
    is_first: bool,
}

/// `GET /console/jobs`: all kinds, or with `?kind=` the jobs of one.
pub(crate) async fn kinds(
    service: Data<Service>,
    _: Operator,
    asked: Query<Asked>,
) -> Result<HttpResponse, Trouble> {
    let Asked { kind, after } = asked.into_inner();
    let page = frame::page("Jobs", Tabs::Jobs);
    if kind.is_empty() {
        let reading = service.gauge.reading(&service.database).await?;
        let view = KindsView {
            at: crate::view::at(&reading.at),
            queues: reading.counted.queues.clone(),
        };
        return Ok(page.respond(StatusCode::OK, &view));
    }
    let mut conn = service.database.get().await?;
    if !jobs::kinds(&mut conn).await?.contains(&kind) {
        return Err(Trouble::Missing("kind of job"));
    }
    let waiting = jobs::waiting(&mut conn, &kind, read_turn(&after), ROWS).await?;
    let next = waiting.rows.last().filter(|_| waiting.more);
    let view = OfKindView {
        next: next.map(|row| write_turn(row.turn())),
        running: jobs::running(&mut conn, &kind, ROWS).await?,
        waiting: waiting.rows,
        is_first: after.is_empty(),
        kind,
    };
    Ok(page.respond(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "discarded.html")]
struct DiscardedView {
    kinds: Vec<String>,
    kind: String,
    rows: Vec<Row>,
    next: Option<i64>,
    is_first: bool,
}

/// `GET /console/discarded`.
pub(crate) async fn discarded(
    service: Data<Service>,
    _: Operator,
    asked: Query<Asked>,
) -> Result<HttpResponse, Trouble> {
    let Asked { kind, after } = asked.into_inner();
    let mut conn = service.database.get().await?;
    let kinds = jobs::kinds(&mut conn).await?;
    let wanted = Some(kind.as_str()).filter(|kind| kinds.iter().any(|known| known == kind));
    let found = jobs::discarded(&mut conn, wanted, after.parse().ok(), ROWS).await?;
    let next = found.rows.last().filter(|_| found.more).map(|row| row.id);
    let view = DiscardedView {
        kind: wanted.unwrap_or_default().to_owned(),
        kinds,
        rows: found.rows,
        next,
        is_first: after.is_empty(),
    };
    Ok(frame::page("Discarded work", Tabs::Discarded).respond(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "job.html")]
struct OneView {
    job: JobRow,
    done: Option<&'static str>,
    /// What it is about: the name of the id, the id, and where its page is.
    about: Vec<(String, String, Option<String>)>,
}

/// `GET /console/jobs/{id}`.
pub(crate) async fn one(
    service: Data<Service>,
    _: Operator,
    id: Path<i64>,
    done: Query<Done>,
) -> Result<HttpResponse, Trouble> {
    let mut conn = service.database.get().await?;
    let job = operate::show(&mut conn, *id)
        .await?
        .ok_or(Trouble::Missing("job"))?;
    let fields = job.payload.as_object().into_iter().flatten();
    let about = fields.map(|(name, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let page = match name.as_str() {
            "authorization" => Some(format!("/console/customers/{value}")),
            "permission" => Some(format!("/console/permissions/{value}")),
            _ => None,
        };
        (name.clone(), value, page)
    });
    let view = OneView {
        about: about.collect(),
        done: done.words(),
        job,
    };
    let section = if view.job.state == "discarded" {
        Tabs::Discarded
    } else {
        Tabs::Jobs
    };
    Ok(frame::page(format!("Job {id}"), section).respond(StatusCode::OK, &view))
}

/// A time of the job table, for templates.
pub(crate) fn at(at: &jiff_diesel::Timestamp) -> String {
    crate::view::at(&at.to_jiff())
}
