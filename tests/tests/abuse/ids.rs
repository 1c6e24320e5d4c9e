//! Every route with the ids, tickets, tokens and keys of others, with unknown ones, and with what is none.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::http::Answer;
use crate::routes::{Guard, ROUTES, Route};
use crate::world::World;

/// What nobody may change here. Left out is what a home settles that asks for the details, when an authorization was
/// last looked at, and what comes again and again.
const BOOKS: &str = "SELECT
    (SELECT md5(string_agg((to_jsonb(t) - '{code,starts_on,ends_on}'::text[])::text, '' ORDER BY id))
        FROM aiida.permission t) AS permissions,
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM aiida.permission_event t) AS events,
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM aiida.outgoing t) AS outgoing,
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM aiida.data_need t) AS data_needs,
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM aiida.api_key t) AS keys,
    (SELECT md5(string_agg((to_jsonb(t) - 'seen_at')::text, '' ORDER BY id))
        FROM smd.authorization t) AS authorizations,
    (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM smd.pull t) AS windows,
    (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM smd.reading t) AS readings,
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM jobs.job t
        WHERE kind NOT IN (SELECT name FROM jobs.kind k WHERE k.every IS NOT NULL)) AS jobs,
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM audit.event t) AS audit";

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// What is no id, as an address may hold it.
const NO_IDS: &[&str] = &[
    "x",
    "0",
    "-1",
    "1e9",
    "..",
    "%2e%2e",
    "..%2f..%2fadmin",
    "..;",
    "%00",
    "%ff%fe",
    "%0d%0aX-Injected:%201",
    "%u0000",
    "%25",
    "%",
    "'%20OR%20'1'='1",
    "1;DROP%20TABLE%20aiida.permission",
    "%7B%7D",
    "$%7B7*7%7D",
    "*",
    "null",
    "undefined",
    "%E2%80%A8",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
];

/// A digest of each of the books, when everything is done that was asked for.
async fn books(world: &World) -> Vec<Value> {
    world.until_at_rest().await;
    world.stack.rows(BOOKS).await.unwrap()
}

#[track_caller]
fn is_refused(what: &str, answer: &Answer, allowed: &[u16]) {
    assert!(
        allowed.contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.body
    );
}

