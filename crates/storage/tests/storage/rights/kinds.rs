//! Every role against every kind of job: what a session of it may put in and take. Which roles may is data
//! (`jobs.kind`), so the matrix of rights does not show it: here each does it, or is refused.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use storage::kinds;

use crate::fixture::{Fixture, Role};

/// Whether the session may make this call. Any error but the refusal ends the test.
async fn may(conn: &mut AsyncPgConnection, call: &str) -> bool {
    let Err(error) = conn.batch_execute(call).await else {
        return true;
    };
    let words = error.to_string();
    assert!(words.contains(" may not "), "{call}: {words}");
    false
}

/// What the role may do with a kind, in words.
async fn verbs(conn: &mut AsyncPgConnection, kind: &str) -> Vec<&'static str> {
    let enqueue = format!(
        "SELECT jobs.enqueue(ARRAY['{kind}'], ARRAY['{{}}'::jsonb], ARRAY['x'], ARRAY[0::bigint], ARRAY[0::smallint], NULL)"
    );
    let claim = format!("SELECT * FROM jobs.claim('{kind}', 1)");
    let mut verbs = Vec::new();
    for (verb, call) in [("enqueues", enqueue), ("runs", claim)] {
        if may(conn, &call).await {
            verbs.push(verb);
        }
    }
    verbs
}

#[tokio::test]
async fn each_role_enqueues_and_runs_these_kinds_and_no_others() {
    let it = Fixture::with_roles().await;
    let mut lines = Vec::new();
    for role in Role::ALL {
        lines.push(role.login().to_owned());
        let mut conn = it.connect_as(role).await;
        for kind in kinds::all() {
            let does = verbs(&mut conn, kind.name).await;
            if !does.is_empty() {
                lines.push(format!("  {}: {}", kind.name, does.join(" ")));
            }
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}
