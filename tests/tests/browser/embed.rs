//! The permission page in a frame of the eligible party's own site: a page of another origin, with a strict policy of
//! its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use demo::Stack;
use home::Generation;
use test_support::chromium::{Chromium, Look, Scheme};
use test_support::wait;

use crate::permission::{LIVE, LONGEST, options, scan};

/// What the site's own script keeps of what it is told.
const KEEPS: &str = "window.told = []; addEventListener('metergate:state', (e) => told.push(JSON.stringify(e.detail)));";

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_named_shows_the_page_and_another_does_not() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let named = format!("http://127.0.0.1:{port}");
    let setting = ("METERGATE_AIIDA_ORIGINS", named.clone());
    let stack = Stack::start(folder.path(), &options(&[setting]))
        .await
        .unwrap();
    let gate = stack.nginx.url();
    std::thread::spawn(move || serve(&listener, &gate));

    let browser = Chromium::with(Look::phone(Scheme::Light, "en")).await;
    shown(&browser, &stack, &named).await;
    // The same page under another name is another site.
    refused(&browser, &format!("http://localhost:{port}")).await;
    browser.close().await;
}

async fn shown(browser: &Chromium, stack: &Stack, site: &str) {
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
    browser.enter_frame("iframe").await;
    assert_eq!(browser.number_of("header").await, 0);
    let rest = "document.documentElement.scrollHeight - innerHeight";
    assert_eq!(browser.evaluate(rest).await, "0", "nothing to scroll in it");
    let (home, permission) = scan(browser, stack, Generation::June2026).await;
    browser.leave_frames().await;
    until(browser, "reading").await;
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
    home.stop().await;
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
    let told = format!("told.some((it) => it.includes('\"{state}\"'))");
    wait::until(LONGEST, state, async || {
        (browser.evaluate(&told).await == "true").then_some(())
    })
    .await;
}

/// The eligible party's site.
fn serve(listener: &TcpListener, gate: &str) {
    let policy =
        format!("default-src 'none'; script-src 'self' {gate}; frame-src {gate}; img-src data:");
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
