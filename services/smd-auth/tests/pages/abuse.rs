//! The way through, and everything that others may do to it.

use std::time::Duration;

use test_support::wait;

use crate::browser::{Browser, parameter};
use crate::site::{Options, Site};
use crate::views::STEPS;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_authorizes_and_arrives_at_the_progress_page() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    // PG&E sends those who start there to the portal's address with these.
    let consent = browser
        .get(&site.url("/?scope=FB%3D4_5&ThirdPartyID=%3Cb%3E52111"))
        .await;
    assert_eq!(consent.status, 200);
    consent.assert_is_a_page();
    assert!(!consent.body.contains("52111"), "the address is not shown");
    assert!(
        browser.cookies.is_empty(),
        "a cookie before anything was begun"
    );

    let (authorize, state) = browser.start().await;
    assert_eq!(browser.cookies.len(), 1);
    assert_eq!(parameter(&authorize, "login").as_deref(), Some("guest"));
    let redirect = parameter(&authorize, "redirect_uri").unwrap();
    assert_eq!(redirect, site.url("/OAuthCallback"));
    assert_eq!(state.len(), 43, "256 bits");

    let callback = browser.authorize(&authorize, "fable").await;
    let answer = browser.get(&callback).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert!(browser.states().is_empty(), "the cookie is taken back");

    let location = answer.location();
    let ticket = location.strip_prefix("/status/").unwrap();
    site.keep_private(ticket);
    assert_eq!(ticket.len(), 32, "192 bits");
    assert!(
        ticket
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    let progress = browser.get(&site.url(&location)).await;
    assert_eq!(
        (progress.status, progress.title().as_str()),
        (200, "Thank you")
    );
    progress.assert_is_a_page();

    assert_eq!(
        site.count("smd.authorization WHERE stage = 'fetching'")
            .await,
        1
    );
    assert_eq!(
        site.texts("SELECT kind || ' ' || state FROM jobs.job")
            .await,
        ["smd.fetch available"]
    );
    assert_eq!(
        site.counts(),
        ["smd_authorizations_total 1", "smd_logins_started_total 1"]
    );
    assert_stored_only_sealed(&site, ticket, &state, &callback).await;
    site.assert_nothing_private_was_logged();
}

