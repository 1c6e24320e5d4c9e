//! The custodian's notifications. They are unsigned: a hint, never an order. Only links on the
//! configured host and path are followed, to an authorization we know or for data that we have asked
//! for; the rest is counted. The answer is 200 at once, the fetching is the fetcher's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, ResponseError as _};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use espi::UsagePointId;
use job_queue::{NewJob, QueueError};
use service_kit::problem::Problem;
use smd_client::{Link, SubscriptionId};
use storage::DatabaseError;
use storage::kinds::{SmdCollect, SmdRecheck};
use storage::smd::notice::{self, Notice};
use storage::smd::plan::{self, Pull};
use storage::smd::{AuthorizationId, authorization};
use url::Url;

use crate::Service;

/// Largest notification read, in bytes.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// Different links of one notification that are looked at; a real one has a few.
const MOST_LINKS: usize = 1000;

/// Links of one customer that may wait to be collected, and bulk links that may be taken in within an hour: whoever
/// knows a subscription id, or makes up bulk links, must not use up our budget of requests by announcing again and
/// again.
const MOST_WAITING: i64 = 100;

/// Longest link, in bytes; a real one has 200. The database's index has a limit, too.
const LONGEST_LINK: usize = 2000;

/// However often an authorization is said to have changed, it is read again this much apart.
const RECHECK_AFTER: Duration = Duration::from_secs(5);

/// When to send a notification again that we could not store.
const TRY_AGAIN: Duration = Duration::from_mins(1);

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
pub(crate) async fn receive(
    service: Data<Service>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|error| unread(&error))?;
    let links = espi::notification::parse(&body).map_err(|error| {
        count("unreadable", 1);
        Problem::bad_request(format!("not a BatchList: {error}"))
    })?;
    let mut outcomes: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut targets = Vec::new();
    for sorted in sort(&service, &links) {
        match sorted {
            Ok(target) => targets.push(target),
            Err(outcome) => *outcomes.entry(outcome).or_default() += 1,
        }
    }
    if !targets.is_empty() {
        let mut noted = note(&service, &targets).await;
        if let Err(error) = &noted {
            // What it is about may have been erased in between: a second look finds it gone.
            tracing::info!(error = %service_kit::config::chain(error), "a notification is looked at once more");
            noted = note(&service, &targets).await;
        }
        let noted = noted.map_err(|error| {
            count("trouble", 1);
            Problem::unavailable(
                "the notification could not be stored; send it again",
                TRY_AGAIN,
                &error,
            )
        })?;
        for outcome in noted {
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    for (outcome, links) in outcomes {
        count(outcome, links);
    }
    Ok(HttpResponse::new(StatusCode::OK))
}

/// Any other method than `POST`.
pub(crate) async fn only_post() -> HttpResponse {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "Notifications are sent here with POST.",
    );
    let mut response = problem.error_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn count(outcome: &'static str, links: u64) {
    metrics::counter!("smd_notification_links_total", "outcome" => outcome).increment(links);
}

fn unread(error: &actix_web::Error) -> Problem {
    let status = error.as_response_error().status_code();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        count("oversized", 1);
        return Problem::new(
            status,
            format!("A notification has at most {LARGEST} bytes."),
        );
    }
    count("unreadable", 1);
    Problem::bad_request("The notification did not arrive whole.")
}

/// What each different link points to, or the label under which it is counted. In the order of the
/// links' text, so that two notifications that come at once lock rows in the same order.
fn sort(service: &Service, links: &[String]) -> Vec<Result<(Url, Link), &'static str>> {
    let different: BTreeSet<&str> = links.iter().map(|link| link.trim()).collect();
    let repeated = links.len() - different.len();
    let sorted = different.into_iter().enumerate().map(|(number, link)| {
        if number >= MOST_LINKS {
            return Err("too_many");
        }
        if link.len() > LONGEST_LINK {
            return Err("too_long");
        }
        let url = service.client.own_link(link).map_err(|_| "foreign")?;
        match service.client.target_of(&url) {
            Some(Link::Other) => Err("unknown_resource"),
            Some(target) => Ok((url, target)),
            None => Err("foreign"),
        }
    });
    sorted
        .chain(std::iter::repeat_n(Err("repeated"), repeated))
        .collect()
}

/// The live authorization of a subscription.
struct Owner {
    id: AuthorizationId,
    /// Its requests.
    pulls: Vec<Pull>,
    /// How many links of it may still be taken in.
    room: i64,
}

