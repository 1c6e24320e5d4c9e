//! What an operator does on a day: looks, searches, reads why something failed, does something about it.

use std::time::Duration;

use test_support::chromium::{Chromium, Look, Scheme};
use test_support::wait;

use crate::inhabitants::{CUSTOMER, PERMISSION};
use crate::world::World;

const LONGEST: Duration = Duration::from_secs(45);

/// Every page that only shows something, and what it is called.
fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("overview", "/console/".to_owned()),
        ("customers", "/console/customers".to_owned()),
        ("customer", format!("/console/customers/{CUSTOMER}")),
        (
            "customer-failed",
            "/console/customers/11111111-1111-4111-8111-111111111112".to_owned(),
        ),
        (
            "customer-fetching",
            "/console/customers/11111111-1111-4111-8111-111111111113".to_owned(),
        ),
        ("permissions", "/console/permissions".to_owned()),
        ("permission", format!("/console/permissions/{PERMISSION}")),
        ("jobs", "/console/jobs".to_owned()),
        (
            "jobs-of-a-kind",
            "/console/jobs?kind=smd.collect".to_owned(),
        ),
        ("discarded", "/console/discarded".to_owned()),
        ("refused", "/console/refused".to_owned()),
        ("refused-one", "/console/refused/1".to_owned()),
        ("custodian", "/console/custodian".to_owned()),
        ("audit", "/console/audit".to_owned()),
        ("ask-erase", format!("/console/customers/{CUSTOMER}/erase")),
        (
            "ask-terminate",
            format!("/console/permissions/{PERMISSION}/terminate"),
        ),
        ("not-there", "/console/customers/nobody".to_owned()),
    ]
}

/// Each page on a dark telephone and a light desktop, and the one at the end of an erasure: axe finds nothing, nothing scrolls sideways, nothing complains.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_good_for_everybody() {
    let world = World::shared().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    world.let_in(&browser).await;
    for (name, path) in pages() {
        browser.open(&world.url(&path)).await;
        assert_ne!(browser.title().await, "owned");
        browser.inspect(&format!("console-{name}")).await;
        assert_eq!(browser.number_of("main b").await, 0, "{name}");
    }
    let gone = world.first_permission("house-6").await;
    browser
        .open(&world.url(&format!("/console/permissions/{gone}/erase")))
        .await;
    browser.click("input[name=sure]").await;
    browser.click("main button").await;
    wait::until(LONGEST, "the erasure", async || {
        (browser.text("h1").await == "Erased").then_some(())
    })
    .await;
    browser.inspect("console-erased").await;
    let complaints = browser.complaints().await;
    let complaints: Vec<_> = complaints.iter().filter(|it| !it.contains("404")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_comes_in_while_an_operator_looks() {
    let world = World::shared().await;
    let browser = Chromium::with(Look::desktop(Scheme::Dark, "en")).await;
    world.let_in(&browser).await;
    let permission = format!("/console/permissions/{PERMISSION}");
    browser.open(&world.url(&permission)).await;
    assert_eq!(browser.number_of("#live svg[role=img]").await, 1);
    assert_eq!(browser.text("#pause button").await, "Pause updates");
    world
        .sql(&format!(
            "INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
             SELECT '{PERMISSION}', t, '\\x01', 0, t, '1-0:1.7.0', 9.875, 'kW' FROM (SELECT clock_timestamp() AS t) n"
        ))
        .await;
    // The page is not loaded again: only this part of it changes.
    browser.evaluate("window.kept = 'kept'").await;
    wait::until(LONGEST, "the new reading", async || {
        browser.text("#live").await.contains("9.875").then_some(())
    })
    .await;
    assert_eq!(browser.evaluate("window.kept").await, "kept");
    browser.picture("console-permission-live").await;
    browser.click("#pause button").await;
    assert_eq!(browser.text("#said").await, "Updates are paused.");
    browser.close().await;
}

/// Tab, Enter and Space: from the overview to a discarded job, its reasons, and its retry.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_retried_by_keyboard_alone() {
    let world = World::shared().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    world.let_in(&browser).await;
    reach(&browser, "a[href='/console/discarded']").await;
    browser.press(Chromium::ENTER).await;
    browser
        .wait_for_title("Discarded work - Metergate console")
        .await;
    reach(&browser, "tbody tr th a").await;
    browser.press(Chromium::ENTER).await;
    wait::until(LONGEST, "the job", async || {
        browser.title().await.starts_with("Job ").then_some(())
    })
    .await;
    assert!(
        browser
            .text("main")
            .await
            .contains("attempt 4: the custodian answered 503")
    );
    browser.inspect("console-job").await;
    reach(&browser, "a[href$='/retry']").await;
    browser.press(Chromium::ENTER).await;
    wait::until(LONGEST, "the question", async || {
        browser.title().await.starts_with("Run job ").then_some(())
    })
    .await;
    browser.inspect("console-ask-retry").await;
    reach(&browser, "main button").await;
    browser.press(Chromium::ENTER).await;
    wait::until(LONGEST, "the answer", async || {
        let said = browser.text("main").await;
        said.contains("It runs again.").then_some(())
    })
    .await;
    browser.open(&world.url("/console/audit")).await;
    let audit = browser.text("main tbody tr").await;
    assert!(
        audit.contains("job.retried") && audit.contains("operator"),
        "{audit}"
    );
    browser.close().await;
}

