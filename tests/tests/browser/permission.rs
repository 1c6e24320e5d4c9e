//! The page with the code for a home, from the link to the end of the permission, with scripts and without.

use std::time::Duration;

use demo::{Side, Stack, StackOptions};
use end_to_end::houses::DATA_NEEDS;
use home::{Generation, Home, Options};
use uuid::Uuid;

use crate::chromium::{Chromium, Scripts};

/// A data need that sends every five seconds: long enough for the time between to be seen.
const LIVE: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e05";
/// Without scripts the page loads itself again within half a minute.
const LONGEST: Duration = Duration::from_secs(45);
const WAITING: &str = "Share data from your home";

fn options() -> StackOptions {
    let setting = (
        "METERGATE_AIIDA_DATA_NEEDS".to_owned(),
        DATA_NEEDS.to_owned(),
    );
    StackOptions {
        fast: true,
        side: Side::NearRealTime,
        services: vec![setting],
        ..StackOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_watches_its_home_connect() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(folder.path(), &options()).await.unwrap();
    let wide = Chromium::start(Scripts::On, (1100, 1400)).await;
    with_scripts(&wide, &stack).await;
    wide.close().await;
    let narrow = Chromium::start(Scripts::Off, (400, 1400)).await;
    without_scripts(&narrow, &stack).await;
    narrow.close().await;
}

/// The page takes every step by itself.
async fn with_scripts(browser: &Chromium, stack: &Stack) {
    open(browser, stack).await;
    assert_code_is_readable(browser, 300.0).await;
    browser.picture("permission-1-waiting").await;
    let (.., can_copy) = browser.size("button[data-copy=code]").await;
    assert!(can_copy, "the copy button is for who has scripts");
    browser.click("button[data-copy=code]").await;
    assert_copied(browser).await;
    browser.picture("permission-2-copied").await;
    browser.click("summary").await;
    assert!(browser.size("textarea#older-0").await.2);
    browser.picture("permission-3-older").await;

    let (home, permission) = scan(browser, stack, "code", Generation::June2026).await;
    // It connects at once and sends at the next five seconds.
    browser
        .wait_for_title_in(&["Accepted", "Connected"], LONGEST)
        .await;
    browser.picture("permission-4-accepted").await;
    browser.wait_for_title_in(&["Connected"], LONGEST).await;
    assert!(browser.text(".state").await.starts_with("active"));
    assert_eq!(
        browser.number_of("textarea").await,
        0,
        "nothing is left to scan"
    );
    browser.picture("permission-5-connected").await;

    home.revoke(permission).await.unwrap();
    browser
        .wait_for_title_in(&["This request is closed"], LONGEST)
        .await;
    assert!(browser.text(".state").await.starts_with("withdrawn"));
    browser.picture("permission-6-withdrawn").await;
    let (before, _) = browser.address().await;
    browser.click("form button").await;
    browser.wait_for_title(WAITING).await;
    let (after, _) = browser.address().await;
    assert_ne!(before, after, "a new request has a page of its own");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    home.stop().await;
}

/// The same for who has switched scripts off, on a telephone.
async fn without_scripts(browser: &Chromium, stack: &Stack) {
    open(browser, stack).await;
    assert_code_is_readable(browser, 250.0).await;
    assert!(
        !browser.size("button[data-copy=code]").await.2,
        "it would do nothing"
    );
    let wide = browser.size("main").await.0;
    assert!(wide <= 400.0, "the page is {wide} wide");
    browser.picture("permission-1-waiting").await;
    let (home, _) = scan(browser, stack, "older-0", Generation::November2025).await;
    browser
        .wait_for_title_in(&["Accepted", "Connected"], LONGEST)
        .await;
    browser.wait_for_title_in(&["Connected"], LONGEST).await;
    browser.picture("permission-5-connected").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    home.stop().await;
}

/// The link of the eligible party leads to a page that can be loaded again.
async fn open(browser: &Chromium, stack: &Stack) {
    let base = stack.nginx.url();
    let link = format!("{base}/permissions/new?dataNeedId={LIVE}&connectionId=customer-7");
    browser.open(&link).await;
    assert_eq!(browser.title().await, WAITING);
    let (path, query) = browser.address().await;
    assert!(
        path.starts_with("/permissions/") && path.len() > 30,
        "{path}"
    );
    assert_eq!(query, None, "the customer's name stays in the address");
    assert!(browser.text("main").await.contains("Live consumption"));
    assert!(browser.text(".state").await.starts_with("waiting for you"));
}

/// The picture is square, large enough for a camera, and drawn.
async fn assert_code_is_readable(browser: &Chromium, least: f64) {
    let (width, height, seen) = browser.size("svg[role=img]").await;
    assert!(seen && width >= least, "{width} wide");
    assert!((width - height).abs() < 1.0, "{width} by {height}");
    assert!(browser.size("textarea#code").await.2);
}

/// The text is on the clipboard, or at least selected for the keyboard.
async fn assert_copied(browser: &Chromium) {
    let button = "button[data-copy=code]";
    test_support::wait::until(LONGEST, "an answer of the button", async || {
        (browser.text(button).await != "Copy").then_some(())
    })
    .await;
    let answer = browser.text(button).await;
    assert!(
        ["Copied", "Selected: now copy it"].contains(&answer.as_str()),
        "{answer}"
    );
    let selected = "document.activeElement.value.slice(document.activeElement.selectionStart, \
                    document.activeElement.selectionEnd)";
    let code = browser.property("textarea#code", "value").await;
    assert_eq!(Some(browser.evaluate(selected).await), code);
}

/// A home scans the code that the page shows as text; the permission in it.
async fn scan(
    browser: &Chromium,
    stack: &Stack,
    field: &str,
    generation: Generation,
) -> (Home, Uuid) {
    let home = Home::start(Options {
        authority: Some(stack.authority.certificate().to_owned()),
        ..Options::new(generation)
    });
    let code = browser
        .property(&format!("textarea#{field}"), "value")
        .await;
    let permissions = home.scan(&code.unwrap()).await.unwrap();
    (home, *permissions.first().unwrap())
}
