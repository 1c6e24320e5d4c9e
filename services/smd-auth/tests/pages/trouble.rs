//! What breaks between two steps.

use std::io::Write as _;
use std::time::Duration;

use test_support::wait;

use crate::browser::{Browser, parameter};
use crate::site::{Options, Site};

const DEADLINE: Duration = Duration::from_secs(20);

/// Makes every new authorization fail, as if the database were gone just then.
const LOSE: &str = "CREATE FUNCTION smd.lose() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the disk of ledger 1000000001 is gone'; END $$;
    CREATE TRIGGER lose BEFORE INSERT ON smd.authorization FOR EACH ROW EXECUTE FUNCTION smd.lose();";

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_lost_after_the_exchange_asks_to_start_again() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    site.sql(LOSE).await;
    let answer = browser.get(&callback).await;
    site.assert_refused(&answer, 503, "Please authorize once more", "lost");
    insta::assert_snapshot!("lost", answer.text());
    assert_eq!(site.count("smd.authorization").await, 0);
    assert_eq!(
        site.count("jobs.job").await,
        0,
        "no job without its authorization"
    );
    assert!(browser.cookies.is_empty());

    // The customer does as told, and is through.
    site.sql("DROP TRIGGER lose ON smd.authorization").await;
    let again = browser.walk_to_callback("fable").await;
    assert_eq!(browser.get(&again).await.status, 303);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stumbles_after_the_exchange_costs_nothing() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    site.sql(LOSE).await;
    let repaired = async {
        // Two attempts have failed.
        wait::until(DEADLINE, "the code to be exchanged", async || {
            let used = "smd.login WHERE used_at IS NOT NULL";
            (site.count(used).await == 1).then_some(())
        })
        .await;
        site.sql("DROP TRIGGER lose ON smd.authorization").await;
    };
    let (answer, ()) = tokio::join!(browser.get(&callback), repaired);
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(site.count("smd.authorization").await, 1);
    assert_eq!(site.count("jobs.job").await, 1);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_broke_meanwhile_are_replaced() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    site.database.terminate_backends().await.unwrap();
    let answer = browser.get(&callback).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_pages_say_so_and_nothing_is_spent() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    site.sql("ALTER TABLE smd.login RENAME TO hidden; ALTER TABLE smd.pull RENAME TO hidden_pull")
        .await;
    for url in [
        callback.clone(),
        site.url("/start"),
        site.url("/status/unknown"),
    ] {
        let answer = browser.get(&url).await;
        assert_eq!(
            (answer.status, answer.title().as_str()),
            (503, "Something went wrong on our side")
        );
        answer.assert_is_a_page();
        assert!(!answer.body.contains("smd."), "{}", answer.body);
    }
    assert_eq!(
        site.counts_of("smd_callbacks"),
        ["smd_callbacks_refused_total{reason=\"unasked\"} 1"]
    );
    site.sql("ALTER TABLE smd.hidden RENAME TO login; ALTER TABLE smd.hidden_pull RENAME TO pull")
        .await;
    assert_eq!(browser.get(&callback).await.status, 303);
    site.assert_nothing_private_was_logged();
}

/// The customer closes the tab while the custodian is being asked: the code is on its way, and what
/// comes of it must not be lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_leaves_during_the_exchange_loses_nothing() {
    let site = Site::start_with(Options {
        service: vec![("--smd-request-spacing", "1500".to_owned())],
        ..Options::default()
    })
    .await;
    let mut browser = Browser::new(&site);
    let first = browser.walk_to_callback("fable").await;
    let second = browser.walk_to_callback("later").await;
    assert_eq!(browser.get(&first).await.status, 303);
    // The next request to the custodian has to wait for its turn.
    let path = second.strip_prefix(&site.base).unwrap();
    let (name, value) = browser.states().into_iter().next().unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {name}={value}\r\n\r\n");
    let mut tab = std::net::TcpStream::connect(site.base.strip_prefix("http://").unwrap()).unwrap();
    tab.write_all(request.as_bytes()).unwrap();
    wait::until(DEADLINE, "the state to be used", async || {
        let used = "smd.login WHERE used_at IS NOT NULL";
        (site.count(used).await == 2).then_some(())
    })
    .await;
    drop(tab);
    wait::until(
        DEADLINE,
        "the authorization of the closed tab",
        async || (site.count("smd.authorization").await == 2).then_some(()),
    )
    .await;
    assert_eq!(site.count("jobs.job WHERE kind = 'smd.fetch'").await, 2);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custodian_that_is_away_is_said_in_words() {
    let site = Site::start_with(Options {
        // Port 1 is reserved: nobody listens there.
        service: vec![("--smd-api-url", "https://localhost:1".to_owned())],
        ..Options::default()
    })
    .await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    let answer = browser.get(&callback).await;
    let title = "PG&E did not complete the authorization";
    site.assert_refused(&answer, 502, title, "exchange");
    assert!(
        answer.text().contains("cannot be reached"),
        "{}",
        answer.text()
    );
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_wrong_secret_is_not_blamed_on_the_customer() {
    let site = Site::start_with(Options {
        service: vec![("--smd-client-secret", "another-fictional-secret".to_owned())],
        ..Options::default()
    })
    .await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    assert!(parameter(&callback, "code").is_some());
    let answer = browser.get(&callback).await;
    let title = "PG&E did not complete the authorization";
    site.assert_refused(&answer, 502, title, "exchange");
    assert!(
        answer.text().contains("our own access"),
        "{}",
        answer.text()
    );
    site.keep_private("another-fictional-secret");
    site.assert_nothing_private_was_logged();
}
