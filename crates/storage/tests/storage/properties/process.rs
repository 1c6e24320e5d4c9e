//! Whatever comes for a permission in whatever order, from two sides at once: its events are a path of the process
//! model, and its status is the end of that path.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use permission::{PermissionId, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use storage::aiida::event::{self, Cause};
use storage::aiida::permission::{advance, get};
use tokio::sync::Mutex;

use super::{for_all, runtime};
use crate::fixture::{Fixture, permitted};

/// The process model as EDDIE publishes it: from, and what may follow.
const MODEL: [(&str, &[&str]); 9] = [
    ("CREATED", &["VALIDATED", "MALFORMED"]),
    (
        "VALIDATED",
        &["SENT_TO_PERMISSION_ADMINISTRATOR", "UNABLE_TO_SEND"],
    ),
    ("UNABLE_TO_SEND", &["VALIDATED"]),
    (
        "SENT_TO_PERMISSION_ADMINISTRATOR",
        &[
            "ACCEPTED",
            "REJECTED",
            "UNFULFILLABLE",
            "TIMED_OUT",
            "INVALID",
        ],
    ),
    (
        "ACCEPTED",
        &["REVOKED", "FULFILLED", "TERMINATED", "UNFULFILLABLE"],
    ),
    ("TERMINATED", &["REQUIRES_EXTERNAL_TERMINATION"]),
    ("FULFILLED", &["REQUIRES_EXTERNAL_TERMINATION"]),
    ("UNFULFILLABLE", &["REQUIRES_EXTERNAL_TERMINATION"]),
    (
        "REQUIRES_EXTERNAL_TERMINATION",
        &["EXTERNALLY_TERMINATED", "FAILED_TO_TERMINATE"],
    ),
];

fn may_follow(from: &str, to: &str) -> bool {
    let again = ("FAILED_TO_TERMINATE", "REQUIRES_EXTERNAL_TERMINATION");
    (from, to) == again
        || MODEL
            .iter()
            .any(|(at, next)| *at == from && next.contains(&to))
}

/// One side has seen the permission at `seen` and wants it to be `to`: what services do with everything that comes.
async fn try_to(conn: &mut AsyncPgConnection, id: PermissionId, seen: Status, to: Status) -> bool {
    let Ok(step) = seen.step(to) else {
        return false;
    };
    conn.transaction(async |conn| advance(conn, id, step, Cause::Home, None).await)
        .await
        .unwrap()
}

#[test]
fn no_order_of_events_leaves_the_process_model() {
    let runtime = runtime();
    let both = runtime.block_on(async {
        let it = Fixture::new().await;
        let other = it.connect().await;
        Mutex::new((it, other))
    });
    let any = || select(Status::ALL.to_vec());
    let next = prop_oneof![3 => Just(None), 1 => any().prop_map(Some)];
    let events = vec((any(), any(), next), 1..40);
    for_all(24, &events, &runtime, async |events| {
        let mut both = both.lock().await;
        let (it, other) = &mut *both;
        let id = permitted(&mut it.conn).await;
        let mut path = vec![Status::Created];
        for (first, second, stale) in events {
            let stands = *path.last().unwrap();
            // Both look, or remember, before either writes.
            let seen = stale.unwrap_or(stands);
            let (one, two) = tokio::join!(
                try_to(&mut it.conn, id, seen, first),
                try_to(other, id, seen, second)
            );
            let taken: Vec<_> = [(one, first), (two, second)]
                .into_iter()
                .filter_map(|(taken, to)| taken.then_some(to))
                .collect();
            assert!(taken.len() <= 1, "two steps from {seen}: {taken:?}");
            assert!(
                taken.is_empty() || seen == stands,
                "a step from {seen} at {stands}"
            );
            let possible = [first, second].map(|to| may_follow(seen.name(), to.name()));
            assert_eq!(
                !taken.is_empty(),
                seen == stands && possible.contains(&true)
            );
            path.extend(taken);
        }
        let events = event::of(&mut it.conn, id).await.unwrap();
        let written: Vec<_> = events.iter().map(|event| event.status).collect();
        assert_eq!(written, path);
        for pair in written.windows(2) {
            assert!(may_follow(pair[0].name(), pair[1].name()), "{pair:?}");
        }
        let permission = get(&mut it.conn, id).await.unwrap().unwrap();
        assert_eq!(Some(&permission.status), path.last());
    });
}
