//! The test and control endpoints under `/sandbox/`: what a real custodian would never tell.
//! They are served beside the pages, as JSON, and never counted as requests to the API.
//!
//! | | |
//! |---|---|
//! | `GET /sandbox/customers` | all customers: [`CustomerReport`] |
//! | `GET /sandbox/authorizations` | all authorizations: [`AuthorizationReport`] |
//! | `GET /sandbox/requests` | [`RequestCounts`](crate::ledger::RequestCounts) |
//! | `GET /sandbox/requests/log?limit=` | the newest requests: [`RequestRecord`](crate::ledger::RequestRecord) |
//! | `GET /sandbox/notifications` | all notifications: [`NotificationRecord`](crate::notify::NotificationRecord) |
//! | `GET /sandbox/truth?customer=&from=&to=` | [`FlowTruth`](crate::model::FlowTruth) per usage point and flow, for local days, both included |
//! | `POST /sandbox/faults` | gives a [`Rule`](crate::faults::Rule); its number |
//! | `GET /sandbox/faults` | all rules, with how often each has acted: [`FaultReport`](crate::faults::FaultReport) |
//! | `DELETE /sandbox/faults[?id=]` | takes back all rules, or one; how many |
//! | `POST /sandbox/revoke?customer=` | the customer revokes everything; the ids that ended |

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::grants::{Authorization, DataGroups, State};
use crate::model::{Customer, DayRange};
use crate::world::World;

/// Registers the control endpoints.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/sandbox")
            .route("/customers", web::get().to(customers))
            .route("/authorizations", web::get().to(authorizations))
            .route("/requests", web::get().to(requests))
            .route("/requests/log", web::get().to(log))
            .route("/notifications", web::get().to(notifications))
            .route("/truth", web::get().to(truth))
            .route("/faults", web::get().to(faults))
            .route("/faults", web::post().to(give_fault))
            .route("/faults", web::delete().to(take_faults))
            .route("/revoke", web::post().to(revoke)),
    );
}

/// A customer of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerReport {
    /// What `customer=` wants.
    pub key: String,
    /// The name.
    pub name: String,
    /// Ten digits, asked for at login.
    pub account: String,
    /// What the customer is there to show.
    pub purpose: String,
    /// True when batches are answered with 202.
    pub asynchronous: bool,
    /// The first local day with usage.
    pub since: Date,
    /// The last local day that has data by now.
    pub last_day: Date,
    /// The service agreements.
    pub usage_points: Vec<UsagePointReport>,
}

/// A service agreement of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePointReport {
    /// Ten digits.
    pub id: String,
    /// ESPI `commodity`.
    pub commodity: u16,
    /// ESPI `flowDirection` of each of its series.
    pub flows: Vec<u16>,
}

/// An authorization, alive or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationReport {
    /// The id of authorization, subscription and retail customer.
    pub id: u64,
    /// The customer's key.
    pub customer: String,
    /// The third party.
    pub client_id: String,
    /// What became of it.
    pub state: State,
    /// ESPI status: 1 active, 0 ended (also by the end of its period).
    pub status: u16,
    /// When the customer authorized.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// The chosen usage points.
    pub usage_points: Vec<String>,
    /// The chosen data.
    pub data: DataGroups,
    /// Its tokens that are good.
    pub live_tokens: usize,
}

/// The state of an authorization in words for a page.
pub(crate) fn words(authorization: &Authorization, now: Timestamp) -> &'static str {
    match authorization.state {
        State::Active if authorization.status(now) == 1 => "active",
        State::Active => "ended: its time is over",
        State::Revoked => "ended by you",
        State::Superseded => "replaced by a newer one",
        State::Deleted => "ended by the company",
    }
}

async fn customers(world: web::Data<World>) -> HttpResponse {
    let Ok(last_day) = world.last_day() else {
        return wrong("the last day lies outside the calendar");
    };
    let report = |customer: &Customer| CustomerReport {
        key: customer.key.clone(),
        name: customer.name.clone(),
        account: customer.account.clone(),
        purpose: customer.purpose.to_owned(),
        asynchronous: customer.asynchronous,
        since: customer.since,
        last_day,
        usage_points: customer
            .usage_points
            .iter()
            .map(|point| UsagePointReport {
                id: point.id.clone(),
                commodity: point.commodity.code(),
                flows: point
                    .series
                    .iter()
                    .map(|series| series.direction.code())
                    .collect(),
            })
            .collect(),
    };
    HttpResponse::Ok().json(
        world
            .model
            .customers()
            .iter()
            .map(report)
            .collect::<Vec<_>>(),
    )
}

async fn authorizations(world: web::Data<World>) -> HttpResponse {
    let now = world.now();
    let state = world.state();
    let report = |a: &Authorization| AuthorizationReport {
        id: a.id,
        customer: a.choice.customer.clone(),
        client_id: a.client_id.clone(),
        state: a.state,
        status: a.status(now),
        created: a.created,
        updated: a.updated,
        usage_points: a.choice.usage_points.clone(),
        data: a.choice.data,
        live_tokens: state.grants.live_tokens(now, a.id),
    };
    HttpResponse::Ok().json(state.grants.all().map(report).collect::<Vec<_>>())
}

async fn requests(world: web::Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(world.state().ledger.counts())
}

#[derive(Debug, Deserialize)]
struct LogQuery {
    limit: Option<usize>,
}

async fn log(world: web::Data<World>, query: web::Query<LogQuery>) -> HttpResponse {
    HttpResponse::Ok().json(world.state().ledger.log(query.limit.unwrap_or(usize::MAX)))
}

async fn notifications(world: web::Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(&world.state().notifications)
}

#[derive(Debug, Deserialize)]
struct TruthQuery {
    customer: String,
    from: Date,
    to: Date,
}

async fn truth(world: web::Data<World>, query: web::Query<TruthQuery>) -> HttpResponse {
    let Some(customer) = world.model.customer(&query.customer).cloned() else {
        return wrong("there is no such customer: see /sandbox/customers");
    };
    let days = DayRange::new(query.from, query.to);
    let model = std::sync::Arc::clone(&world.model);
    // Years of quarter hours take a moment.
    match web::block(move || model.truth(&customer, days)).await {
        Ok(Ok(truth)) => HttpResponse::Ok().json(truth),
        Ok(Err(error)) => wrong(&error.to_string()),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn faults(world: web::Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(world.state().faults.all())
}

async fn give_fault(world: web::Data<World>, body: web::Bytes) -> HttpResponse {
    let rule = serde_json::from_slice(&body).map_err(|error| error.to_string());
    match rule.and_then(|rule| world.state().faults.add(rule)) {
        Ok(id) => HttpResponse::Ok().json(id),
        Err(message) => wrong(&message),
    }
}

#[derive(Debug, Deserialize)]
struct FaultQuery {
    id: Option<u64>,
}

async fn take_faults(world: web::Data<World>, query: web::Query<FaultQuery>) -> HttpResponse {
    HttpResponse::Ok().json(world.state().faults.remove(query.id))
}

#[derive(Debug, Deserialize)]
struct RevokeQuery {
    customer: String,
}

async fn revoke(world: web::Data<World>, query: web::Query<RevokeQuery>) -> HttpResponse {
    HttpResponse::Ok().json(world.into_inner().revoke(&query.customer, None))
}

fn wrong(message: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": message }))
}
