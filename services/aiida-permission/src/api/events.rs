//! Events of all permissions, to be pulled: ids are in the order of commits, so whoever has read up to a
//! cursor has missed nothing before it.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use service_kit::problem::Problem;
use storage::aiida::event;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::input::query;
use super::page::{self, MOST, USUAL};
use super::refused::Refused;
use super::view::{EventView, Events};
use crate::Service;

/// Longest time that an answer is held back for, in seconds: below what proxies wait.
const LONGEST_WAIT: u64 = 30;

/// How often a waiting request looks. The database is asked by an index and answers nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The `cursor` of the answer before; 0 is the beginning.
    #[param(minimum = 0, default = 0)]
    after: Option<i64>,
    /// Events of an answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Seconds to wait for an event when there is none yet.
    #[param(minimum = 0, maximum = 30, default = 0)]
    wait: Option<u64>,
}

/// Events of all permissions after a cursor, oldest first.
///
/// Keep the `cursor` of the answer when you have
/// handled its events, and ask for what comes after it: nothing is skipped and nothing comes twice. With
/// `wait` the answer is held back until there is an event, or the time is over (an empty answer).
#[utoipa::path(get, operation_id = "listEvents", path = "/api/v1/events", tag = "Events", params(EventQuery),
    responses((status = 200, description = "Oldest first", body = Events)))]
pub(crate) async fn events(
    service: Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let asked: EventQuery = query(&request)?;
    let limit = page::limit(asked.limit, USUAL, MOST)?;
    let (after, wait) = (asked.after.unwrap_or(0), asked.wait.unwrap_or(0));
    if after < 0 || wait > LONGEST_WAIT {
        return Err(Problem::bad_request(format!(
            "The query of the address: after is 0 or the cursor of an answer, wait a number of seconds up to {LONGEST_WAIT}."
        ))
        .into());
    }
    let deadline = Instant::now() + Duration::from_secs(wait);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    loop {
        // No connection is held while waiting.
        let events = event::after(&mut *service.database.get().await?, after, limit).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !events.is_empty() || left.is_zero() || service.shutdown.soft().is_cancelled() {
            let cursor = events.last().map_or(after, |last| last.id);
            return Ok(HttpResponse::Ok().json(Events {
                events: events.into_iter().map(EventView::from).collect(),
                cursor,
            }));
        }
        let pause = tokio::time::sleep(LOOK_EVERY.min(left));
        // A program that stops does not wait for this: the answer is empty, the caller asks again.
        let _stopping = service.shutdown.soft().run_until_cancelled(pause).await;
    }
}
