//! Carries a trace from one process to another as a W3C `traceparent`.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const FIELD: &str = "traceparent";

/// The `traceparent` of the current span (`00-…-…-01`), to be stored beside a job or sent along
/// with a request; `None` outside a span and when traces are off.
#[must_use]
pub fn traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(FIELD)
}

/// Makes `span` a child of the remote span that `traceparent` names. Call it before the span is
/// entered. A text that is no `traceparent` is ignored: a trace is never worth a failure.
pub fn continue_from(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(FIELD.to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    if let Err(error) = span.set_parent(parent) {
        tracing::trace!(%error, "a span does not continue the trace it was given");
    }
}
