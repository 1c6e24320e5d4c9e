//! Every state in a real browser: on a dark telephone and a light desktop, with axe-core and a picture each; and by
//! keyboard alone.

use std::time::Duration;

use test_support::chromium::{Chromium, Look, Scheme, Scripts};
use test_support::wait;

use crate::site::{DEADLINE, FULL, INBOUND, Options, RAW, Site};
use crate::states::{VALUES, WAYS, send};

async fn start() -> Site {
    Site::start_with(Options {
        arguments: vec![
            ("--operator-contact", "help@sunny.example".to_owned()),
            (
                "--operator-privacy-url",
                "https://sunny.example/privacy".to_owned(),
            ),
            ("--operator-name", "Sunny Side Solar".to_owned()),
        ],
        ..Options::default()
    })
    .await
}

/// The driver of the browser logs addresses, so this is nobody whom other tests look for in the logs.
fn link(need: &str) -> String {
    format!("/permissions/new?dataNeedId={need}&connectionId=somebody-else")
}

/// Those whose pages have something that the others do not have.
const SHAPES: [&str; 8] = [
    "asked", "overdue", "seen", "silent", "unseen", "reading", "revoked", "ended",
];

/// The languages take turns: each state is looked at in one, and in the other on the telephone, where it is narrow.
#[tokio::test(flavor = "multi_thread")]
async fn states_are_accessible_in_light_and_dark() {
    let site = start().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    let turns = [("en", "de"), ("de", "en")].into_iter().cycle();
    for (way, (first, second)) in WAYS.iter().zip(turns) {
        let path = way.take(&site).await;
        browser
            .open(&site.url(&format!("{path}?lang={first}")))
            .await;
        let name = format!("home-{}-{first}", way.name);
        if SHAPES.contains(&way.name) {
            browser.inspect(&name).await;
        } else {
            browser.inspect_small(&name).await;
        }
        browser
            .open(&site.url(&format!("{path}?lang={second}")))
            .await;
        let name = format!("home-{}-{second}", way.name);
        browser.inspect_small(&name).await;
    }
    for (name, path) in [
        ("link", "/permissions/new?connectionId=c".to_owned()),
        ("unknown", "/permissions/unknown?lang=de".to_owned()),
        (
            "several",
            link(&format!("{RAW}&dataNeedId={FULL}&dataNeedId={INBOUND}")),
        ),
        ("ask", format!("{}&embed=1&lang=en", link(FULL))),
    ] {
        browser.open(&site.url(&path)).await;
        browser.inspect(&format!("home-{name}")).await;
    }
    let mut complaints = browser.complaints().await;
    // The browser says so of pages that are there to say it.
    complaints.retain(|it| !it.contains("status of 40"));
    assert_eq!(complaints, Vec::<String>::new());
    browser.close().await;
}

/// From the code to the older code with Tab, Enter and nothing else; and what is open stays open when the page changes.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_by_keyboard_alone() {
    let site = start().await;
    let browser = Chromium::start(Scripts::On, (1280, 900)).await;
    browser.open(&site.url(&link(RAW))).await;
    let focused = "(document.activeElement.id || document.activeElement.dataset.copy \
                   || document.activeElement.parentElement.id || document.activeElement.lang \
                   || document.activeElement.className || 'link')";
    let mut way = Vec::new();
    for _ in 0..6 {
        browser.press(Chromium::TAB).await;
        way.push(browser.evaluate(focused).await);
        let outline = "getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(
            browser.evaluate(outline).await,
            "solid",
            "focus is seen: {way:?}"
        );
    }
    assert_eq!(way, ["skip", "code", "code", "help-scan", "older", "link"]);
    // To the older code, by Enter.
    browser
        .evaluate("document.querySelector('.older').focus()")
        .await;
    browser.press(Chromium::ENTER).await;
    wait::until(DEADLINE, "the older code", async || {
        (browser.number_of("#current").await == 1).then_some(())
    })
    .await;
    // The page changes while one reads the help: what is open and where one is stays so.
    browser
        .evaluate("document.querySelector('summary').focus()")
        .await;
    browser.press(Chromium::ENTER).await;
    browser.evaluate("window.here = 1").await;
    site.sql("UPDATE aiida.permission SET code = 'single'")
        .await;
    wait::until(DEADLINE, "the page to be replaced", async || {
        (browser.number_of("[data-state=seen]").await == 1).then_some(())
    })
    .await;
    site.sql("UPDATE aiida.permission SET code = NULL").await;
    wait::until(DEADLINE, "the page to be replaced", async || {
        (browser.number_of("[data-state=asked]").await == 1).then_some(())
    })
    .await;
    assert_eq!(
        browser
            .evaluate("document.getElementById('help-scan').open")
            .await,
        "true"
    );
    assert_eq!(
        browser.evaluate("window.here").await,
        "1",
        "it was not loaded again"
    );
    browser.close().await;
}

/// The page follows by itself, in German too, and its values with it.
#[tokio::test(flavor = "multi_thread")]
async fn values_move_while_one_looks() {
    let site = start().await;
    let browser = Chromium::start(Scripts::On, (1280, 900)).await;
    let path = WAYS[4].take(&site).await;
    browser.open(&site.url(&format!("{path}?lang=de"))).await;
    browser.wait_for_title("Zugestimmt").await;
    let id = site
        .texts("SELECT id FROM aiida.permission")
        .await
        .remove(0);
    send(&site, &id, &VALUES).await;
    site.sql("UPDATE aiida.permission SET last_message_at = now()")
        .await;
    browser
        .wait_for_title_in(&["Messwerte kommen an"], Duration::from_secs(20))
        .await;
    assert!(browser.text("dl.values").await.contains("1,234"));
    send(&site, &id, &[("1-0:1.7.0", "2.500", "<b>kW</b>")]).await;
    wait::until(DEADLINE, "the next value", async || {
        let shown = browser.text("dl.values").await;
        shown
            .replace('\u{a0}', " ")
            .contains("2,500 <b>kW</b>")
            .then_some(())
    })
    .await;
    assert_eq!(browser.number_of("dl.values b").await, 0);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}
