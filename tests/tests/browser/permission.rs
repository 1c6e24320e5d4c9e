//! A household from the link to the end of its permission: in English on a desktop with scripts, in German on a
//! telephone without, with the home that the sandbox has for each.

use std::time::Duration;

use demo::{Side, Stack, StackOptions};
use end_to_end::houses::DATA_NEEDS;
use home::{Generation, Home, Options};
use test_support::chromium::{Chromium, Look, Scheme};
use test_support::wait;
use uuid::Uuid;

/// A data need that sends every five seconds: long enough for the time between to be seen.
pub(crate) const LIVE: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e05";
/// Without scripts the page loads itself again within a quarter of a minute.
pub(crate) const LONGEST: Duration = Duration::from_secs(45);

/// The near-real-time side, with these further settings.
pub(crate) fn options(settings: &[(&str, String)]) -> StackOptions {
    let needs = ("METERGATE_AIIDA_DATA_NEEDS", DATA_NEEDS.to_owned());
    let all = settings.iter().chain([&needs]);
    StackOptions {
        fast: true,
        side: Side::NearRealTime,
        services: all
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..StackOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_watches_its_home_connect() {
    let folder = tempfile::tempdir().unwrap();
    let contact = (
        "METERGATE_OPERATOR_CONTACT",
        "help@sunny.example".to_owned(),
    );
    let stack = Stack::start(folder.path(), &options(&[contact]))
        .await
        .unwrap();
    let on_a_desktop = async {
        let desktop = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
        with_scripts(&desktop, &stack).await;
        desktop.close().await;
    };
    let on_a_phone = async {
        let phone = Look::phone(Scheme::Dark, "de").without_scripts();
        let phone = Chromium::with(phone).await;
        without_scripts(&phone, &stack).await;
        phone.close().await;
    };
    // At the same time: each waits for its home most of its time.
    tokio::join!(on_a_desktop, on_a_phone);
}

/// The page takes every step by itself.
async fn with_scripts(browser: &Chromium, stack: &Stack) {
    open(browser, stack, "Share data from your home").await;
    assert_code_is_readable(browser, 380.0).await;
    let asked = browser.text(".request").await;
    for said in [
        "Live consumption",
        "Showing you what your home uses as it happens.",
        "power taken from the grid",
        "every 5 seconds",
        "change how often your home sends",
    ] {
        assert!(asked.contains(said), "{said} in {asked}");
    }
    browser.inspect("permission-1-asked").await;
    browser.click("button[data-copy=code]").await;
    wait::until(LONGEST, "an answer of the button", async || {
        (!browser.text(".copy [role=status]").await.is_empty()).then_some(())
    })
    .await;
    let said = browser.text(".copy [role=status]").await;
    assert_eq!(said, "Copied. Now paste it in your AIIDA.");
    let selected =
        "getSelection().toString().length || document.getElementById('code').selectionEnd";
    assert!(browser.evaluate(selected).await.parse::<u32>().unwrap() > 100);

    let (home, permission) = scan(browser, stack, Generation::June2026).await;
    // It connects at once and sends at the next five seconds.
    wait_for(browser, &["Accepted", "Readings are arriving"]).await;
    wait_for(browser, &["Readings are arriving"]).await;
    assert_eq!(browser.number_of("textarea").await, 0, "nothing to scan");
    let first = browser.text("dl.values").await;
    assert!(
        first.contains("power taken from the grid") && first.contains("kW"),
        "{first}"
    );
    browser.inspect("permission-2-reading").await;
    let time = browser.property("time", "dateTime").await;
    wait::until(LONGEST, "the next value", async || {
        (browser.property("time", "dateTime").await != time).then_some(())
    })
    .await;

    home.revoke(permission).await.unwrap();
    wait_for(browser, &["You have withdrawn"]).await;
    assert_eq!(browser.number_of("dl.values").await, 0);
    browser.inspect("permission-3-withdrawn").await;
    let (before, _) = browser.address().await;
    browser.click("form button").await;
    wait_for(browser, &["Share data from your home"]).await;
    let (after, _) = browser.address().await;
    assert_ne!(before, after, "a new request has a page of its own");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    home.stop().await;
}

/// The same for who has switched scripts off, with a home of 2025. Pictures only: the page loads itself again at any
/// moment, under whatever looks at it.
async fn without_scripts(browser: &Chromium, stack: &Stack) {
    open(browser, stack, "Daten aus Ihrem Zuhause teilen").await;
    assert_code_is_readable(browser, 320.0).await;
    assert!(
        !browser.size("button[data-copy=code]").await.2,
        "it would do nothing"
    );
    assert!(browser.text(".request").await.contains("alle 5 Sekunden"));
    browser.click("a.older").await;
    assert_code_is_readable(browser, 320.0).await;
    browser.picture("permission-1-older").await;
    let (home, permission) = scan(browser, stack, Generation::November2025).await;
    wait_for(browser, &["Messwerte kommen an"]).await;
    let values = browser.text("dl.values").await;
    assert!(
        values.contains("Leistung, aus dem Netz bezogen"),
        "{values}"
    );
    browser.picture("permission-2-reading").await;
    home.fulfil(permission).await.unwrap();
    wait_for(browser, &["Abgeschlossen"]).await;
    browser.picture("permission-3-fulfilled").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    home.stop().await;
}

async fn wait_for(browser: &Chromium, titles: &[&str]) {
    browser.wait_for_title_in(titles, LONGEST).await;
}

/// The link of the eligible party leads to a page that can be loaded again.
async fn open(browser: &Chromium, stack: &Stack, title: &str) {
    let base = stack.nginx.url();
    let link = format!("{base}/permissions/new?dataNeedId={LIVE}&connectionId=customer-7");
    browser.open(&link).await;
    assert_eq!(browser.title().await, title);
    let (path, query) = browser.address().await;
    assert!(
        path.starts_with("/permissions/") && path.len() > 30,
        "{path}"
    );
    assert_eq!(query, None, "the customer's name stays in the address");
}

/// The picture is square, large enough for a camera, and drawn.
async fn assert_code_is_readable(browser: &Chromium, least: f64) {
    let (width, height, seen) = browser.size("svg[role=img]").await;
    assert!(seen && width >= least, "{width} wide");
    assert!((width - height).abs() < 1.0, "{width} by {height}");
    assert!(browser.size("textarea#code").await.2);
}

/// A home takes the code that the page shows as text.
pub(crate) async fn scan(
    browser: &Chromium,
    stack: &Stack,
    generation: Generation,
) -> (Home, Uuid) {
    let home = Home::start(Options {
        authority: Some(stack.authority.certificate().to_owned()),
        ..Options::new(generation)
    });
    let code = browser.property("textarea#code", "value").await;
    let permissions = home.scan(&code.unwrap()).await.unwrap();
    (home, *permissions.first().unwrap())
}
