//! The permission page in a frame of the eligible party's own site: a page of another origin, with a strict policy of
//! its own. And frames of others beside it, which say what only one of these two may say to the other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use demo::Stack;
use home::Generation;
use test_support::chromium::{Chromium, Look, Scheme};
use test_support::wait;

use crate::permission::{LIVE, LONGEST, options, scan};

/// What the site's own script keeps of what it is told, and of all that reaches its page.
const KEEPS: &str = "window.told = []; addEventListener('metergate:state', (e) => told.push(JSON.stringify(e.detail)));
    window.heard = []; addEventListener('message', ({ origin, data }) => heard.push(`${origin} ${data?.state}`));";

/// As the page in the frame says it.
const FORGED: &str = "{ metergate: 'page', state: 'forged', height: 99999, title: 'forged' }";
/// One more frame in the party's page.
const BESIDE: &str = "document.body.appendChild(document.createElement('iframe'))";
/// The frame of the permission page.
const IN_ITS_PLACE: &str = "document.querySelector('iframe')";

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_named_shows_the_page_and_another_does_not() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let named = format!("http://127.0.0.1:{port}");
    let also_named = format!("http://named.localhost:{port}");
    let origins = format!("{named},{also_named}");
    let setting = ("METERGATE_AIIDA_ORIGINS", origins);
    let stack = Stack::start(folder.path(), &options(&[setting]))
        .await
        .unwrap();
    let gate = stack.nginx.url();
    std::thread::spawn(move || serve(&listener, &gate));

    let browser = Chromium::with(Look::phone(Scheme::Light, "en")).await;
    let other = format!("http://other.localhost:{port}");
    shown(&browser, &stack, &named, [&also_named, &other]).await;
    // The same page under another name is another site.
    refused(&browser, &format!("http://localhost:{port}")).await;
    browser.close().await;
}