/// Presses Tab until the first element that matches has the focus, which can be seen.
async fn reach(browser: &Chromium, selector: &str) {
    let has_focus = format!("document.activeElement === document.querySelector(\"{selector}\")");
    for _ in 0..120 {
        browser.press(Chromium::TAB).await;
        if browser.evaluate(&has_focus).await == "true" {
            let outline = "getComputedStyle(document.activeElement).outlineStyle";
            assert_ne!(
                browser.evaluate(outline).await,
                "none",
                "{selector}: the focus is not seen"
            );
            return;
        }
    }
    assert_eq!(selector, "", "was not reached by Tab");
}

/// Forms and links are enough: search, paging, an end that aiida-permission carries out, and an erasure.
#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() {
    let world = World::shared().await;
    let browser = Chromium::with(Look::phone(Scheme::Light, "en").without_scripts()).await;
    world.let_in(&browser).await;
    browser.open(&world.url("/console/customers")).await;
    browser.click("a[rel=next]").await;
    assert!(browser.address().await.1.unwrap().starts_with("after="));
    browser.fill("input[name=q]", "ejem").await;
    browser.click("form[role=search] button").await;
    wait::until(LONGEST, "the search", async || {
        let text = browser.text("main").await;
        text.contains("Known by “ejem”").then_some(())
    })
    .await;
    // What was typed is in no address.
    assert_eq!(
        browser.address().await,
        ("/console/customers".to_owned(), None)
    );
    browser.picture("console-search").await;
    browser.click("tbody tr th a").await;
    assert_eq!(browser.text("h1").await, "Ana Ejemplo");

    let other = world.first_permission("house-4").await;
    browser
        .open(&world.url(&format!("/console/permissions/{other}")))
        .await;
    assert_eq!(
        browser.number_of("#pause a").await,
        1,
        "without scripts a link loads again"
    );
    browser.click("a[href$='/terminate']").await;
    browser.click("main button").await;
    wait::until(LONGEST, "the answer", async || {
        let said = browser.text("main").await;
        said.contains("aiida-permission sees to it").then_some(())
    })
    .await;
    wait::until(LONGEST, "the end of the permission", async || {
        browser.reload().await;
        browser
            .text("#live")
            .await
            .contains("ending, the home is told")
            .then_some(())
    })
    .await;

    let erased = world.first_permission("house-8").await;
    browser
        .open(&world.url(&format!("/console/permissions/{erased}")))
        .await;
    browser.click("a[href$='/erase']").await;
    browser.click("input[name=sure]").await;
    browser.click("main button").await;
    wait::until(LONGEST, "the erasure", async || {
        (browser.text("h1").await == "Erased").then_some(())
    })
    .await;
    let text = browser.text("main").await;
    assert!(
        text.contains("The broker holds nothing of the homes any more."),
        "{text}"
    );
    browser.picture("console-erased").await;
    browser.close().await;
}

/// The download page and what it leads to.
#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_finds_and_opens_a_report() {
    let world = World::shared().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    world.let_download(&browser).await;
    browser.inspect("output").await;
    assert_eq!(browser.number_of("main img").await, 0);
    browser.fill("input[name=q]", "jane").await;
    browser.click("form[role=search] button").await;
    wait::until(LONGEST, "the search", async || {
        (browser.number_of("section").await == 1).then_some(())
    })
    .await;
    assert!(browser.text("section").await.contains("removed after"));
    browser.click("section li a").await;
    browser.wait_for_title("A report").await;
    // Its style is taken, its script is not.
    assert_eq!(
        browser
            .evaluate("getComputedStyle(document.querySelector('h1')).color")
            .await,
        "rgb(0, 128, 0)"
    );
    assert_eq!(browser.title().await, "A report");
    // Whoever downloads is no operator.
    let answer = world.status_as_reader("/console/").await;
    assert_eq!(answer, 401);
    browser.close().await;
}
