use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Captured {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

fn config(log: &str, log_format: LogFormat, otlp_endpoint: &str) -> TelemetryConfig {
    TelemetryConfig {
        log: log.to_owned(),
        log_format,
        otlp_endpoint: otlp_endpoint.to_owned(),
    }
}

fn logged(log: &str, format: LogFormat, work: impl FnOnce()) -> String {
    let captured = Captured::default();
    let (subscriber, _) = build("test", &config(log, format, ""), captured.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, work);
    captured.text()
}

#[test]
fn json_lines_hold_message_and_fields_at_the_top() {
    let text = logged("info", LogFormat::Json, || {
        let _entered = tracing::info_span!("job", kind = "smd.fetch").entered();
        tracing::info!(windows = 7, "fetched");
    });
    let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(line["message"], "fetched");
    assert_eq!(line["windows"], 7);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["span"]["kind"], "smd.fetch");
}

#[test]
fn the_filter_decides_by_module() {
    let work = || {
        tracing::debug!(target: "loud", "wanted");
        tracing::debug!(target: "quiet", "unwanted");
        tracing::info!(target: "quiet", "also wanted");
    };
    let text = logged("info,loud=debug", LogFormat::Human, work);
    assert!(
        text.contains("wanted") && text.contains("also wanted"),
        "{text}"
    );
    assert!(!text.contains("unwanted"), "{text}");
}

#[test]
fn a_bad_filter_names_the_variable() {
    let refused = build(
        "test",
        &config("info,=x=", LogFormat::Human, ""),
        Captured::default(),
    );
    let message = refused.err().unwrap().to_string();
    assert!(message.starts_with("METERGATE_LOG "), "{message}");
}

#[test]
fn without_traces_there_is_no_traceparent() {
    logged("info", LogFormat::Human, || {
        let span = tracing::info_span!("alone");
        continue_from(
            &span,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
        let _entered = span.entered();
        assert_eq!(traceparent(), None);
    });
}

#[test]
fn a_trace_continues_and_is_delivered() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let received = std::thread::spawn(move || receive_one_request(&collector));

    let config = config("info", LogFormat::Human, &endpoint);
    let (subscriber, provider) = build("trace-test", &config, Captured::default()).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(traceparent(), None, "outside every span");
        let span = tracing::info_span!("worker_side");
        continue_from(
            &span,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
        let _entered = span.entered();
        let here = traceparent().unwrap();
        assert!(
            here.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
            "{here}"
        );
        assert!(
            !here.contains("b7ad6b7169203331"),
            "the span has its own id: {here}"
        );

        let lost = tracing::info_span!("lost");
        continue_from(&lost, "nonsense");
    });
    Telemetry { provider }.shutdown();

    let request = received.join().unwrap();
    let text = String::from_utf8_lossy(&request);
    assert!(text.starts_with("POST /v1/traces HTTP/1.1"), "{text}");
    assert!(
        text.contains("worker_side") && text.contains("trace-test"),
        "{text}"
    );
}

/// Reads one request with its body, answers 200 and returns the bytes.
fn receive_one_request(collector: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = collector.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        if read == 0 || is_complete(&request) {
            break;
        }
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .unwrap();
    request
}

fn is_complete(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    request.len() >= end + 4 + length
}

#[test]
fn an_https_collector_gets_a_client_or_a_clear_error() {
    match otlp::provider("test", "https://127.0.0.1:1") {
        Ok(provider) => assert!(provider.is_some()),
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
    }
}
