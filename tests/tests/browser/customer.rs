//! The whole journey of a customer of PG&E: in English on a desktop with scripts, by keyboard alone as far as our pages
//! go; in Spanish on a telephone without scripts. Each step is looked at by axe-core, in light and dark; further states
//! and languages are by smd-auth's own tests.

use std::time::Duration;

use demo::{Customer, Side, Stack, StackOptions};
use test_support::wait;

use crate::chromium::{Chromium, Look, Scheme};

/// Twelve months of three usage points take some seconds.
const LONGEST: Duration = Duration::from_mins(3);

const NAME: &str = "Sunny Side Solar (demo)";

/// A sun.
const LOGO: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0MCA0MCI+PGNpcmNsZSBjeD0iMjAiIGN5PSIyMCIgcj0iMTgiIGZpbGw9IiNmMmIxMzQiLz48L3N2Zz4=";

/// What a page says in a language.
struct Said {
    language: &'static str,
    consent: &'static str,
    months: &'static str,
    cancelled: &'static str,
    looking: &'static str,
    fetching: &'static str,
    finishing: &'static str,
    fetched: &'static str,
    done: &'static str,
    delivered: &'static str,
    step: &'static str,
}

const ENGLISH: Said = Said {
    language: "en",
    consent: "Share your PG&E usage with Sunny Side Solar (demo)",
    months: "last 12 months",
    cancelled: "Nothing was shared",
    looking: "Thank you",
    fetching: "Fetching your usage",
    finishing: "Almost done",
    fetched: "parts fetched",
    done: "Done",
    delivered: "delivered to Sunny Side Solar (demo)",
    step: "done",
};

const SPANISH: Said = Said {
    language: "es",
    consent: "Comparta su consumo de PG&E con Sunny Side Solar (demo)",
    months: "últimos 12 meses",
    cancelled: "No se compartió nada",
    looking: "Gracias",
    fetching: "Obteniendo su consumo",
    finishing: "Casi listo",
    fetched: "partes obtenidas",
    done: "Listo",
    delivered: "entregado a Sunny Side Solar (demo)",
    step: "hecho",
};

