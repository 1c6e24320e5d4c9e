//! Every route with the ids, tickets, tokens and keys of others, with unknown ones, and with what is none.

use std::collections::BTreeSet;

use crate::http::Answer;
use crate::routes::{Guard, ROUTES, Route};
use crate::world::World;

/// What nobody may change here.
const BOOKS: &str = "SELECT count(*) + 1000 * (SELECT count(*) FROM aiida.outgoing) + 1000000 * (SELECT count(*) FROM aiida.permission_event)
    + 1000000000 * (SELECT count(*) FROM aiida.data_need) FROM aiida.permission";

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
    let before = world.count(BOOKS).await;
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
            let target = route.with(&id);
            let answer = world.ask(route.0, &target, bearer, &route.body(&own));
            is_refused(
                &format!("{} {} with {bearer:?} for {id}", route.0, route.1),
                &answer,
                allowed,
            );
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(
        world.count(BOOKS).await,
        before,
        "somebody changed something"
    );
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

/// With the right key or token: what does not exist is not found, and what is no id breaks nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_id_opens_or_breaks_anything() {
    let world = World::shared().await;
    let before = world.count(BOOKS).await;
    let long = "f".repeat(3000);
    for route in ROUTES.iter().filter(|route| route.has_id()) {
        let bearer = match route.2 {
            Guard::Key => Some(world.key.as_str()),
            Guard::Token => Some(world.own.token.as_str()),
            _ => None,
        };
        for id in NO_IDS.iter().copied().chain([UNKNOWN, &long]) {
            if is_somebody(route, id) {
                continue;
            }
            let answer = world.ask(route.0, &route.with(id), bearer, &route.body(UNKNOWN));
            let what = format!("{} {} with {id}", route.0, route.1);
            assert!(
                (400..500).contains(&answer.status),
                "{what}: {} {}",
                answer.status,
                answer.body
            );
            assert!(answer.header("x-injected").is_none(), "{what}");
            assert!(
                !answer.body.contains("<script>alert"),
                "{what}: {}",
                answer.body
            );
            for inside in [
                "panicked",
                "SELECT ",
                "diesel",
                "postgres",
                "stack backtrace",
            ] {
                assert!(!answer.body.contains(inside), "{what}: {}", answer.body);
            }
        }
    }
    assert_eq!(
        world.count(BOOKS).await,
        before,
        "somebody changed something"
    );
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
