//! Logs and traces.
//!
//! Logs go to standard error, one event a line, for people or as JSON. Spans are exported by
//! OTLP over HTTP only when an endpoint is configured. Nothing personal and no token belongs in an
//! event or a span: ids, counts, kinds and durations do.

mod context;
mod otlp;

use std::io::IsTerminal as _;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

pub use context::{continue_from, traceparent};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people: time, level, span, message, fields.
    Human,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Logs and traces.
#[derive(Debug, Clone, clap::Args)]
pub struct TelemetryConfig {
    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) and exceptions by module,
    /// for example `info,smd_fetcher=debug`. `debug` and `trace` of everything slow a program
    /// down noticeably.
    #[arg(
        long = "log",
        env = "METERGATE_LOG",
        default_value = "info,actix_server=warn"
    )]
    pub log: String,

    /// How log lines look.
    #[arg(
        long = "log-format",
        env = "METERGATE_LOG_FORMAT",
        value_enum,
        default_value = "human"
    )]
    pub log_format: LogFormat,

    /// Where traces are sent by OTLP over HTTP (`http://collector:4318`; `/v1/traces` is
    /// added). Empty or unset: nowhere. The sampler is chosen by the standard variables
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    #[arg(
        long = "otlp-endpoint",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        default_value = ""
    )]
    pub otlp_endpoint: String,
}

/// Why logs or traces cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("METERGATE_LOG is not a list like `info,smd_fetcher=debug`")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Another subscriber is in place.
    #[error("logging was already started in this process")]
    Twice(#[source] tracing::subscriber::SetGlobalDefaultError),
    /// The endpoint is no http or https address.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT is not an address like http://collector:4318")]
    Endpoint,
    /// The client that sends traces cannot be made.
    #[error(
        "no client for OTEL_EXPORTER_OTLP_ENDPOINT: for https, install the package ca-certificates"
    )]
    Client(#[source] reqwest::Error),
    /// The thread that makes the client cannot be started.
    #[error("no thread for the client of OTEL_EXPORTER_OTLP_ENDPOINT")]
    Thread(#[source] std::io::Error),
    /// The exporter refuses its settings.
    #[error("the OTLP exporter cannot be built: check the OTEL_EXPORTER_OTLP_… variables")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
}

/// Running telemetry: keep it until the end, then call [`shutdown`](Self::shutdown).
#[derive(Debug)]
#[must_use = "traces are lost unless shutdown is called at the end"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sends the spans that are still waiting. Takes up to a few seconds when the collector does
    /// not answer. Must not be called from asynchronous code.
    pub fn shutdown(self) {
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not delivered");
        }
    }
}

/// Starts logs and, when configured, traces, and logs panics. Once per process.
pub fn init(service: &'static str, config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    let writer = std::io::stderr;
    let (subscriber, provider) = build(service, config, writer)?;
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::Twice)?;
    install_panic_hook();
    Ok(Telemetry { provider })
}

fn build<W>(
    service: &'static str,
    config: &TelemetryConfig,
    writer: W,
) -> Result<
    (
        impl tracing::Subscriber + Send + Sync + use<W>,
        Option<SdkTracerProvider>,
    ),
    TelemetryError,
>
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&config.log)
        .map_err(TelemetryError::Filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match config.log_format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    };
    let provider = otlp::provider(service, &config.otlp_endpoint)?;
    let spans = provider.as_ref().map(otlp::layer::<Registry>);
    // The layer of spans comes first: it is typed over the bare registry.
    Ok((
        tracing_subscriber::registry()
            .with(spans)
            .with(lines)
            .with(filter),
        provider,
    ))
}

/// Logs where a panic happened. Its message may quote what was being handled, a customer's name
/// for instance, so it is shown at level `debug` only.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(
            place,
            thread,
            "the program panicked: report this place as a bug (METERGATE_LOG=debug shows the message)"
        );
        let payload = panic.payload();
        let message = payload.downcast_ref::<&str>().copied();
        let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tracing::debug!(message, "the message of the panic");
    }));
}

#[cfg(test)]
mod tests;
