//! `/console/customers`: customers of Share My Data, and one of them with everything that happened.

mod timeline;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Path, Query};
use askama::Template;
use serde::Deserialize;
use storage::console::customers::{self, Filter, Row};
use storage::console::{jobs, records};
use storage::smd::authorization::Stage;
use storage::smd::overview::{self, Customer};
use storage::smd::receipt::Receipt;
use storage::smd::{AuthorizationId, erasure};
use uuid::Uuid;

use crate::Service;
use crate::actions::Done;
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::{Acting, Operator};
use crate::listing::{Listing, Narrowing, Search};
use crate::paging::{ROWS, read_place};
use timeline::Moment;

/// Jobs and lines of the audit log that one customer's page shows.
const FEW: i64 = 20;
/// Authorizations of one customer that a page shows.
const MOST_SIBLINGS: usize = 20;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    stage: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "customers.html")]
struct ListView {
    list: Listing<Row>,
}

/// `GET /console/customers`.
pub(crate) async fn list(
    service: Data<Service>,
    _: Operator,
    asked: Query<Asked>,
) -> Result<HttpResponse, Trouble> {
    let filter = Filter {
        stage: asked.stage.parse().ok(),
        known_by: None,
    };
    answer(&service, filter, &asked.after).await
}

/// `POST /console/customers`: changes nothing.
pub(crate) async fn search(
    service: Data<Service>,
    _: Acting,
    asked: Form<Search>,
) -> Result<HttpResponse, Trouble> {
    let filter = Filter {
        stage: None,
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
    let page = customers::list(&mut conn, filter, read_place(after), ROWS).await?;
    let narrowing = Narrowing {
        parameter: "stage",
        values: Stage::ALL.map(Stage::as_str).to_vec(),
        wanted: filter.stage.map(Stage::as_str),
    };
    let view = ListView {
        list: Listing::new(
            "/console/customers",
            narrowing,
            filter.known_by,
            after,
            page,
            Row::place,
        ),
    };
    Ok(frame::page("Customers", Tabs::Customers).respond(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "customer.html")]
struct OneView {
    customer: Customer,
    done: Option<&'static str>,
    moments: Vec<Moment>,
    siblings: Vec<AuthorizationId>,
    jobs: Vec<jobs::Row>,
    lines: Vec<records::Line>,
    /// The names of its files name the customer: they are not shown while they are being removed.
    is_erased: bool,
    can_release: bool,
    can_erase: bool,
}

/// What the customer was told.
fn receipt(customer: &Customer) -> Receipt {
    Receipt::of(customer.id)
}

/// `GET /console/customers/{id}`.
pub(crate) async fn one(
    service: Data<Service>,
    _: Operator,
    id: Path<Uuid>,
    done: Query<Done>,
) -> Result<HttpResponse, Trouble> {
    let id = AuthorizationId::from(*id);
    let mut conn = service.database.get().await?;
    let customer = overview::get(&mut conn, id)
        .await?
        .ok_or(Trouble::Missing("customer"))?;
    let lines = records::audit(&mut conn, Some(id.uuid()), None, FEW).await?;
    let siblings = erasure::find(&mut conn, &id.to_string()).await?;
    let is_erased = customer.stage == Stage::Erased.as_str();
    let view = OneView {
        done: done.words(),
        moments: timeline::of(&customer, &lines.rows),
        siblings: siblings
            .into_iter()
            .filter(|sibling| *sibling != id)
            .take(MOST_SIBLINGS)
            .collect(),
        jobs: jobs::about(&mut conn, &id.to_string(), FEW).await?,
        lines: lines.rows,
        is_erased,
        can_release: customer.released_at.is_none(),
        can_erase: !is_erased || customer.electricity_file.is_some() || customer.gas_file.is_some(),
        customer,
    };
    let page = frame::page("Customer", Tabs::Customers);
    Ok(page.respond(StatusCode::OK, &view))
}
