//! A home has stored ACCEPTED before it asks and asks once: whatever breaks in between, it must get its answer.

use std::sync::Arc;
use std::time::Duration;

use test_support::wait;
use tokio::task::JoinHandle;

use crate::proxy::Proxy;
use crate::site::{DEADLINE, FULL, Options, Site, handshake, is_logged};

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
        .texts("SELECT password_hash FROM aiida.credential")
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
    let holder = hold(&site, &id).await;
    let accepting = {
        let site = Arc::clone(&site);
        let (url, token) = (handshake(&code, 0), code.access_token.clone());
        tokio::spawn(async move { site.patch(&url, &token, "ACCEPT").await })
    };
    until_there(&site, "wait_event_type = 'Lock'").await;
    site.database.terminate_backends().await.unwrap();
    assert!(!holder.await.unwrap(), "cut off");
    let answer = accepting.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(site.history(&id).await.len(), 4);
    assert_eq!(site.jobs("mqtt.grant", &id).await.len(), 1);
}

/// Before it has looked at anything: the home's request comes while the database is away.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_down_when_the_answer_comes() {
    let proxy = Proxy::default();
    let before = proxy.clone();
    let site = Arc::new(
        Site::start_with(Options {
            database: Some(Box::new(move |url| before.before(&url))),
            ..Options::default()
        })
        .await,
    );
    let code = site.request(&[FULL]).await;
    let id = code.permission_ids[0].to_string();
    proxy.cut_off(true);
    let accepting = {
        let site = Arc::clone(&site);
        let (url, token) = (handshake(&code, 0), code.access_token.clone());
        tokio::spawn(async move { site.patch(&url, &token, "ACCEPT").await })
    };
    let said = format!("a home's answer could not be handled yet permission={id}");
    wait::until(DEADLINE, "an attempt to have failed", async || {
        (is_logged(&said) || accepting.is_finished()).then_some(())
    })
    .await;
    proxy.cut_off(false);
    let answer = accepting.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(site.status(&id).await, "ACCEPTED");
}

/// Whoever sends an ACCEPT many times at once gets one hash computed, not many.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_answer_does_not_wait_for_the_first() {
    let site = Arc::new(Site::start().await);
    let code = site.request(&[FULL]).await;
    let id = code.permission_ids[0].to_string();
    let accept = || {
        let site = Arc::clone(&site);
        let (url, token) = (handshake(&code, 0), code.access_token.clone());
        async move { site.patch(&url, &token, "ACCEPT").await }
    };
    // The first is in the middle of its transaction.
    let holder = hold(&site, &id).await;
    let first = tokio::spawn(accept());
    until_there(&site, "wait_event_type = 'Lock'").await;
    for _ in 0..20 {
        let second = tokio::time::timeout(Duration::from_secs(10), accept());
        let second = second.await.expect("an answer at once");
        assert_eq!((second.status, second.errors().len()), (409, 1));
    }
    assert!(!first.is_finished());
    site.database.terminate_backends().await.unwrap();
    assert!(!holder.await.unwrap(), "cut off");
    let first = first.await.unwrap();
    assert_eq!(first.status, 200, "{}", first.body);
}

/// Somebody holds the permission's row until the database cuts everybody off; answers whether it was let go in peace.
async fn hold(site: &Arc<Site>, id: &str) -> JoinHandle<bool> {
    let hold = format!(
        "DO $$ BEGIN
             PERFORM FROM aiida.permission WHERE id = '{id}' FOR UPDATE;
             PERFORM pg_sleep(60);
         END $$"
    );
    let holder = {
        let site = Arc::clone(site);
        tokio::spawn(async move { site.database.sql(&hold).await.is_ok() })
    };
    until_there(site, "wait_event = 'PgSleep'").await;
    holder
}

async fn until_there(site: &Site, what: &str) {
    let query =
        format!("SELECT 'x' FROM pg_stat_activity WHERE datname = current_database() AND {what}");
    wait::until(DEADLINE, what, async || {
        (!site.texts(&query).await.is_empty()).then_some(())
    })
    .await;
}