/// Everything in the database as text holds neither ticket, state, code nor token.
async fn assert_stored_only_sealed(site: &Site, ticket: &str, state: &str, callback: &str) {
    let rows = site
        .texts(
            "SELECT a::text FROM smd.authorization a UNION ALL SELECT l::text FROM smd.login l
             UNION ALL SELECT j::text FROM jobs.job j",
        )
        .await
        .join("\n");
    assert!(rows.contains("fetching") && rows.contains("smd.fetch"));
    let code = parameter(callback, "code").unwrap();
    for secret in [ticket, state, &code] {
        let hex = secret
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert!(
            !rows.contains(secret) && !rows.contains(&hex),
            "{secret} is stored"
        );
    }
    let jobs = site.texts("SELECT payload FROM jobs.job").await;
    assert!(jobs[0].starts_with("{\"authorization\": \""), "{jobs:?}");
    assert_eq!(
        site.count("smd.authorization WHERE octet_length(access_token) > 40")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_name_of_the_code_is_read() {
    let site = Site::start_with(Options {
        custodian: vec![("--code-parameter", "authorization_code")],
        ..Options::default()
    })
    .await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    assert!(callback.contains("authorization_code="), "{callback}");
    let answer = browser.get(&callback).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_do_not_disturb_each_other() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let (first, _) = browser.start().await;
    let (second, _) = browser.start().await;
    assert_eq!(browser.cookies.len(), 2);
    let second = browser.authorize(&second, "fable").await;
    let first = browser.authorize(&first, "later").await;
    // Both come back, in the other order, with all cookies of the browser.
    for callback in [first, second] {
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
    assert_eq!(
        site.count("smd.authorization WHERE stage = 'fetching'")
            .await,
        2
    );
    assert!(browser.states().is_empty());
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_browser_keeps_few_states_and_the_newest_work() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let mut last = String::new();
    for _ in 0..20 {
        last = browser.start().await.0;
    }
    assert!(browser.cookies.len() <= 8, "{}", browser.cookies.len());
    let callback = browser.authorize(&last, "fable").await;
    assert_eq!(browser.get(&callback).await.status, 303);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_another_browser_is_refused() {
    let site = Site::start().await;
    let mut attacker = Browser::new(&site);
    let callback = attacker.walk_to_callback("fable").await;

    // No cookie at all: the attacker's link, opened by a victim.
    let answer = Browser::new(&site).get(&callback).await;
    site.assert_refused(
        &answer,
        400,
        "This link does not belong to this browser",
        "foreign",
    );
    assert_eq!(answer.header("set-cookie"), "");

    // The victim has a cookie of its own, even under the attacker's name.
    let mut victim = Browser::new(&site);
    victim.start().await;
    let own = victim.cookies.values().next().unwrap().clone();
    let name = attacker.cookies.keys().next().unwrap().clone();
    victim.cookies.insert(name, own);
    let answer = victim.get(&callback).await;
    assert_eq!(answer.title(), "This link does not belong to this browser");
    assert_eq!(site.count("smd.authorization").await, 0);

    // Neither attempt has used the state up.
    assert_eq!(attacker.get(&callback).await.status, 303);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_slipped_to_another_browser_is_not_exchanged() {
    let site = Site::start().await;
    let mut attacker = Browser::new(&site);
    let stolen = attacker.walk_to_callback("fable").await;
    let mut victim = Browser::new(&site);
    let (_, state) = victim.start().await;

    // The attacker's address with the victim's cookies: the state is the attacker's.
    let answer = victim.get(&stolen).await;
    site.assert_refused(
        &answer,
        400,
        "This link does not belong to this browser",
        "foreign",
    );

    // A state nobody issued.
    let code = parameter(&stolen, "code").unwrap();
    let made_up = site.url(&format!("/OAuthCallback?code={code}&state=made-up"));
    let answer = victim.get(&made_up).await;
    assert_eq!(
        (answer.status, site.count("smd.authorization").await),
        (400, 0)
    );
    assert!(
        site.counts()
            .contains(&"smd_callbacks_refused_total{reason=\"unknown\"} 1".to_owned())
    );

    // A made-up code in the victim's own session: the custodian refuses it, in words.
    let wrong = site.url(&format!(
        "/OAuthCallback?code=madeup0123456789&state={state}"
    ));
    let answer = victim.get(&wrong).await;
    assert_eq!(
        (answer.status, answer.title().as_str()),
        (502, "PG&E did not complete the authorization")
    );
    assert!(
        answer.text().contains("expired or was used before"),
        "{}",
        answer.text()
    );
    answer.assert_is_a_page();
    site.assert_nothing_private_was_logged();
}

/// RFC 9700, section 4.5: without PKCE nothing ties a code to the browser that it was made for. Whoever brings it in a
/// session of their own has the progress page, which names nobody; the customer has to start again.
#[tokio::test(flavor = "multi_thread")]
async fn an_injected_code_is_exchanged_and_shows_nobodys_data() {
    let site = Site::start().await;
    let mut victim = Browser::new(&site);
    let stolen = victim.walk_to_callback("fable").await;
    let code = parameter(&stolen, "code").unwrap();
    let mut attacker = Browser::new(&site);
    let (_, state) = attacker.start().await;
    let injected = site.url(&format!("/OAuthCallback?code={code}&state={state}"));
    let answer = attacker.get(&injected).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let progress = answer.location();
    site.keep_private(progress.strip_prefix("/status/").unwrap());
    site.assert_nothing_private_was_logged();

    let customer = site.customer("fable");
    let subscription = site.authorizations().await[0].id.to_string();
    site.sql(&format!(
        "UPDATE smd.authorization SET customer_name = '{0}', electricity_file = '{0}.csv'",
        customer.name
    ))
    .await;
    let personal = [
        customer.name.as_str(),
        &customer.account,
        &subscription,
        // The usage points of the steps.
        "100000000",
        &code,
    ];
    for (name, step) in STEPS {
        site.sql(step).await;
        let page = attacker.get(&site.url(&progress)).await;
        assert_eq!(page.status, 200, "{name}");
        let told = personal.iter().find(|text| page.body.contains(**text));
        assert_eq!(told, None, "{name}: {}", page.body);
    }

    let answer = victim.get(&stolen).await;
    let title = "PG&E did not complete the authorization";
    site.assert_refused(&answer, 502, title, "code_refused");
    assert!(answer.text().contains("used before"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_works_once() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    let cookies = browser.cookies.clone();
    assert_eq!(browser.get(&callback).await.status, 303);
    browser.cookies = cookies;
    let answer = browser.get(&callback).await;
    site.assert_refused(&answer, 409, "This link has been used already", "replayed");
    assert_eq!(site.count("smd.authorization").await, 1);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_callbacks_at_once_one_succeeds() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    let mut other = Browser::new(&site);
    other.cookies = browser.cookies.clone();
    let (first, second) = tokio::join!(browser.get(&callback), other.get(&callback));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(site.count("smd.authorization").await, 1);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    assert_eq!(browser.get(&callback).await.status, 303);
    // The used code under a fresh state of the same browser.
    let (_, state) = browser.start().await;
    let code = parameter(&callback, "code").unwrap();
    let answer = browser
        .get(&site.url(&format!("/OAuthCallback?code={code}&state={state}")))
        .await;
    let title = "PG&E did not complete the authorization";
    site.assert_refused(&answer, 502, title, "code_refused");
    assert!(answer.text().contains("used before"), "{}", answer.text());
    assert!(browser.states().is_empty());
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_expires() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let callback = browser.walk_to_callback("fable").await;
    site.sql("UPDATE smd.login SET expires_at = now() - interval '1 second'")
        .await;
    let answer = browser.get(&callback).await;
    site.assert_refused(&answer, 410, "That took too long", "expired");
    assert_eq!(site.count("smd.authorization").await, 0);
    site.assert_nothing_private_was_logged();
}

/// At a custodian that keeps the number of the subscription.
#[tokio::test(flavor = "multi_thread")]
async fn authorizing_again_replaces_the_older_authorization() {
    let site = Site::start().await;
    let (mut browser, first) = site.authorized().await;
    let again = browser.walk_to_callback("fable").await;
    let newest = site
        .authorizations()
        .await
        .into_iter()
        .map(|it| it.id)
        .max()
        .unwrap();
    site.sql(&format!(
        "UPDATE smd.authorization SET subscription_id = '{newest}'"
    ))
    .await;
    let second = browser.get(&again).await.location();
    assert_ne!(first, second);
    let page = browser.get(&site.url(&first)).await;
    assert_eq!(page.title(), "You have authorized again");
    assert!(
        !page.body.contains("http-equiv"),
        "nothing more will happen there"
    );
    let page = browser.get(&site.url(&second)).await;
    assert_eq!(page.title(), "Thank you");
    assert_eq!(
        site.count("smd.authorization WHERE access_token IS NOT NULL")
            .await,
        1
    );
    assert_eq!(
        site.count("smd.authorization WHERE released_at IS NULL")
            .await,
        1
    );
    site.assert_nothing_private_was_logged();
}

/// At one that numbers each authorization anew and tells that the older one has ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_authorization_that_the_custodian_ends_is_looked_at_again() {
    let site = Site::start_with(Options {
        custodian: vec![("--notify-delay-ms", "1")],
        notified: true,
        ..Options::default()
    })
    .await;
    let (mut browser, first) = site.authorized().await;
    let again = browser.walk_to_callback("fable").await;
    let second = browser.get(&again).await.location();
    assert_ne!(first, second);
    wait::until(DEADLINE, "the recheck of the older authorization", async || {
        let older = "jobs.job j JOIN (SELECT id FROM smd.authorization ORDER BY authorized_at LIMIT 1) a \
                     ON j.payload->>'authorization' = a.id::text WHERE j.kind = 'smd.recheck'";
        (site.count(older).await == 1).then_some(())
    })
    .await;
    site.assert_nothing_private_was_logged();
}
