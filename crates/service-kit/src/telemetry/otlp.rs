//! The exporter of traces.
//!
//! The batch exporter works on a thread of its own without a runtime, so its HTTP client must be
//! the blocking one: the asynchronous client panics there.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use super::TelemetryError;

/// How long one delivery may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The provider that exports to `endpoint`, or `None` when it is empty.
pub(super) fn provider(
    service: &'static str,
    endpoint: &str,
) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    if endpoint.trim().is_empty() {
        return Ok(None);
    }
    let endpoint = traces_url(endpoint)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(client(&endpoint)?)
        .with_timeout(TIMEOUT)
        .with_endpoint(endpoint.as_str())
        .build()
        .map_err(TelemetryError::Exporter)?;
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(service).build())
        .with_batch_exporter(exporter)
        .build();
    Ok(Some(provider))
}

/// The layer that turns spans into exported ones.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, Tracer>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer().with_tracer(provider.tracer("metergate"))
}

fn traces_url(endpoint: &str) -> Result<Url, TelemetryError> {
    let base = Url::parse(endpoint.trim()).map_err(|_| TelemetryError::Endpoint)?;
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return Err(TelemetryError::Endpoint);
    }
    let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
    let mut url = base;
    url.set_path(&path);
    Ok(url)
}

fn client(endpoint: &Url) -> Result<reqwest::blocking::Client, TelemetryError> {
    crate::http::install_tls_provider();
    let secure = endpoint.scheme() == "https";
    // The blocking client may not be built on a thread that runs asynchronous code.
    let builder = std::thread::Builder::new().name("otlp-client".to_owned());
    let thread = builder
        .spawn(move || {
            let client = reqwest::blocking::Client::builder().timeout(TIMEOUT);
            // A plain address needs no certificates; a machine may have none installed.
            let client = if secure {
                client
            } else {
                client.tls_certs_only([])
            };
            client.build().map_err(TelemetryError::Client)
        })
        .map_err(TelemetryError::Thread)?;
    thread
        .join()
        .unwrap_or_else(|_| Err(TelemetryError::Thread(std::io::Error::other("it panicked"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_to_the_endpoint() {
        let url = |text| traces_url(text).map(String::from);
        assert_eq!(
            url("http://collector:4318").unwrap(),
            "http://collector:4318/v1/traces"
        );
        assert_eq!(
            url(" https://c.example/otlp/ ").unwrap(),
            "https://c.example/otlp/v1/traces"
        );
        for wrong in ["collector:4318", "ftp://collector", "/v1", "http://"] {
            assert!(
                matches!(url(wrong), Err(TelemetryError::Endpoint)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn no_endpoint_no_provider() {
        assert!(provider("test", "").unwrap().is_none());
        assert!(provider("test", " ").unwrap().is_none());
    }
}
