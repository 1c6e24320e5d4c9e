//! Every page in every state in a real browser, in both languages: on a dark telephone and a light desktop, with
//! axe-core and a picture each.

use test_support::chromium::{Chromium, Look, Scheme};

use crate::site::{Options, Site};
use crate::views::STEPS;

const LOGO: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0MCA0MCI+PGNpcmNsZSBjeD0iMjAiIGN5PSIyMCIgcj0iMTgiIGZpbGw9IiNmMmIxMzQiLz48L3N2Zz4=";

async fn start() -> Site {
    let service = [
        ("--operator-name", "Sunny Side Solar"),
        ("--operator-logo", LOGO),
        ("--operator-contact", "help@sunny.example"),
        (
            "--operator-privacy-url",
            "https://sunny.example/privacy-of-customers",
        ),
    ];
    Site::start_with(Options {
        service: service.map(|(name, value)| (name, value.to_owned())).into(),
        ..Options::default()
    })
    .await
}

/// The languages take turns: each page is looked at in one on the telephone and the desktop, in the other on the
/// telephone alone, where it is narrow.
async fn look(browser: &Chromium, url: &str, name: &str, first: &str, second: &str) {
    browser.open(&format!("{url}?lang={first}")).await;
    browser.inspect(&format!("smd-{name}-{first}")).await;
    browser.open(&format!("{url}?lang={second}")).await;
    assert_eq!(
        browser.property("html", "lang").await.as_deref(),
        Some(second)
    );
    browser.inspect_small(&format!("smd-{name}-{second}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_accessible_in_both_languages() {
    let site = start().await;
    let (_, progress) = site.authorized().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    let mut turns = [("en", "es"), ("es", "en")].into_iter().cycle();
    let mut next = || turns.next().unwrap();
    let (first, second) = next();
    look(&browser, &site.url("/"), "consent", first, second).await;
    for (name, step) in STEPS {
        site.sql(step).await;
        let (first, second) = next();
        look(&browser, &site.url(&progress), name, first, second).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

/// What comes back from the custodian, what is done before, and the page's name; in turns in English and Spanish.
const BACK: [(&str, &str, &str, &str); 9] = [
    (
        "cancelled",
        NOTHING,
        "error=access_denied",
        "Nothing was shared",
    ),
    (
        "later",
        NOTHING,
        "error=server_error",
        "No se compartió nada",
    ),
    (
        "ours",
        NOTHING,
        "error=invalid_request",
        "Nothing was shared",
    ),
    ("other", NOTHING, "error=%3Cb%3E", "No se compartió nada"),
    (
        "late",
        "UPDATE smd.login SET expires_at = now() - interval '1 second'",
        "code=abcd",
        "That took too long",
    ),
    (
        "used",
        "UPDATE smd.login SET used_at = now()",
        "code=abcd",
        "Este enlace ya se ha usado",
    ),
    (
        "code",
        NOTHING,
        "code=abcd",
        "PG&E did not complete the authorization",
    ),
    (
        "foreign",
        "DELETE FROM smd.login",
        "code=abcd",
        "Este enlace no pertenece a este navegador",
    ),
    (
        "trouble",
        "ALTER TABLE smd.login RENAME TO hidden",
        "code=abcd",
        "Something went wrong on our side",
    ),
];

const NOTHING: &str = "SELECT 1";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_is_an_accessible_page() {
    let site = start().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    for ((name, before, answer, title), language) in
        BACK.into_iter().zip(["en", "es"].into_iter().cycle())
    {
        browser.open(&site.url(&format!("/?lang={language}"))).await;
        browser.open(&site.url("/start")).await;
        let (path, query) = browser.address().await;
        assert!(path.contains("myAuthorization"), "{path}");
        let query = query.unwrap_or_default();
        let state = query
            .split('&')
            .find(|it| it.starts_with("state="))
            .unwrap();
        site.sql(before).await;
        browser
            .open(&site.url(&format!("/OAuthCallback?{answer}&{state}")))
            .await;
        assert_eq!(browser.title().await, title, "{name}");
        browser
            .inspect(&format!("smd-back-{name}-{language}"))
            .await;
    }
    site.sql("ALTER TABLE smd.hidden RENAME TO login").await;
    for (name, path) in [
        ("unknown", "/status/unknown"),
        ("nowhere", "/nowhere"),
        ("incomplete", "/OAuthCallback"),
    ] {
        look(&browser, &site.url(path), name, "es", "en").await;
    }
    // The browser says so of pages that are there to say it; no policy is broken, no script fails.
    let mut complaints = browser.complaints().await;
    complaints.retain(|it| !it.contains("Failed to load resource"));
    assert_eq!(complaints, Vec::<String>::new());
    browser.close().await;
}
