//! The custodian's notifications. They are unsigned: a hint, never an order. Only links on the
//! configured host and path, with an open request or a known authorization, are followed; the rest is
//! counted. The answer is 200 at once, the fetching is the fetcher's.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use espi::UsagePointId;
use job_queue::QueueError;
use service_kit::problem::Problem;
use smd_client::Link;
use storage::DatabaseError;
use storage::kinds::{SmdCollect, SmdRecheck};
use storage::smd::notice::{self, Notice};
use storage::smd::{AuthorizationId, authorization, plan};
use url::Url;

use crate::Service;

/// Largest notification read, in bytes.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// Links of one notification that are looked at; a real one has a few.
const MOST_LINKS: usize = 1000;

/// When to send a notification again that we could not store.
const TRY_AGAIN: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
enum NoteError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// `POST /espi/notification`.
pub(crate) async fn receive(service: Data<Service>, body: Bytes) -> Result<HttpResponse, Problem> {
    let links = espi::notification::parse(&body).map_err(|error| {
        count("unreadable");
        Problem::bad_request(format!("not a BatchList: {error}"))
    })?;
    for link in links.iter().take(MOST_LINKS) {
        // One bad link does not keep the others from being followed.
        let outcome = note(&service, link).await.map_err(|error| {
            count("trouble");
            Problem::unavailable(
                "the notification could not be stored; send it again",
                TRY_AGAIN,
                &error,
            )
        })?;
        count(outcome);
    }
    Ok(HttpResponse::new(StatusCode::OK))
}

fn count(outcome: &'static str) {
    metrics::counter!("smd_notification_links_total", "outcome" => outcome).increment(1);
}

/// Stores what is to be done about a link; answers the label under which it is counted.
async fn note(service: &Service, link: &str) -> Result<&'static str, NoteError> {
    let Ok(url) = service.client.own_link(link) else {
        return Ok("foreign");
    };
    let Some(target) = service.client.target_of(&url) else {
        return Ok("foreign");
    };
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| match target {
        Link::Authorization(subscription) => {
            let Some(id) = authorization::live_of_subscription(conn, subscription.as_str()).await?
            else {
                return Ok("unknown_authorization");
            };
            job_queue::enqueue_one(conn, &SmdRecheck { authorization: id }).await?;
            Ok("recheck")
        }
        Link::Readings {
            subscription,
            usage_point,
        } => {
            let Some(id) = authorization::live_of_subscription(conn, subscription.as_str()).await?
            else {
                return Ok("unknown_authorization");
            };
            collect(service, conn, &url, Some(id), usage_point.as_ref()).await
        }
        Link::Bulk if plan::any_outstanding(conn).await? => {
            collect(service, conn, &url, None, None).await
        }
        Link::Bulk => Ok("not_asked_for"),
        _ => Ok("unknown_resource"),
    })
    .await
}

async fn collect(
    service: &Service,
    conn: &mut AsyncPgConnection,
    url: &Url,
    authorization: Option<AuthorizationId>,
    usage_point: Option<&UsagePointId>,
) -> Result<&'static str, NoteError> {
    let notice = Notice {
        id: service.random.uuid().into(),
        link: url.to_string(),
        authorization,
        usage_point: usage_point.map(ToString::to_string),
        collected: false,
    };
    let id = notice::insert(conn, &notice).await?;
    job_queue::enqueue_one(conn, &SmdCollect { notice: id }).await?;
    Ok("collect")
}
