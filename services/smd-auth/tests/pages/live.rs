//! The event stream of a progress page.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::Value;

use crate::browser::Browser;
use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(20);

const PLAN: &str = "INSERT INTO smd.usage_point SELECT id, '1000000001' FROM smd.authorization;
    INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at)
        SELECT authorization_id, usage_point_id, n, now() + n * interval '28 days', now() + (n + 1) * interval '28 days'
        FROM smd.usage_point, generate_series(0, 12) n";

/// One stream, read event by event.
struct Stream {
    response: Response,
    read: String,
}

impl Stream {
    async fn open(url: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-accel-buffering"), "no");
        Self {
            response,
            read: String::new(),
        }
    }

    /// The next event's name and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let line = |name: &str| {
                    let found = event.lines().find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_default().to_owned()
                };
                let (event, rest) = ((line("event: "), line("data: ")), rest.to_owned());
                self.read = rest;
                return Some(event);
            }
            let piece = tokio::time::timeout(DEADLINE, self.response.chunk());
            let piece = piece.await.unwrap().unwrap()?;
            self.read.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn state(&mut self) -> String {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "state");
        data
    }

    async fn bar(&mut self) -> (i64, String) {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "bar");
        let data: Value = serde_json::from_str(&data).unwrap();
        let text = data["text"].as_str().unwrap().to_owned();
        (data["value"].as_i64().unwrap(), text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_its_progress_to_the_end() {
    let site = Site::start().await;
    let (mut browser, progress) = site.authorized().await;
    let page = browser.get(&site.url(&progress)).await;
    let mut stream = Stream::open(&site.url(&format!("{progress}/events?lang=es"))).await;
    let first = stream.state().await;
    assert!(page.body.contains(&format!("data-state=\"{first}\"")));

    site.sql(PLAN).await;
    assert_ne!(stream.state().await, first);
    assert_eq!(
        stream.bar().await,
        (0, "0 de 13 partes obtenidas".to_owned())
    );
    site.sql("UPDATE smd.pull SET received_at = now(), readings = 5 WHERE number < 7")
        .await;
    assert_eq!(
        stream.bar().await,
        (7, "7 de 13 partes obtenidas".to_owned())
    );
    site.sql("UPDATE smd.authorization SET failure = 'PG&E <b>asks</b>'")
        .await;
    let delayed = stream.state().await;
    assert!(
        delayed
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-'),
        "{delayed}"
    );
    site.sql("UPDATE smd.authorization SET stage = 'fetched', failure = NULL, fetched_at = now(), exported_at = now(),
              released_at = now(), access_token = NULL, access_key_id = NULL")
        .await;
    let last = stream.state().await;
    assert_eq!(stream.next().await, None, "nothing changes any more");
    let page = browser.get(&site.url(&progress)).await;
    assert!(!page.body.contains("data-events"), "{last}: {}", page.body);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_told_that_the_page_is_gone() {
    let site = Site::start().await;
    let (_, progress) = site.authorized().await;
    let mut stream = Stream::open(&site.url(&format!("{progress}/events"))).await;
    stream.state().await;
    site.sql("UPDATE smd.authorization SET stage = 'erased', ticket_hash = NULL")
        .await;
    assert_eq!(stream.state().await, "gone");
    assert_eq!(stream.next().await, None);
    let mut browser = Browser::new(&site);
    let refused = browser.get(&site.url(&format!("{progress}/events"))).await;
    assert_eq!((refused.status, refused.body.as_str()), (404, ""));
    site.assert_nothing_private_was_logged();
}

/// Many open pages are one question to the database per look.
#[tokio::test(flavor = "multi_thread")]
async fn many_pages_are_one_look() {
    let site = Site::start().await;
    let (_, progress) = site.authorized().await;
    let mut streams = Vec::new();
    let begun = Instant::now();
    for _ in 0..50 {
        let mut stream = Stream::open(&site.url(&format!("{progress}/events"))).await;
        stream.state().await;
        streams.push(stream);
    }
    site.sql(PLAN).await;
    for stream in &mut streams {
        stream.state().await;
        stream.bar().await;
    }
    let looks = site.counts_of("smd_progress_looks_total").concat();
    let looks: u64 = looks.rsplit_once(' ').unwrap().1.parse().unwrap();
    let most = begun.elapsed().as_secs() + 2;
    assert!((1..=most).contains(&looks), "{looks} looks in {most} s");
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_is_ours_and_no_ticket() {
    let site = Site::start().await;
    let script = Browser::new(&site).get(&site.url("/status/live.js")).await;
    assert_eq!(script.status, 200);
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(script.header("x-content-type-options"), "nosniff");
    assert!(script.body.contains("EventSource"));
    site.assert_nothing_private_was_logged();
}