async fn shown(browser: &Chromium, stack: &Stack, site: &str, others: [&str; 2]) {
    browser.open(site).await;
    until(browser, "new").await;
    // Its page is in German, the browser is not.
    let title = browser.property("iframe", "title").await.unwrap();
    assert_eq!(title, "Daten aus Ihrem Zuhause teilen");
    let (_, low, _) = browser.size("iframe").await;
    browser.picture("embed-1-new").await;
    press(browser).await;
    until(browser, "asked").await;
    wait::until(LONGEST, "a taller frame", async || {
        let (_, high, _) = browser.size("iframe").await;
        (high > low + 400.0).then_some(())
    })
    .await;
    browser.picture("embed-2-asked").await;
    browser
        .evaluate(&format!("postMessage({FORGED}, '*')"))
        .await;
    assert_not_believed(browser, site).await;
    for other in others {
        forge(browser, BESIDE, other, "/blank").await;
    }
    let own = format!("/permissions/new?dataNeedId={LIVE}&connectionId=customer-10&embed=1");
    forge(browser, BESIDE, &stack.nginx.url(), &own).await;
    browser.enter_frame("iframe").await;
    assert_eq!(browser.number_of("header").await, 0);
    let rest = "document.documentElement.scrollHeight - innerHeight";
    assert_eq!(browser.evaluate(rest).await, "0", "nothing to scroll in it");
    let (home, permission) = scan(browser, stack, Generation::June2026).await;
    browser.leave_frames().await;
    // Told still, and to whom it was told before.
    until(browser, "reading").await;
    browser
        .evaluate("document.querySelectorAll('iframe.there').forEach((it) => it.remove())")
        .await;
    browser.picture("embed-3-reading").await;
    home.revoke(permission).await.unwrap();
    until(browser, "revoked").await;
    // Nothing about anybody.
    let told = browser.evaluate("told.join(' ')").await;
    for word in told.split(' ') {
        let state = word
            .strip_prefix("{\"state\":\"")
            .and_then(|it| it.strip_suffix("\"}"));
        assert!(
            state.is_some_and(|it| it.bytes().all(|b| b.is_ascii_lowercase())),
            "{told}"
        );
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    // The frame alone does not make a page the one that is believed.
    forge(browser, IN_ITS_PLACE, others[1], "/blank").await;
    home.stop().await;
}

/// Leads a frame of the party's page to a page, which then speaks as the permission page to the party's, and as the
/// party's page to the permission page.
async fn forge(browser: &Chromium, frame: &str, origin: &str, path: &str) {
    let led = format!(
        "Object.assign({frame}, {{ src: '{origin}{path}', onload: ({{ target }}) => target.className = 'there' }})"
    );
    browser.evaluate("heard.length = 0").await;
    browser.evaluate(&led).await;
    browser.enter_frame("iframe.there:last-of-type").await;
    assert_eq!(browser.evaluate("location.origin").await, origin);
    browser
        .evaluate(&format!("parent.postMessage({FORGED}, '*')"))
        .await;
    browser
        .evaluate("parent.frames[0].postMessage({ metergate: 'host' }, '*')")
        .await;
    browser.leave_frames().await;
    assert_not_believed(browser, origin).await;
}

/// What was forged has reached the party's page, and the script there has made nothing of it.
async fn assert_not_believed(browser: &Chromium, origin: &str) {
    until_true(browser, &format!("heard.includes('{origin} forged')")).await;
    let told = browser.evaluate("told.join(' ')").await;
    assert!(!told.contains("forged"), "{origin}: {told}");
    let title = browser.property("iframe", "title").await.unwrap();
    assert_ne!(title, "forged", "{origin}");
    let height = browser.property("iframe", "height").await.unwrap();
    assert!(height.parse::<u32>().unwrap() < 9_999, "{origin}: {height}");
}

async fn refused(browser: &Chromium, site: &str) {
    browser.open(site).await;
    until(browser, "unavailable").await;
    assert_eq!(browser.evaluate("told.length").await, "1");
    let complaints = browser.complaints().await.concat();
    assert!(complaints.contains("frame-ancestors"), "{complaints}");
}

/// The button in the frame, by keyboard.
async fn press(browser: &Chromium) {
    browser.enter_frame("iframe").await;
    browser
        .evaluate("document.querySelector('form button').focus()")
        .await;
    browser.press(Chromium::ENTER).await;
    browser.leave_frames().await;
}

/// Until the site is told this.
async fn until(browser: &Chromium, state: &str) {
    until_true(
        browser,
        &format!("told.some((it) => it.includes('\"{state}\"'))"),
    )
    .await;
}

async fn until_true(browser: &Chromium, expression: &str) {
    wait::until(LONGEST, expression, async || {
        (browser.evaluate(expression).await == "true").then_some(())
    })
    .await;
}

/// The eligible party's site, under each of its names, and a page that holds nothing.
fn serve(listener: &TcpListener, gate: &str) {
    let policy = format!(
        "default-src 'none'; script-src 'self' {gate}; frame-src {gate} http://*.localhost:*; img-src data:"
    );
    let page = format!(
        "<!DOCTYPE html><html lang=\"de-AT\"><title>Sunny Side Solar</title><meta name=viewport content=\"width=device-width\"><link rel=icon href=\"data:,\">\
         <script src=\"/own.js\"></script><h1>Mein Konto</h1>\
         <script src=\"{gate}/permissions/embed.js\" data-data-need-id=\"{LIVE}\" data-connection-id=\"customer-9\" async></script>"
    );
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            // A browser may open a connection ahead and send nothing.
            scope.spawn(|| answer(stream.unwrap(), &policy, &page));
        }
    });
}

fn answer(mut stream: TcpStream, policy: &str, page: &str) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or_default() == 0 {
            return;
        }
    }
    let (kind, body) = if head.starts_with("GET /own.js") {
        ("text/javascript", KEEPS)
    } else if head.starts_with("GET /blank") {
        (
            "text/html; charset=utf-8",
            "<!DOCTYPE html><title>Blank</title>",
        )
    } else {
        ("text/html; charset=utf-8", page)
    };
    let _answered = write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Security-Policy: {policy}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
}
