//! Prometheus metrics: one recorder per process, rendered by [`crate::health`] at `/metrics`.
//!
//! Everything is recorded through the `metrics` crate's macros. Labels carry kinds, routes and
//! outcomes, never ids or anything personal. What nobody records by the way is a [`Measure`]: it is
//! taken when Prometheus asks.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

/// Upper bounds of histogram buckets in seconds: from a local query to a long job.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 1800.0,
];

/// Upper bounds of histogram buckets of names that end in `_messages`.
const MESSAGES: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0,
];

/// Where the kernel tells the memory limit of this process's container: cgroup v2, then v1.
const MEMORY_LIMIT: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// More than this is no limit: version 1 says "none" with the largest number of pages.
const NO_LIMIT: f64 = 1e15;

/// Something that is measured when `/metrics` is asked for. Added by
/// [`crate::health::Checks::measure`].
#[async_trait]
pub trait Measure: Send + Sync + 'static {
    /// Sets its gauges. Cut off after two seconds: then they keep what they had. What fails is its
    /// own to log; it is asked again with the next scrape.
    async fn measure(&self);
}

static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Why metrics could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("the metrics recorder cannot be installed: another one is in place in this process")]
pub struct MetricsError(#[source] BuildError);

/// Installs the recorder of this process and returns the handle that renders it. Later calls
/// return the same handle.
pub fn install() -> Result<PrometheusHandle, MetricsError> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets(SECONDS)
        .and_then(|it| it.set_buckets_for_metric(Matcher::Suffix("_messages".to_owned()), MESSAGES))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(MetricsError)?;
    *installed = Some(handle.clone());
    describe_process();
    Ok(handle)
}

fn describe_process() {
    metrics::describe_gauge!(
        "process_resident_memory_bytes",
        metrics::Unit::Bytes,
        "Memory of the process that is in RAM"
    );
    metrics::describe_gauge!(
        "process_memory_limit_bytes",
        metrics::Unit::Bytes,
        "Memory that the container may use; absent where there is no limit"
    );
    metrics::describe_gauge!(
        "metergate_build_info",
        "Always 1; the label is the version that runs"
    );
    metrics::gauge!("metergate_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::describe_counter!(
        "http_requests_total",
        "Requests answered on the public port"
    );
    metrics::describe_histogram!(
        "http_request_seconds",
        metrics::Unit::Seconds,
        "Time from a request's head to the head of its answer"
    );
}

/// Records what changes without anybody recording it; called before each rendering.
pub(crate) fn record_process() {
    if let Some(bytes) = resident_memory() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Some(bytes) = memory_limit() {
        metrics::gauge!("process_memory_limit_bytes").set(bytes);
    }
}

/// The container's memory limit in bytes; `None` without one.
fn memory_limit() -> Option<f64> {
    let texts = MEMORY_LIMIT.iter().map(std::fs::read_to_string);
    limit_in(&texts.flatten().next()?)
}

/// `max`, or a number of bytes.
fn limit_in(text: &str) -> Option<f64> {
    let bytes: f64 = text.trim().parse().ok()?;
    (bytes < NO_LIMIT).then_some(bytes)
}

/// Resident memory in bytes, from Linux's `/proc/self/status`; `None` elsewhere.
fn resident_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_gives_the_same_recorder() {
        let first = install().unwrap();
        let second = install().unwrap();
        metrics::counter!("service_kit_test_total").increment(3);
        record_process();
        assert!(first.render().contains("service_kit_test_total 3"));
        let text = second.render();
        assert!(text.contains("service_kit_test_total 3"));
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        assert!(text.contains("metergate_build_info{version=\"0."), "{text}");
    }

    #[test]
    fn a_limit_is_a_number_that_means_something() {
        assert_eq!(limit_in("268435456\n"), Some(268_435_456.0));
        assert_eq!(limit_in("max\n"), None);
        assert_eq!(limit_in("9223372036854771712"), None);
    }

    #[test]
    fn what_counts_messages_has_buckets_of_messages() {
        let handle = install().unwrap();
        metrics::histogram!("service_kit_test_messages").record(3.0);
        let text = handle.render();
        assert!(
            text.contains("service_kit_test_messages_bucket{le=\"2500\"} 1"),
            "{text}"
        );
    }
}