/// Fast, but slow enough for the progress to be seen.
fn options() -> StackOptions {
    let services = [
        ("METERGATE_SMD_REQUEST_SPACING_MS", "150"),
        ("METERGATE_OPERATOR_LOGO", LOGO),
        (
            "METERGATE_SMD_AUTH_PURPOSE",
            "To work out which solar system and which tariff would suit your house.",
        ),
        (
            "METERGATE_SMD_AUTH_PURPOSE_ES",
            "Para calcular qué sistema solar y qué tarifa convendrían a su casa.",
        ),
    ];
    StackOptions {
        fast: true,
        side: Side::History,
        services: services
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..StackOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_cancels_and_then_shares_in_a_real_browser() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(folder.path(), &options()).await.unwrap();

    // At the same time: each waits for the custodian most of its time.
    tokio::join!(on_a_desktop(&stack), on_a_phone(&stack));
}

async fn on_a_desktop(stack: &Stack) {
    let desktop = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    assert_eq!(desktop.title_set_by_script().await, "on");
    cancel(&desktop, stack).await;
    share(&desktop, stack, &ENGLISH, "fable").await;
    assert_eq!(desktop.complaints().await, Vec::<String>::new());
    assert_failures_are_pages(&desktop, stack).await;
    desktop.close().await;
}

async fn on_a_phone(stack: &Stack) {
    let phone = Look::phone(Scheme::Dark, "es").without_scripts();
    let phone = Chromium::with(phone).await;
    assert_eq!(phone.title_set_by_script().await, "off");
    share_without_scripts(&phone, stack, &SPANISH, "later").await;
    assert_eq!(phone.complaints().await, Vec::<String>::new());
    phone.close().await;
}

/// Opens the consent page, as PG&E sends those who start there.
async fn open(browser: &Chromium, stack: &Stack, said: &Said) {
    let base = stack.nginx.url();
    browser
        .open(&format!("{base}/?scope=FB%3D4_5&ThirdPartyID=52111"))
        .await;
    assert_eq!(browser.title().await, said.consent);
    assert_eq!(browser.text("h1").await, said.consent);
    let main = browser.text("main").await;
    assert!(main.contains(said.months), "{main}");
    assert_eq!(browser.text(".brand").await, NAME);
    assert_eq!(
        browser.property("html", "lang").await.as_deref(),
        Some(said.language)
    );
}

/// From the custodian's first page to the choice of what to share.
async fn log_in(browser: &Chromium, stack: &Stack, key: &str) {
    let customer = Customer::new(stack.site(), key).await.unwrap().known;
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
    open(browser, stack, &ENGLISH).await;
    browser.inspect("1-consent").await;
    walk_by_keyboard(browser, "a.button").await;
    log_in(browser, stack, "fable").await;
    browser.click("button[value=cancel]").await;
    browser.wait_for_title(ENGLISH.cancelled).await;
    let text = browser.text("main").await;
    assert!(
        text.contains("You cancelled the authorization at PG&E"),
        "{text}"
    );
    browser.inspect("4-cancelled").await;
    walk_by_keyboard(browser, "a.button").await;
    browser.wait_for_title(ENGLISH.consent).await;
}

/// Goes from control to control until the wanted one has the focus, and presses it. Every stop can be seen.
async fn walk_by_keyboard(browser: &Chromium, wanted: &str) {
    for _ in 0..20 {
        browser.press(Chromium::TAB).await;
        let outline = browser
            .evaluate("getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth")
            .await;
        assert_eq!(outline, "solid3px", "the focus cannot be seen");
        let is_there = format!("document.activeElement.matches({wanted:?})");
        if browser.evaluate(&is_there).await == "true" {
            browser.press(Chromium::ENTER).await;
            return;
        }
    }
    panic!("{wanted} cannot be reached by keyboard");
}

async fn share(browser: &Chromium, stack: &Stack, said: &Said, key: &str) {
    authorize(browser, stack, said, key).await;
    let path = progress_path(browser).await;
    // The page moves by itself, and is not loaded again for it.
    browser.wait_for_title_in(&[said.fetching], LONGEST).await;
    browser.evaluate("window.notLoadedAgain = true").await;
    let first = browser.text("[data-bar-text]").await;
    assert!(first.ends_with(said.fetched), "{first}");
    // Both at one moment: it moves on meanwhile.
    let both = "document.querySelector('progress').value + '|' + document.querySelector('[data-bar-text]').textContent";
    let bar = wait::until(LONGEST, "the bar to move", async || {
        let bar = browser.evaluate(both).await;
        (!bar.ends_with(&format!("|{first}"))).then_some(bar)
    })
    .await;
    let (value, text) = bar.split_once('|').unwrap();
    assert!(text.starts_with(&format!("{value} of ")), "{bar}");
    assert_eq!(browser.evaluate("window.notLoadedAgain").await, "true");
    browser.inspect("5-fetching").await;

    // The tab is closed, and the first page leads back.
    browser.close_tab().await;
    open(browser, stack, said).await;
    browser.inspect("6-consent-again").await;
    browser.click(".note a").await;
    assert_eq!(progress_path(browser).await, path);
    browser.evaluate("window.notLoadedAgain = true").await;
    browser.wait_for_title_in(&[said.done], LONGEST).await;
    assert_eq!(browser.evaluate("window.notLoadedAgain").await, "true");
    assert_eq!(browser.text("[role=status]").await, said.done);
    browser.inspect("7-done").await;
    assert_done(browser, stack, said, key).await;

    // The same in the other language, by the switch; and back.
    browser.click(".languages a[lang=es]").await;
    browser.wait_for_title(SPANISH.done).await;
    browser.picture("7-done-es").await;
    browser.click(".languages a[lang=en]").await;
    browser.wait_for_title(said.done).await;
}

async fn share_without_scripts(browser: &Chromium, stack: &Stack, said: &Said, key: &str) {
    authorize(browser, stack, said, key).await;
    let path = progress_path(browser).await;
    // The page refreshes by itself.
    browser.wait_for_title_in(&[said.fetching], LONGEST).await;
    browser.picture("5-fetching").await;
    let text = browser.text("label[for=windows]").await;
    assert!(text.ends_with(said.fetched), "{text}");
    browser
        .wait_for_title_in(&[said.finishing, said.done], LONGEST)
        .await;
    browser.wait_for_title_in(&[said.done], LONGEST).await;
    browser.picture("7-done").await;
    assert_eq!(progress_path(browser).await, path);
    assert_done(browser, stack, said, key).await;
}

async fn authorize(browser: &Chromium, stack: &Stack, said: &Said, key: &str) {
    open(browser, stack, said).await;
    browser.picture("1-consent").await;
    browser.click("a.button").await;
    log_in(browser, stack, key).await;
    browser.click("button[value=authorize]").await;
    browser
        .wait_for_title_in(&[said.looking, said.fetching], LONGEST)
        .await;
}

async fn progress_path(browser: &Chromium) -> String {
    let (path, query) = browser.address().await;
    assert!(path.starts_with("/status/"), "{path}");
    assert_eq!(query, None, "neither code nor state stays in the address");
    path
}

async fn assert_done(browser: &Chromium, stack: &Stack, said: &Said, key: &str) {
    let text = browser.text("main").await;
    assert!(text.contains(said.delivered), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.trim() == said.step).count(),
        4,
        "every step: {text}"
    );
    let receipt = browser.text(".receipt").await;
    assert!(
        receipt.starts_with("MG-") && receipt.len() == 17,
        "{receipt}"
    );
    let authorization = stack.site().authorization_of(key).await.unwrap();
    assert_eq!(
        (authorization.status, authorization.live_tokens),
        (0, 0),
        "ended at the custodian"
    );
}

/// What goes wrong is said in both languages, also behind nginx, and what came in the address is never more than text.
async fn assert_failures_are_pages(browser: &Chromium, stack: &Stack) {
    let base = stack.nginx.url();
    let hostile = "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D1%22%3E";
    for (name, path, english, spanish) in [
        (
            "8-unknown",
            "/status/no-such-ticket",
            "No such authorization",
            "No existe esa autorización",
        ),
        (
            "9-incomplete",
            &format!("/OAuthCallback?error={hostile}&error_description={hostile}"),
            "This link is incomplete",
            "Este enlace está incompleto",
        ),
        (
            "10-foreign",
            &format!("/OAuthCallback?code={hostile}&state={hostile}"),
            "This link does not belong to this browser",
            "Este enlace no pertenece a este navegador",
        ),
    ] {
        for (language, title) in [("en", english), ("es", spanish)] {
            browser.open(&format!("{base}/?lang={language}")).await;
            browser.open(&format!("{base}{path}")).await;
            assert_eq!(browser.title().await, title);
            browser.picture(&format!("{name}-{language}")).await;
            assert_eq!(browser.number_of("main img").await, 0);
        }
    }
    // A page that is not found is named in the console; nothing else is.
    for complaint in browser.complaints().await {
        assert!(complaint.contains("Failed to load resource"), "{complaint}");
    }
}
