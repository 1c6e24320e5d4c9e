//! `/console/`: how everything stands.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use job_queue::Depth;
use permission::Status;
use storage::smd::authorization::Stage;

use crate::alerts::{self, Alert};
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::gauge::Reading;
use crate::guard::Operator;
use crate::{Service, custodian, view};

/// One count of a list, with where its list is.
struct Count {
    what: String,
    tone: &'static str,
    link: String,
    number: i64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    operator: String,
    at: String,
    alerts: Vec<Alert>,
    stages: Vec<Count>,
    statuses: Vec<Count>,
    customers: i64,
    permissions: i64,
    rate: String,
    waiting: i64,
    running: i64,
    oldest: String,
    queues: Vec<Depth>,
}

/// `GET /console/`.
pub(crate) async fn overview(
    service: Data<Service>,
    operator: Operator,
) -> Result<HttpResponse, Trouble> {
    let reading = service.gauge.reading(&service.database).await?;
    let mut alerts = alerts::of_counts(&reading.counted);
    let custodian = custodian::Found::read(&service).await?;
    alerts.extend(custodian.alerts(&service, &reading.counted));
    alerts.sort_by_key(|alert| alert.tone != "bad");
    let view = view_of(&reading, operator.0, alerts);
    let page = frame::page("Overview", Tabs::Overview);
    Ok(page.respond(StatusCode::OK, &view))
}

fn view_of(reading: &Reading, operator: String, alerts: Vec<Alert>) -> View {
    let counted = &reading.counted;
    let of =
        |counts: &std::collections::HashMap<String, i64>, names: &[&'static str], list: &str| {
            let counts = names.iter().filter_map(|name| {
                let count = counts.get(*name).copied().filter(|count| *count > 0)?;
                Some(Count {
                    what: view::words(name),
                    tone: view::tone(name),
                    link: format!("{list}={name}"),
                    number: count,
                })
            });
            counts.collect::<Vec<_>>()
        };
    let sum = |pick: fn(&Depth) -> i64| counted.served().map(pick).sum();
    let oldest = counted.served().map(|queue| queue.oldest_ready_ms);
    View {
        operator,
        at: view::at(&reading.at),
        alerts,
        stages: of(
            &counted.stages,
            &Stage::ALL.map(Stage::as_str),
            "/console/customers?stage",
        ),
        statuses: of(
            &counted.statuses,
            &Status::ALL.map(Status::name),
            "/console/permissions?status",
        ),
        customers: counted.stages.values().sum(),
        permissions: counted.statuses.values().sum(),
        rate: reading.rate_tenths.map_or_else(
            || "–".to_owned(),
            |rate| format!("{}.{}", rate / 10, rate % 10),
        ),
        waiting: sum(|queue| queue.available),
        running: sum(|queue| queue.running),
        oldest: view::duration(&oldest.max().unwrap_or_default()),
        queues: counted
            .served()
            .filter(|queue| queue.available + queue.running + queue.discarded > 0)
            .cloned()
            .collect(),
    }
}
