//! A home has stored ACCEPTED before it asks and asks once: whatever breaks in between, it must get its answer.

use std::sync::Arc;

use test_support::wait;

use crate::proxy::Proxy;
use crate::site::{DEADLINE, FULL, Options, Site, handshake};

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_commit_is_lost() {
    let proxy = Proxy::default();
    let before = proxy.clone();
    let site = Site::start_with(Options {
        database: Some(Box::new(move |url| before.before(&url))),
        ..Options::default()
    })
    .await;
    let code = site.request(&[FULL]).await;
    proxy.arm();
    let answer = site
        .patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
        .await;
    assert!(proxy.has_struck());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let hash = site
        .texts("SELECT password_hash AS text FROM aiida.credential")
        .await;
    assert_eq!(hash.len(), 1);
    let password = answer.json()["password"].as_str().unwrap().to_owned();
    assert!(
        bcrypt::verify(password, &hash[0]).unwrap(),
        "the password that was stored"
    );
    let id = code.permission_ids[0].to_string();
    assert_eq!(site.history(&id).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_cuts_everybody_off_during_an_acceptance() {
    let site = Arc::new(Site::start().await);
    let code = site.request(&[FULL]).await;
    let id = code.permission_ids[0].to_string();
    // Somebody holds the row, so that the acceptance is in the middle of its transaction.
    let hold = format!(
        "DO $$ BEGIN
             PERFORM FROM aiida.permission WHERE id = '{id}' FOR UPDATE;
             PERFORM pg_sleep(60);
         END $$"
    );
    let holder = {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.database.sql(&hold).await })
    };
    let sleeping = "SELECT 'x' AS text FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event = 'PgSleep'";
    wait::until(DEADLINE, "somebody to hold the row", async || {
        (!site.texts(sleeping).await.is_empty()).then_some(())
    })
    .await;
    let accepting = {
        let site = Arc::clone(&site);
        let (url, token) = (handshake(&code, 0), code.access_token.clone());
        tokio::spawn(async move { site.patch(&url, &token, "ACCEPT").await })
    };
    let waiting = "SELECT 'x' AS text FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait::until(DEADLINE, "the acceptance to wait for the row", async || {
        (!site.texts(waiting).await.is_empty()).then_some(())
    })
    .await;
    site.database.terminate_backends().await.unwrap();
    assert!(holder.await.unwrap().is_err());
    let answer = accepting.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(site.history(&id).await.len(), 4);
    assert_eq!(site.jobs("mqtt.grant", &id).await.len(), 1);
}
