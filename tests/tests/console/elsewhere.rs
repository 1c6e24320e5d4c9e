//! A page of another site, opened by an operator whose browser remembers the password.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use test_support::chromium::{Chromium, Look, Scheme};

use crate::inhabitants::{CUSTOMER, PERMISSION};
use crate::world::World;

/// Serves a page with forms that would erase, end and retry; answers its address.
fn another_site(target: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let form = |id: &str, path: String| {
        format!(
            "<form id={id} method=post action='{target}{path}'><input name=sure value=yes><button>{id}</button></form>"
        )
    };
    let page = format!(
        "<!doctype html><title>Win a prize</title>{}{}",
        form("erase", format!("/console/customers/{CUSTOMER}/erase")),
        form(
            "end",
            format!("/console/permissions/{PERMISSION}/terminate")
        ),
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _read = stream.read(&mut head);
            let _written = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_does_nothing_in_the_operators_name() {
    let world = World::shared().await;
    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    world.let_in(&browser).await;
    let site = another_site(&world.stack.nginx.url());
    for form in ["erase", "end"] {
        browser.open(&site).await;
        assert_eq!(browser.title().await, "Win a prize");
        browser.click(&format!("#{form} button")).await;
        browser.wait_for_title("Sent from elsewhere").await;
    }
    browser.inspect("console-elsewhere").await;
    browser
        .open(&world.url(&format!("/console/customers/{CUSTOMER}")))
        .await;
    assert_eq!(browser.text("h1").await, "Jane Example");
    browser.close().await;
}
