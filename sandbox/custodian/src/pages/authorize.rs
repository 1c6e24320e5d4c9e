//! The authorization: the third party's request, the guest's login, the choice, the way back.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use askama::Template;
use jiff::Timestamp;

use super::choice::{self, End, HISTORIES};
use super::session::{Flow, Session};
use super::{Fields, LoginPage, customer, expired, page, problem, redirect_with};
use crate::model::{Customer, UsagePoint};
use crate::world::World;

#[derive(Template)]
#[template(path = "choose.html")]
struct ChoosePage<'a> {
    party: &'a str,
    name: &'a str,
    account: &'a str,
    session: &'a str,
    problem: Option<&'a str>,
    points: &'a [UsagePoint],
    histories: &'a [i32],
    ends: &'a [End],
}

/// `GET /myAuthorization`. Where the request cannot be trusted to come from a registered third
/// party the browser stays here; every other fault goes back to the third party.
pub(super) async fn start(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let query = Fields::parse(request.query_string().as_bytes());
    let single = |name: &str| query.get(name).filter(|_| !query.repeats(name));
    let client = single("client_id").and_then(|id| world.clients.by_id(id));
    let Some(client) = client else {
        return problem(
            HttpResponse::BadRequest(),
            "Unknown company",
            "The client_id is not registered here.",
        );
    };
    let redirect_uri =
        single("redirect_uri").filter(|uri| client.redirect_uris.iter().any(|known| known == uri));
    let Some(redirect_uri) = redirect_uri else {
        let message = "The redirect_uri is not registered for this company.";
        return problem(HttpResponse::BadRequest(), "Wrong address", message);
    };
    let state = query.get("state").map(str::to_owned);
    let flow = |earliest_end, preferred_end| Flow {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: state.clone(),
        earliest_end,
        preferred_end,
        customer: None,
    };
    match asked(&query) {
        Ok((earliest, preferred)) => {
            login_page(&world, flow(earliest, preferred), HttpResponse::Ok(), None)
        }
        Err(code) => refuse(&flow(None, None), code),
    }
}

/// Checks what is asked for and reads the ends in the scope; the error is a code of RFC 6749.
fn asked(query: &Fields) -> Result<(Option<Timestamp>, Option<Timestamp>), &'static str> {
    if ["response_type", "state", "scope", "login"]
        .iter()
        .any(|name| query.repeats(name))
    {
        return Err("invalid_request");
    }
    match query.get("response_type") {
        None => return Err("invalid_request"),
        Some("code") => {}
        Some(_) => return Err("unsupported_response_type"),
    }
    let (mut earliest, mut preferred) = (None, None);
    for part in query.get("scope").unwrap_or_default().split(';') {
        let end = match part.split_once('=') {
            Some(("MinAuthEndDate", _)) => &mut earliest,
            Some(("PreferredAuthEndDate", _)) => &mut preferred,
            _ => continue,
        };
        let seconds = part.split_once('=').and_then(|(_, text)| text.parse().ok());
        *end = Some(
            seconds
                .and_then(|s| Timestamp::from_second(s).ok())
                .ok_or("invalid_scope")?,
        );
    }
    Ok((earliest, preferred))
}

/// `POST /myAuthorization/login`
pub(super) async fn login(body: web::Bytes, world: web::Data<World>) -> HttpResponse {
    let fields = Fields::parse(&body);
    let Some(mut flow) = take(&world, &fields) else {
        return expired();
    };
    let Some(customer) = customer(&world.model, &fields) else {
        let message = "Name and account number do not belong together.";
        return login_page(&world, flow, HttpResponse::BadRequest(), Some(message));
    };
    flow.customer = Some(customer.key.clone());
    choose_page(&world, flow, customer, HttpResponse::Ok(), None)
}

/// `POST /myAuthorization/decide`
pub(super) async fn decide(body: web::Bytes, world: web::Data<World>) -> HttpResponse {
    let world = world.into_inner();
    let fields = Fields::parse(&body);
    let Some(flow) = take(&world, &fields) else {
        return expired();
    };
    if fields.get("decision") == Some("cancel") {
        return refuse(&flow, "access_denied");
    }
    let customer = flow
        .customer
        .as_deref()
        .and_then(|key| world.model.customer(key));
    let (Some(customer), Some("authorize")) = (customer, fields.get("decision")) else {
        return expired();
    };
    let now = world.now();
    let calendar = world.model.calendar();
    let ends = choice::ends(calendar, &flow, now);
    let choice = match choice::read(customer, &fields, &ends, calendar.day_of(now)) {
        Ok(choice) => choice,
        Err(message) => {
            return choose_page(
                &world,
                flow.clone(),
                customer,
                HttpResponse::BadRequest(),
                Some(message),
            );
        }
    };
    authorize(&world, &flow, choice)
}

fn authorize(world: &Arc<World>, flow: &Flow, choice: crate::grants::Choice) -> HttpResponse {
    let (now, random) = (world.now(), &*world.random);
    let authorized =
        world
            .state()
            .grants
            .authorize(now, random, &flow.client_id, &flow.redirect_uri, choice);
    world.authorizations_changed(&flow.client_id, &authorized.superseded);
    let code = (
        world.config.behaviour.code_parameter.name(),
        authorized.code.as_str(),
    );
    let scope = ("scope", authorized.scope.as_str());
    redirect_with(
        &flow.redirect_uri,
        [code, scope].into_iter().chain(state(flow)),
    )
}

/// Sends the browser back with an error code of RFC 6749.
fn refuse(flow: &Flow, code: &str) -> HttpResponse {
    redirect_with(
        &flow.redirect_uri,
        [("error", code)].into_iter().chain(state(flow)),
    )
}

fn state(flow: &Flow) -> Option<(&str, &str)> {
    flow.state.as_deref().map(|state| ("state", state))
}

fn take(world: &World, fields: &Fields) -> Option<Flow> {
    let token = fields.get("session")?;
    match world.state().sessions.take(world.now(), token)? {
        Session::Authorize(flow) => Some(flow),
        Session::Manage(_) => None,
    }
}

fn login_page(
    world: &World,
    flow: Flow,
    builder: HttpResponseBuilder,
    message: Option<&str>,
) -> HttpResponse {
    let client = world.clients.by_id(&flow.client_id);
    let session =
        world
            .state()
            .sessions
            .begin(world.now(), &*world.random, Session::Authorize(flow));
    let login = LoginPage {
        action: "/myAuthorization/login",
        session: &session,
        party: client.map(|client| client.name.as_str()),
        problem: message,
        cancellable: true,
        customers: world.model.customers(),
    };
    page(builder, &login)
}

fn choose_page(
    world: &World,
    flow: Flow,
    customer: &Customer,
    builder: HttpResponseBuilder,
    message: Option<&str>,
) -> HttpResponse {
    let ends = choice::ends(world.model.calendar(), &flow, world.now());
    let client = world.clients.by_id(&flow.client_id);
    let session =
        world
            .state()
            .sessions
            .begin(world.now(), &*world.random, Session::Authorize(flow));
    let choose = ChoosePage {
        party: client
            .map(|client| client.name.as_str())
            .unwrap_or_default(),
        name: &customer.name,
        account: &customer.account,
        session: &session,
        problem: message,
        points: &customer.usage_points,
        histories: &HISTORIES,
        ends: &ends,
    };
    page(builder, &choose)
}