/// What is known of a subscription while a notification is read.
type Known = Option<Owner>;

/// Stores what is to be done about the links, all or nothing, and gives the label of each.
async fn note(service: &Service, targets: &[(Url, Link)]) -> Result<Vec<&'static str>, NoteError> {
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        let mut bulk = room_for_bulk(conn, targets).await?;
        let mut known: BTreeMap<&str, Known> = BTreeMap::new();
        let mut jobs: Vec<NewJob> = Vec::new();
        let mut outcomes = Vec::with_capacity(targets.len());
        for (url, target) in targets {
            let subscription = match target {
                Link::Authorization(subscription) | Link::Readings { subscription, .. } => {
                    Some(subscription)
                }
                Link::Bulk | Link::Other => None,
            };
            let owner = match subscription {
                Some(subscription) => look_up(conn, &mut known, subscription).await?,
                None => None,
            };
            let outcome = match (target, owner) {
                (Link::Authorization(_), Some(owner)) => {
                    let authorization = owner.id;
                    jobs.push(NewJob::new(&SmdRecheck { authorization })?.after(RECHECK_AFTER));
                    "recheck"
                }
                (Link::Readings { usage_point, .. }, Some(owner)) => {
                    let usage_point = usage_point.as_ref();
                    if waits_for(&owner.pulls, usage_point) {
                        let (id, room) = (Some(owner.id), &mut owner.room);
                        collect(service, conn, &mut jobs, url, id, usage_point, room).await?
                    } else {
                        "not_asked_for"
                    }
                }
                (Link::Authorization(_) | Link::Readings { .. }, None) => "unknown_authorization",
                (Link::Bulk, _) => match &mut bulk {
                    Some(room) => collect(service, conn, &mut jobs, url, None, None, room).await?,
                    None => "not_asked_for",
                },
                (Link::Other, _) => "unknown_resource",
            };
            outcomes.push(outcome);
        }
        job_queue::enqueue(conn, &jobs).await?;
        Ok(outcomes)
    })
    .await
}

/// How many bulk links may be taken in; `None` while no data is asked for. Asked once per notification.
async fn room_for_bulk(
    conn: &mut AsyncPgConnection,
    targets: &[(Url, Link)],
) -> diesel::QueryResult<Option<i64>> {
    let has_bulk = targets.iter().any(|(_, target)| *target == Link::Bulk);
    if !has_bulk || !plan::any_outstanding(conn).await? {
        return Ok(None);
    }
    Ok(Some(MOST_WAITING - notice::bulk_of_the_hour(conn).await?))
}

/// The live authorization of a subscription; asked once per notification.
async fn look_up<'a, 'b>(
    conn: &mut AsyncPgConnection,
    known: &'b mut BTreeMap<&'a str, Known>,
    subscription: &'a SubscriptionId,
) -> diesel::QueryResult<Option<&'b mut Owner>> {
    let key = subscription.as_str();
    if !known.contains_key(key) {
        let found = match authorization::live_of_subscription(conn, key).await? {
            Some(id) => Some(Owner {
                id,
                pulls: plan::pulls(conn, id).await?,
                room: MOST_WAITING - notice::waiting(conn, Some(id)).await?,
            }),
            None => None,
        };
        known.insert(key, found);
    }
    Ok(known.get_mut(key).and_then(Option::as_mut))
}

/// A request for this data has left and its data is not in. Anybody can announce data: without this,
/// announcements alone would use up our budget of requests.
fn waits_for(pulls: &[Pull], usage_point: Option<&UsagePointId>) -> bool {
    pulls.iter().any(|pull| {
        pull.requested
            && !pull.received
            && usage_point.is_none_or(|id| id.as_str() == pull.usage_point)
    })
}

/// Remembers the link and adds its job, if there is room.
async fn collect(
    service: &Service,
    conn: &mut AsyncPgConnection,
    jobs: &mut Vec<NewJob>,
    url: &Url,
    authorization: Option<AuthorizationId>,
    usage_point: Option<&UsagePointId>,
    room: &mut i64,
) -> Result<&'static str, NoteError> {
    if *room <= 0 {
        return Ok("too_many_waiting");
    }
    *room -= 1;
    let notice = Notice {
        id: service.random.uuid().into(),
        link: url.to_string(),
        authorization,
        usage_point: usage_point.map(ToString::to_string),
        collected: false,
    };
    let id = notice::insert(conn, &notice).await?;
    jobs.push(NewJob::new(&SmdCollect { notice: id })?);
    Ok("collect")
}
