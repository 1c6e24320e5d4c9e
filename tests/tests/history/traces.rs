//! One trace from the browser's return to the file, and one from a home's message to what it brings about, as a
//! collector receives them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, PayloadConfig, post};
use actix_web::{App, HttpResponse, HttpServer};
use demo::{Side, Stack, StackOptions, check, household};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use prost::Message as _;
use test_support::wait;

use crate::{DEADLINE, World, fast};

/// A span, as far as it is looked at here.
#[derive(Debug, Clone)]
struct Span {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

impl Span {
    fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.get(name);
        found.unwrap_or_else(|| panic!("{self:?} has no {name}"))
    }
}

/// What came.
#[derive(Default)]
struct Received {
    spans: Mutex<Vec<Span>>,
    /// All of it as text, whatever it means.
    text: Mutex<String>,
}

/// Takes traces in by OTLP over HTTP.
struct Collector {
    url: String,
    received: Data<Received>,
    server: ServerHandle,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Data::new(Received::default());
        let shared = received.clone();
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .app_data(PayloadConfig::new(64 << 20))
                .route("/v1/traces", post().to(receive))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            received,
            server: handle,
        }
    }

    fn spans(&self) -> Vec<Span> {
        let spans = self.received.spans.lock();
        spans.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a span of this service and name has come, in this trace if one is given.
    async fn span(&self, service: &str, name: &str, trace: Option<&[u8]>) -> Span {
        let what = format!("the span {name:?} of {service}");
        wait::until(DEADLINE, &what, async || {
            self.spans().into_iter().find(|span| {
                span.service == service
                    && span.name == name
                    && trace.is_none_or(|trace| span.trace == trace)
            })
        })
        .await
    }
}

async fn receive(body: Bytes, received: Data<Received>) -> HttpResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else {
        return HttpResponse::BadRequest().finish();
    };
    let mut text = received.text.lock().unwrap_or_else(PoisonError::into_inner);
    text.push_str(&String::from_utf8_lossy(&body));
    let mut spans = received
        .spans
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    for resource in request.resource_spans {
        let about = resource.resource.map(|it| attributes(it.attributes));
        let service = about.and_then(|mut it| it.remove("service.name")).unwrap();
        for span in resource.scope_spans.into_iter().flat_map(|it| it.spans) {
            spans.push(Span {
                service: service.clone(),
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: attributes(span.attributes),
            });
        }
    }
    HttpResponse::Ok().finish()
}

fn attributes(given: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |attribute: KeyValue| {
        let value = match attribute.value.and_then(|it| it.value)? {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            Value::BoolValue(is) => is.to_string(),
            other => format!("{other:?}"),
        };
        Some((attribute.key, value))
    };
    given.into_iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_one_trace_to_its_file_and_a_message_to_its_commit() {
    let collector = Collector::start();
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let folder = tempfile::tempdir().unwrap();
    let options = StackOptions {
        side: Side::Both,
        services: vec![
            set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
            set("OTEL_BSP_SCHEDULE_DELAY", "200"),
            set("METERGATE_HISTORY_MONTHS", "1"),
        ],
        ..fast()
    };
    let stack = Stack::start(folder.path(), &options).await.unwrap();
    let world = World {
        stack,
        _folder: folder,
    };
    let site = world.stack.site();
    let mut customer = world.customer("awkward").await;
    let end = world.end_of(&mut customer).await;
    assert!(end.contains("was delivered"), "{end}");
    household::walk(site, |_| {}).await.unwrap();

    history_is_one_trace(&collector).await;
    a_message_leads_to_its_commit_and_beyond(&collector).await;
    nothing_personal(&collector, &world, site.personal().await.unwrap());
    collector.server.stop(false).await;
}

/// From the browser's return from PG&E, through jobs of two other services, to the file.
async fn history_is_one_trace(collector: &Collector) {
    let came_back = collector.span("smd-auth", "GET /OAuthCallback", None).await;
    let trace = Some(came_back.trace.as_slice());
    assert!(came_back.parent.is_empty(), "nobody outside continues it");
    let fetch = collector.span("smd-fetcher", "job smd.fetch", trace).await;
    let export = collector
        .span("csv-exporter", "job csv.export", trace)
        .await;
    collector
        .span("smd-fetcher", "job smd.release", trace)
        .await;
    assert_eq!(
        fetch.parent, came_back.id,
        "the callback enqueued the fetch"
    );
    assert_eq!(fetch.attribute("job.kind"), "smd.fetch");
    assert_eq!(export.attribute("job.attempt"), "1");
    for service in ["smd-auth", "smd-fetcher"] {
        collector.span(service, "custodian request", trace).await;
    }
}

/// What a home sends, from arrival to commit; and its status through jobs to its end at the broker.
async fn a_message_leads_to_its_commit_and_beyond(collector: &Collector) {
    let revoke = collector.span("mqtt-iam", "job mqtt.revoke", None).await;
    let traces = |name: &str| {
        let spans = collector.spans();
        let found = spans.into_iter().filter(|span| span.name == name);
        found.map(|span| span.trace).collect::<Vec<_>>()
    };
    // The household took its consent back at home: a message, its commit, the change, the end at the broker.
    let batch = wait::until(DEADLINE, "a batch that led to a revocation", async || {
        let (ended, status) = (traces("job mqtt.revoke"), traces("job aiida.status"));
        collector.spans().into_iter().find(|span| {
            span.name == "batch from homes"
                && ended.contains(&span.trace)
                && status.contains(&span.trace)
        })
    })
    .await;
    assert!(!revoke.trace.is_empty());
    assert_eq!(batch.service, "aiida-stream");
    let number = |name: &str| batch.attribute(name).parse::<u64>().unwrap();
    assert!(number("messaging.batch.message_count") >= 1);
    assert!(number("lag_ms") >= number("waited_ms"), "{batch:?}");
    let commit = collector
        .span("aiida-stream", "transaction", Some(&batch.trace))
        .await;
    assert_eq!(commit.parent, batch.id);
    assert!(commit.attributes.contains_key("stored"), "{commit:?}");
    // A batch that is not traced leaves no parts of itself behind.
    for part in collector.spans() {
        if ["transaction", "admission"].contains(&part.name.as_str()) {
            assert!(!part.parent.is_empty(), "{part:?}");
        }
    }
}

/// Neither spans and their events nor metrics hold what the sandbox knows to be personal.
fn nothing_personal(collector: &Collector, world: &World, personal: Vec<String>) {
    assert!(personal.len() > 10, "nothing to look for");
    let metrics = world.stack.metrics().unwrap();
    assert!(metrics.contains("smd_histories_fetched_total 1\n"));
    let text = collector.received.text.lock().unwrap().clone();
    assert!(text.contains("job csv.export"), "these are not the spans");
    for value in personal {
        let alone = std::slice::from_ref(&value);
        assert_eq!(check::secrets_in(&text, alone), 0, "{value:?} in spans");
        assert_eq!(
            check::secrets_in(&metrics, alone),
            0,
            "{value:?} in metrics"
        );
    }
    for key in ["client.address", "url.path", "url.query", "http.target"] {
        assert_eq!(text.matches(key).count(), 0, "{key} in spans");
    }
}
