//! `metergate rotate-keys`, under the role of smd-fetcher, while somebody reads and refreshes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::AsyncConnection as _;
use service_kit::random::{Random as _, SystemRandom};
use service_kit::secret::{ExposeSecret as _, Keyring, Secret};
use storage::smd::AuthorizationId;
use storage::smd::authorization::{self, NewAuthorization};
use storage::smd::tokens::{self, Tokens};

use crate::desk::{Desk, Ended, ended, start};

const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const BOTH: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn keyring(text: &str) -> Keyring {
    Keyring::parse(&Secret::from(text)).unwrap()
}

fn pair(access: &str) -> Tokens {
    Tokens {
        access: Secret::from(access),
        refresh: Some(Secret::from("a-refresh-token")),
    }
}

async fn authorize(desk: &Desk, subscription: &str) -> AuthorizationId {
    let id = AuthorizationId::from(SystemRandom.uuid());
    let new = NewAuthorization {
        id,
        subscription_id: subscription,
        authorization_uri: "https://custodian.example/Authorization/1",
        ticket: &id.to_string(),
        tokens: &pair("an-access-token"),
        expires_in: Duration::from_hours(1),
    };
    let mut conn = desk.connect().await;
    authorization::insert(&mut conn, &keyring(OLD), &new)
        .await
        .unwrap();
    id
}

/// A login of the role that reads tokens.
async fn fetcher(desk: &Desk) -> String {
    let name = format!("fetcher_{}", desk.database.name());
    desk.sql(&format!(
        "CREATE ROLE {name} LOGIN PASSWORD 'fictional' IN ROLE metergate_smd_fetcher"
    ))
    .await;
    desk.database.url_as(&name, "fictional")
}

async fn run(login: &str, keys: &str, arguments: &[&str]) -> Ended {
    let arguments = [&["rotate-keys"], arguments].concat();
    let environment = [
        ("METERGATE_DATABASE_URL", login),
        ("METERGATE_ENCRYPTION_KEYS", keys),
    ];
    ended(start(&arguments, &environment)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_change_their_key_while_they_are_used() {
    let desk = Desk::new().await;
    let login = fetcher(&desk).await;
    let mut ids = Vec::new();
    for nr in 0..150 {
        ids.push(authorize(&desk, &nr.to_string()).await);
    }
    let said = run(&login, BOTH, &["--report"]).await;
    assert!(
        said.ok && said.output.contains("still in use"),
        "{}",
        said.output
    );

    // A reader that must always find what it can open, and a refresh now and then.
    let stop = Arc::new(AtomicBool::new(false));
    let mut conn = desk.connect().await;
    let reading = {
        let (ids, stop) = (ids.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let (keys, mut reads) = (keyring(BOTH), 0_usize);
            while !stop.load(Ordering::Relaxed) || reads < ids.len() {
                let id = ids[reads % ids.len()];
                let read = if reads % 5 == 0 {
                    conn.transaction(async |conn| {
                        tokens::read_locked(conn, &keys, id).await?;
                        let fresh = pair("a-fresh-token");
                        tokens::replace(conn, &keys, id, &fresh, Duration::from_hours(1)).await?;
                        tokens::read(conn, &keys, id).await
                    })
                    .await
                } else {
                    tokens::read(&mut conn, &keys, id).await
                };
                read.unwrap();
                reads += 1;
            }
            reads
        })
    };
    let said = run(&login, BOTH, &[]).await;
    stop.store(true, Ordering::Relaxed);
    assert!(reading.await.unwrap() >= ids.len());
    assert!(said.ok, "{}", said.output);
    assert!(
        said.output.contains("not in use: can be dropped"),
        "{}",
        said.output
    );
    // The old key is not needed any more, and every token is what it was or fresh.
    let mut conn = desk.connect().await;
    for (nr, id) in ids.iter().enumerate() {
        let stored = tokens::read(&mut conn, &keyring(NEW), *id).await.unwrap();
        let expected = if nr % 5 == 0 {
            "a-fresh-token"
        } else {
            "an-access-token"
        };
        assert_eq!(stored.access.expose_secret(), expected);
        assert_eq!(stored.refresh.unwrap().expose_secret(), "a-refresh-token");
    }
    let kept = "SELECT count(*) FROM smd.authorization WHERE access_expires_at > now() + interval '50 minutes'";
    assert_eq!(desk.text(kept).await.as_deref(), Some("150"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_is_named_and_the_rest_done() {
    let desk = Desk::new().await;
    let login = fetcher(&desk).await;
    let (one, other) = (authorize(&desk, "1").await, authorize(&desk, "2").await);
    desk.sql(&format!(
        "UPDATE smd.authorization SET access_key_id = 'lost' WHERE id = '{other}'"
    ))
    .await;
    let said = run(&login, BOTH, &[]).await;
    assert!(!said.ok, "{}", said.output);
    for text in [
        "lost",
        "not in METERGATE_ENCRYPTION_KEYS",
        "authorizations sealed anew: 1",
        "1 authorizations still have tokens under another key",
    ] {
        assert!(said.output.contains(text), "{text}\n{}", said.output);
    }
    let key = format!("SELECT access_key_id FROM smd.authorization WHERE id = '{one}'");
    assert_eq!(desk.text(&key).await.as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_role_rotates_nothing() {
    let desk = Desk::new().await;
    authorize(&desk, "1").await;
    let said = run(desk.login(), BOTH, &[]).await;
    assert!(
        !said.ok && said.output.contains("permission denied"),
        "{}",
        said.output
    );
}
