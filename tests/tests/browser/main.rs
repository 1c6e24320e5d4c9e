//! A real browser walks through the whole system: consent, the custodian's pages, progress, the end; and the page
//! with the code for a home.
//! Scripts on and off, wide and narrow. What it saw is left in `target/tmp/browser` as pictures.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod chromium;
mod permission;

use std::time::Duration;

use chromium::{Chromium, Scripts};
use demo::{Customer, Side, Stack, StackOptions};

/// Twelve months of three usage points take some seconds.
const LONGEST: Duration = Duration::from_mins(3);

/// Fast, but slow enough for the progress to be seen.
fn options() -> StackOptions {
    let spacing = ("METERGATE_SMD_REQUEST_SPACING_MS", "150");
    StackOptions {
        fast: true,
        side: Side::History,
        services: vec![(spacing.0.to_owned(), spacing.1.to_owned())],
        ..StackOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_cancels_and_then_shares_in_a_real_browser() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(folder.path(), &options()).await.unwrap();

    let wide = Chromium::start(Scripts::On, (1100, 900)).await;
    assert_eq!(wide.title_set_by_script().await, "on");
    cancel(&wide, &stack).await;
    share(&wide, &stack, "fable").await;
    wide.close().await;

    let narrow = Chromium::start(Scripts::Off, (400, 900)).await;
    assert_eq!(narrow.title_set_by_script().await, "off");
    share(&narrow, &stack, "later").await;
    assert_unknown_ticket_is_a_page(&narrow, &stack).await;
    narrow.close().await;
}

/// From the consent page to the custodian's choice of what to share.
async fn log_in(browser: &Chromium, stack: &Stack, key: &str) {
    let customer = Customer::new(stack.site(), key).await.unwrap().known;
    // As PG&E sends those who start there.
    browser
        .open(&format!(
            "{}/?scope=FB%3D4_5&ThirdPartyID=52111",
            stack.nginx.url()
        ))
        .await;
    let title = "Share your PG&E usage with Sunny Side Solar (demo)";
    assert_eq!(browser.title().await, title);
    assert_eq!(browser.text("h1").await, title);
    assert!(browser.text("main").await.contains("last 12 months"));
    browser.picture("1-consent").await;

    browser.click("a.button").await;
    browser
        .wait_for_title("Log in as a guest - sandbox custodian")
        .await;
    browser.picture("2-custodian-login").await;
    browser.fill("#name", &customer.name).await;
    browser.fill("#account", &customer.account).await;
    browser.click("form button[value=login]").await;
    browser
        .wait_for_title("Choose what to share - sandbox custodian")
        .await;
    browser.picture("3-custodian-choice").await;
}

async fn cancel(browser: &Chromium, stack: &Stack) {
    log_in(browser, stack, "fable").await;
    browser.click("button[value=cancel]").await;
    browser.wait_for_title("Nothing was shared").await;
    let text = browser.text("main").await;
    assert!(
        text.contains("You cancelled the authorization at PG&E"),
        "{text}"
    );
    browser.picture("4-cancelled").await;
    browser.click("a.button").await;
    browser
        .wait_for_title("Share your PG&E usage with Sunny Side Solar (demo)")
        .await;
}

async fn share(browser: &Chromium, stack: &Stack, key: &str) {
    log_in(browser, stack, key).await;
    browser.click("button[value=authorize]").await;
    browser
        .wait_for_title_in(&["Thank you", "Fetching your usage"], LONGEST)
        .await;
    let (path, query) = browser.address().await;
    assert!(path.starts_with("/status/"), "{path}");
    assert_eq!(query, None, "neither code nor state stays in the address");

    // The page refreshes by itself.
    browser
        .wait_for_title_in(&["Fetching your usage"], LONGEST)
        .await;
    browser.picture("5-fetching").await;
    let windows = browser.text("label[for=windows]").await;
    assert!(
        windows.ends_with(" windows fetched") && windows.contains(" of "),
        "{windows}"
    );

    browser.wait_for_title_in(&["Done"], LONGEST).await;
    browser.picture("6-done").await;
    let text = browser.text("main").await;
    assert!(
        text.contains("delivered to Sunny Side Solar (demo)"),
        "{text}"
    );
    assert_eq!(text.matches("done").count(), 4, "every step: {text}");
    let authorization = stack.site().authorization_of(key).await.unwrap();
    assert_eq!(
        (authorization.status, authorization.live_tokens),
        (0, 0),
        "ended at the custodian"
    );
}

async fn assert_unknown_ticket_is_a_page(browser: &Chromium, stack: &Stack) {
    browser
        .open(&format!("{}/status/no-such-ticket", stack.nginx.url()))
        .await;
    assert_eq!(browser.title().await, "No such authorization");
    browser.picture("7-unknown-ticket").await;
}
