//! Nothing personal, no key and no payload is in what the service logs, nor in its jobs and metrics.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reqwest::Method;
use serde_json::json;
use service_kit::program::Context;
use test_support::{ports, wait};

use crate::site::{DEADLINE, Site, inbound};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that this process logs from the first call on, with every span.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(move || writer.clone())
            .init();
        log
    })
}

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_is_logged_queued_or_counted() {
    let log = log();
    // Nobody listens there, so each delivery fails and says so.
    let dead = ports::free();
    let arguments = [
        (
            "--webhook-url",
            format!("http://127.0.0.1:{dead}/path-of-the-receiver"),
        ),
        (
            "--webhook-secret",
            "the-secret-of-the-webhook-has-many-characters".to_owned(),
        ),
    ];
    let site = Site::start_with(&arguments, Context::new()).await;
    let need = site.need(inbound()).await;
    let body = json!({"connectionId": "ms-fable-at-home", "dataNeedIds": [need], "meterId": "meter-of-fable"});
    let created = site.post("/api/v1/permissions", &body).await.ok(201);
    let id = created["permissionIds"][0].as_str().unwrap().to_owned();
    site.step(
        id.parse().unwrap(),
        permission::Status::SentToPermissionAdministrator,
        permission::Status::Accepted,
    )
    .await;
    site.get("/api/v1/permissions?connectionId=ms-fable-at-home")
        .await
        .ok(200);
    site.get("/api/v1/permissions?nobody=ms-fable-at-home")
        .await
        .refused(400);
    let path = format!("/api/v1/permissions/{id}/inbound/opaque");
    let bearer = site.bearer();
    site.ask(Method::PUT, &path, Some(&bearer), "private-payload")
        .await
        .ok(202);
    site.ask(
        Method::GET,
        "/api/v1/events",
        Some("Bearer mgk_private-key-of-somebody"),
        "",
    )
    .await
    .refused(401);
    // Trouble of ours is logged with its cause.
    site.sql("ALTER TABLE aiida.api_key RENAME TO hidden").await;
    let trouble = site
        .get("/api/v1/permissions?connectionId=ms-fable-at-home")
        .await;
    trouble.refused(500);
    let reference = trouble.json()["reference"].as_str().unwrap().to_owned();
    wait::until(DEADLINE, "a failed delivery to be logged", async || {
        let text = log.text();
        (text.contains("receiver does not answer") && text.contains(&reference)).then_some(())
    })
    .await;
    let mut told = log.text();
    told.push_str(&service_kit::metrics::install().unwrap().render());
    told.push_str(&site.texts("SELECT j FROM jobs.job j").await.join("\n"));
    told.push_str(&site.texts("SELECT e FROM audit.event e").await.join("\n"));
    for private in [
        "ms-fable-at-home",
        "meter-of-fable",
        "private-payload",
        "private-key-of-somebody",
        "path-of-the-receiver",
        "the-secret-of-the-webhook",
        &site.key,
        created["code"].as_str().unwrap(),
        created["pageUrl"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap(),
    ] {
        let found = told.lines().find(|line| line.contains(private));
        assert_eq!(found, None, "{private}");
    }
    assert!(told.contains("/api/v1/permissions"), "nothing was captured");
}