/// An API key, an access token, a ticket: each opens what it is for, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_opens_with_the_right_to_another() {
    let world = World::shared().await;
    let before = books(&world).await;
    let mut tried = 0;
    for route in ROUTES {
        let own = world.own.id.to_string();
        let cases: Vec<(Option<&str>, String, &[u16])> = match route.2 {
            Guard::Open => continue,
            Guard::Key => [
                None,
                Some(""),
                Some("mgk_nobody"),
                Some(&world.own.token),
                Some(&world.ticket),
                Some(&world.own.ticket),
            ]
            .map(|bearer| (bearer, own.clone(), &[401][..]))
            .into(),
            Guard::Token => vec![
                (None, own.clone(), &[401]),
                (Some(&world.key), own.clone(), &[401]),
                (Some(&world.own.ticket), own.clone(), &[401]),
                // Of another household.
                (Some(&world.other.token), own.clone(), &[403]),
                (Some(&world.own.token), world.other.id.to_string(), &[403]),
                (Some(&world.own.token), UNKNOWN.to_owned(), &[403, 404]),
            ],
            Guard::Password => vec![
                (None, own.clone(), &[401, 404]),
                (Some(&world.key), own.clone(), &[401, 404]),
                (Some(&world.own.token), own.clone(), &[401, 404]),
            ],
            Guard::CustomersTicket => tickets(&world.ticket, &[&world.own.ticket, &own]),
            Guard::HouseholdsTicket => tickets(&world.own.ticket, &[&world.ticket, &own]),
        };
        for (bearer, id, allowed) in cases {
            for target in route.with_each(&id) {
                let answer = world.ask(route.0, &target, bearer, &route.body(&own));
                is_refused(
                    &format!("{} {target} with {bearer:?}", route.0),
                    &answer,
                    allowed,
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(books(&world).await, before, "somebody changed something");
    let waiting =
        "SELECT count(*) FROM aiida.permission WHERE status = 'SENT_TO_PERMISSION_ADMINISTRATOR'
                   AND connection_id IN ('customer-of-our-own', 'customer-next-door')";
    assert_eq!(world.count(waiting).await, 2);
    // Each opens its own, or nothing was shown.
    assert_eq!(
        world
            .ask("GET", "/api/v1/permissions", Some(&world.key), "")
            .status,
        200
    );
    for (route, id, bearer) in [
        ("/status/{ticket}", &world.ticket, None),
        ("/permissions/{ticket}", &world.own.ticket, None),
        (
            "/region-connectors/aiida/permission-request/{permission}",
            &world.own.id.to_string(),
            Some(world.own.token.as_str()),
        ),
    ] {
        let route = ROUTES
            .iter()
            .find(|it| it.0 == "GET" && it.1 == route)
            .unwrap();
        assert_eq!(
            world.ask("GET", &route.with(id), bearer, "").status,
            200,
            "{}",
            route.1
        );
    }
}

/// Neither a ticket of the other side, nor an id that a home or the party knows, nor anything near the right one.
fn tickets<'a>(right: &str, others: &[&str]) -> Vec<(Option<&'a str>, String, &'static [u16])> {
    let (most, last) = right.split_at(right.len() - 1);
    let near = [
        format!("{most}{}", if last == "A" { "B" } else { "A" }),
        most.to_owned(),
        format!("{right}A"),
        right.to_ascii_uppercase(),
        format!("%20{right}"),
        format!("{right}%00"),
        "a".repeat(2000),
    ];
    let all = others.iter().map(|it| (*it).to_owned()).chain(near);
    all.chain([UNKNOWN.to_owned()])
        .map(|ticket| (None, ticket, &[404, 400][..]))
        .collect()
}

/// With the right key, token or password: what does not exist is not found, and what is no id breaks nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_id_opens_or_breaks_anything() {
    let world = World::shared().await;
    let before = books(&world).await;
    let long = "f".repeat(3000);
    for route in ROUTES.iter().filter(|route| route.has_id()) {
        for id in NO_IDS.iter().copied().chain([UNKNOWN, &long]) {
            if is_somebody(route, id) {
                continue;
            }
            for target in route.with_each(id) {
                is_harmless(route, &target, &ask_rightly(&world, route, &target));
            }
        }
    }
    // The same operator does reach what there is.
    let own = format!("/console/permissions/{}", world.own.id);
    assert_eq!(world.operate("GET", &own, "").status, 200);
    let answer = world.operate("POST", &format!("{own}/terminate"), "sure=yes");
    assert_eq!(answer.status, 409, "nobody has accepted: {}", answer.body);
    assert_eq!(books(&world).await, before, "somebody changed something");
}

/// With what the route asks for.
fn ask_rightly(world: &World, route: &Route, target: &str) -> Answer {
    let body = route.body(UNKNOWN);
    let bearer = match route.2 {
        Guard::Password => return world.operate(route.0, target, &body),
        Guard::Key => Some(world.key.as_str()),
        Guard::Token => Some(world.own.token.as_str()),
        Guard::Open | Guard::CustomersTicket | Guard::HouseholdsTicket => None,
    };
    world.ask(route.0, target, bearer, &body)
}

/// Refused, in the console not for want of a right, and nothing of the address or of our inside is told.
#[track_caller]
fn is_harmless(route: &Route, target: &str, answer: &Answer) {
    let what = format!("{} {target}", route.0);
    if route.2 == Guard::Password {
        is_refused(&what, answer, &[400, 404]);
    }
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.body
    );
    assert!(answer.header("x-injected").is_none(), "{what}");
    for inside in [
        "<script>alert",
        "panicked",
        "SELECT ",
        "diesel",
        "postgres",
        "stack backtrace",
    ] {
        assert!(!answer.body.contains(inside), "{what}: {}", answer.body);
    }
}

/// The page of the API's description, and what nginx makes of two dots: another address, which is open.
fn is_somebody(route: &Route, id: &str) -> bool {
    let leads_up = matches!(id, ".." | "%2e%2e");
    route.1.starts_with("/api/docs")
        || (leads_up && !route.1.ends_with('}'))
        || (leads_up && route.2 != Guard::Key)
}

/// A stranger does not learn from an answer whether somebody is there.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_stranger_is_one() {
    let world = World::shared().await;
    let of = |route: &str, bearer: Option<&str>, ids: &[&str]| -> BTreeSet<String> {
        let route = ROUTES
            .iter()
            .find(|it| it.0 == "GET" && it.1 == route)
            .unwrap();
        let answers = ids
            .iter()
            .map(|id| world.ask("GET", &route.with(id), bearer, ""));
        answers
            .map(|answer| format!("{} {}", answer.status, answer.body))
            .collect()
    };
    let own = world.own.id.to_string();
    let pages = of("/status/{ticket}", None, &[UNKNOWN, &world.own.ticket, "x"]);
    assert_eq!(pages.len(), 1, "{pages:?}");
    let pages = of(
        "/permissions/{ticket}",
        None,
        &[UNKNOWN, &world.ticket, "x"],
    );
    assert_eq!(pages.len(), 1, "{pages:?}");
    let details = "/region-connectors/aiida/permission-request/{permission}";
    let answers = of(details, None, &[&own, UNKNOWN]);
    assert_eq!(answers.len(), 1, "{answers:?}");
    let answers = of(details, Some(&world.other.token), &[&own, UNKNOWN]);
    assert_eq!(
        answers.len(),
        1,
        "a token tells who else was asked: {answers:?}"
    );
    for route in [
        "/api/v1/permissions/{id}",
        "/api/v1/data-needs/{id}",
        "/api/v1/permissions/{id}/live",
    ] {
        let answers = of(route, Some("mgk_nobody"), &[&own, UNKNOWN, "x"]);
        assert!(
            answers.iter().all(|answer| answer.starts_with("401 ")),
            "{answers:?}"
        );
    }
}
