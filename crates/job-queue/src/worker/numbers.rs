//! What Prometheus is told of jobs. Labels are kinds, states and outcomes, never ids.

use metrics::Unit;

use crate::queries;

/// The counters of a kind begin at 0: an increase from nothing would not be seen as one.
pub(super) fn begin(kind: &'static str) {
    describe();
    metrics::counter!("jobs_alarms_total", "kind" => kind).increment(0);
    metrics::counter!("jobs_discards_total", "kind" => kind).increment(0);
    metrics::counter!("jobs_lease_lost_total", "kind" => kind).increment(0);
    metrics::counter!("jobs_rescues_total", "kind" => kind).increment(0);
}

pub(super) fn alarm(kind: &'static str) {
    metrics::counter!("jobs_alarms_total", "kind" => kind).increment(1);
}

pub(super) fn discarded(kind: String) {
    metrics::counter!("jobs_discards_total", "kind" => kind).increment(1);
}

pub(super) fn lease_lost(kind: &'static str) {
    metrics::counter!("jobs_lease_lost_total", "kind" => kind).increment(1);
}

pub(super) fn rescued(kind: String) {
    metrics::counter!("jobs_rescues_total", "kind" => kind).increment(1);
}

pub(super) fn standing(depth: queries::Depth) {
    let kind = depth.kind;
    let count = |state: &'static str, jobs: i64| {
        metrics::gauge!("jobs_depth", "kind" => kind.clone(), "state" => state).set(as_gauge(jobs));
    };
    count("available", depth.available);
    count("running", depth.running);
    count("discarded", depth.discarded);
    metrics::gauge!("jobs_oldest_ready_seconds", "kind" => kind.clone())
        .set(as_gauge(depth.oldest_ready_ms) / 1000.0);
    metrics::gauge!("jobs_oldest_live_seconds", "kind" => kind)
        .set(as_gauge(depth.oldest_ms) / 1000.0);
}

/// Exact below 2^53, which no count or age here reaches.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no conversion from i64 to f64 exists but this"
)]
const fn as_gauge(value: i64) -> f64 {
    value as f64
}

fn describe() {
    metrics::describe_gauge!(
        "jobs_depth",
        "Jobs in the table: waiting (also for their time), running, or given up"
    );
    metrics::describe_gauge!(
        "jobs_oldest_ready_seconds",
        Unit::Seconds,
        "How long the oldest job has been due without being run; 0 when none is"
    );
    metrics::describe_gauge!(
        "jobs_oldest_live_seconds",
        Unit::Seconds,
        "Age of the oldest job that has not ended, whatever it waits for; 0 when there is none"
    );
    metrics::describe_histogram!("jobs_run_seconds", Unit::Seconds, "Time of one run");
    metrics::describe_counter!("jobs_runs_total", "Runs of jobs");
    metrics::describe_counter!(
        "jobs_rescues_total",
        "Jobs taken back from a worker that had vanished"
    );
    metrics::describe_counter!(
        "jobs_lease_lost_total",
        "Runs given up because their lease was over"
    );
    metrics::describe_counter!("jobs_discards_total", "Jobs given up");
    metrics::describe_counter!(
        "jobs_alarms_total",
        "Failed attempts of jobs that must not be given up and are over an hour old"
    );
}
