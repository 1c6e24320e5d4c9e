//! Prometheus metrics: one recorder per process, rendered by [`crate::health`] at `/metrics`.
//!
//! Everything is recorded through the `metrics` crate's macros. Labels carry kinds, routes and
//! outcomes, never ids or anything personal.

use std::sync::{Mutex, PoisonError};

pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

/// Upper bounds of histogram buckets in seconds: from a local query to a long job.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 1800.0,
];

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
    metrics::describe_counter!(
        "http_requests_total",
        "Requests answered, by route, method and status"
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
    }
}
