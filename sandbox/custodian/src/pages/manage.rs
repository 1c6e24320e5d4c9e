//! What a customer shares, and the button that ends it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;

use super::session::{Session, Visitor};
use super::{Fields, LoginPage, customer, expired, page};
use crate::control;
use crate::world::World;

#[derive(Template)]
#[template(path = "manage.html")]
struct ManagePage<'a> {
    name: &'a str,
    session: &'a str,
    rows: Vec<Row>,
}

struct Row {
    id: u64,
    party: String,
    since: String,
    state: String,
    active: bool,
}

/// `GET /myAuthorization/manage`
pub(super) async fn login_page(world: web::Data<World>) -> HttpResponse {
    login_form(&world, None)
}

fn login_form(world: &World, problem: Option<&str>) -> HttpResponse {
    let session = world.state().sessions.begin(
        world.now(),
        &*world.random,
        Session::Manage(Visitor::Unknown),
    );
    let login = LoginPage {
        action: "/myAuthorization/manage",
        session: &session,
        party: None,
        problem,
        cancellable: false,
        customers: world.model.customers(),
    };
    let builder = if problem.is_some() {
        HttpResponse::BadRequest()
    } else {
        HttpResponse::Ok()
    };
    page(builder, &login)
}

/// `POST /myAuthorization/manage`
pub(super) async fn login(body: web::Bytes, world: web::Data<World>) -> HttpResponse {
    let fields = Fields::parse(&body);
    if take(&world, &fields).is_none() {
        return expired();
    }
    match customer(&world.model, &fields) {
        Some(customer) => list(&world, &customer.key),
        None => login_form(
            &world,
            Some("Name and account number do not belong together."),
        ),
    }
}

/// `POST /myAuthorization/manage/revoke`
pub(super) async fn revoke(body: web::Bytes, world: web::Data<World>) -> HttpResponse {
    let world = world.into_inner();
    let fields = Fields::parse(&body);
    let Some(Visitor::Customer(key)) = take(&world, &fields) else {
        return expired();
    };
    let Some(id) = fields
        .get("authorization")
        .and_then(|text| text.parse().ok())
    else {
        return expired();
    };
    world.revoke(&key, Some(id));
    list(&world, &key)
}

/// Who the session belongs to.
fn take(world: &World, fields: &Fields) -> Option<Visitor> {
    match world
        .state()
        .sessions
        .take(world.now(), fields.get("session")?)?
    {
        Session::Manage(visitor) => Some(visitor),
        Session::Authorize(_) => None,
    }
}

fn list(world: &World, key: &str) -> HttpResponse {
    let now = world.now();
    let (session, rows) = {
        let mut state = world.state();
        let session = Session::Manage(Visitor::Customer(key.to_owned()));
        let session = state.sessions.begin(now, &*world.random, session);
        let own = state.grants.all().filter(|a| a.choice.customer == key);
        let rows: Vec<Row> = own
            .map(|a| Row {
                id: a.id,
                party: world
                    .clients
                    .by_id(&a.client_id)
                    .map(|c| c.name.clone())
                    .unwrap_or_default(),
                since: world.model.calendar().day_of(a.created).to_string(),
                state: control::words(a, now).to_owned(),
                active: a.status(now) == 1,
            })
            .collect();
        (session, rows)
    };
    let name = world
        .model
        .customer(key)
        .map(|customer| customer.name.as_str())
        .unwrap_or_default();
    page(
        HttpResponse::Ok(),
        &ManagePage {
            name,
            session: &session,
            rows,
        },
    )
}

impl World {
    /// A customer takes consent back: one authorization, or all. The third parties are told.
    pub(crate) fn revoke(self: &Arc<Self>, customer: &str, only: Option<u64>) -> Vec<u64> {
        let now = self.now();
        let (ended, by_client) = {
            let mut state = self.state();
            let ended = state.grants.revoke(now, customer, only);
            let mut by_client: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for id in &ended {
                if let Some(authorization) = state.grants.get(*id) {
                    by_client
                        .entry(authorization.client_id.clone())
                        .or_default()
                        .push(*id);
                }
            }
            (ended, by_client)
        };
        for (client, ids) in by_client {
            self.authorizations_changed(&client, &ids);
        }
        ended
    }
}
