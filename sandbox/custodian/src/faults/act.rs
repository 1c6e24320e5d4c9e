//! Carries a fault out: what becomes of a request, and what arrives of its answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use espi::service_status::ServiceStatus;
use espi::writer;
use service_kit::secret::ExposeSecret as _;

use super::{Asked, Fault, Line, Moment, body, rewrite};
use crate::gateway::{self, Credentials, Target};
use crate::world::World;

/// A request that something is to go wrong with.
pub(crate) struct Victim<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) request: &'a HttpRequest,
    pub(crate) asked: Asked,
    pub(crate) target: &'a Target,
    pub(crate) credentials: &'a Credentials,
}

/// The answer to a request under a fault. `answer` carries the request out, with this query.
pub(crate) async fn act(
    fault: Fault,
    victim: Victim<'_>,
    answer: impl FnOnce(&str) -> HttpResponse,
) -> HttpResponse {
    let query = victim.request.query_string();
    match fault {
        Fault::Delay { ms } => {
            let response = answer(query);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            response
        }
        Fault::Status {
            status,
            retry_after,
            processed,
        } => {
            if processed {
                drop(answer(query));
            }
            bare(status, retry_after)
        }
        Fault::Reset { moment } => reset(moment, &victim, || answer(query)).await,
        Fault::Page => whole("text/html; charset=utf-8", rewrite::PAGE),
        Fault::PageNotFound => HttpResponse::NotFound()
            .content_type("text/html; charset=utf-8")
            .body(rewrite::PAGE),
        Fault::Json => whole("application/json", rewrite::JSON),
        Fault::Empty => whole("application/atom+xml", ""),
        Fault::NoContent => bare(StatusCode::NO_CONTENT.as_u16(), None),
        Fault::Certificate => gateway::invalid_certificate(),
        Fault::Down => {
            let text = writer::service_status(ServiceStatus::Down);
            whole("application/atom+xml", text)
        }
        Fault::OtherWindow => answer(&rewrite::earlier(query)),
        Fault::ForgetToken => {
            if let Credentials::Bearer(token) = victim.credentials {
                victim.world.state().grants.forget(token.expose_secret());
            }
            answer(query)
        }
        Fault::Revoke { silent } => {
            revoke(&victim, silent);
            answer(query)
        }
        Fault::Drip { .. }
        | Fault::Truncate { .. }
        | Fault::WrongNamespace
        | Fault::Foreign
        | Fault::NoReadingTypes => changed(&fault, &victim, answer(query)).await,
        // Refused as a rule for a request.
        Fault::Notification { .. } => answer(query),
    }
}

fn revoke(victim: &Victim<'_>, silent: bool) {
    let (world, asked) = (victim.world, &victim.asked);
    let (Some(id), Some(customer)) = (asked.authorization, asked.customer.as_deref()) else {
        return;
    };
    if silent {
        let now = world.now();
        world.state().grants.revoke(now, customer, Some(id));
    } else {
        world.revoke(customer, Some(id));
    }
}

async fn reset(
    moment: Moment,
    victim: &Victim<'_>,
    answer: impl FnOnce() -> HttpResponse,
) -> HttpResponse {
    let line = victim.request.conn_data::<Line>();
    match moment {
        Moment::Before => {}
        Moment::Processed => drop(answer()),
        Moment::Half => {
            let line = line.and_then(Line::again);
            return with_body(answer(), |bytes| body::half(&bytes, line)).await;
        }
    }
    if let Some(line) = line {
        line.cut();
    }
    // Nobody hears it.
    bare(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), None)
}

/// The answer with its body changed.
async fn changed(fault: &Fault, victim: &Victim<'_>, response: HttpResponse) -> HttpResponse {
    let resource = match victim.target {
        Target::Resource(resource) => Some(resource),
        _ => None,
    };
    match fault {
        Fault::Drip { bytes, pause_ms } => {
            let pause = Duration::from_millis(*pause_ms);
            with_body(response, |whole| body::drip(whole, *bytes, pause)).await
        }
        Fault::Truncate { honest: false } => with_body(response, |whole| body::short(&whole)).await,
        Fault::Truncate { honest: true } => {
            with_body(response, |whole| body::first_half(&whole)).await
        }
        Fault::WrongNamespace => with_body(response, |it| rewrite::wrong_namespace(&it)).await,
        Fault::Foreign => with_body(response, |it| rewrite::foreign(&it, resource)).await,
        Fault::NoReadingTypes => {
            with_body(response, |it| rewrite::without_reading_types(&it)).await
        }
        _ => response,
    }
}

/// Another body under the same head; an answer without a document stays as it is.
async fn with_body<B>(response: HttpResponse, change: impl FnOnce(Bytes) -> B) -> HttpResponse
where
    B: MessageBody + 'static,
    B::Error: Into<Box<dyn std::error::Error>>,
{
    let (head, body) = response.into_parts();
    match to_bytes(body).await {
        Ok(whole) if head.status() == StatusCode::OK && !whole.is_empty() => {
            head.set_body(change(whole)).map_into_boxed_body()
        }
        Ok(whole) => head.set_body(whole).map_into_boxed_body(),
        Err(error) => {
            let error = io::Error::other(error.to_string());
            tracing::error!(%error, "an answer that was to be changed broke off");
            bare(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), None)
        }
    }
}

fn bare(status: u16, retry_after: Option<u32>) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    if let Some(seconds) = retry_after {
        builder.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    builder.finish()
}

fn whole(content_type: &'static str, text: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .body(text.into())
}
