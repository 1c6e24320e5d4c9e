//! One job from claim to outcome.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tracing::Instrument;

use super::{Shared, end, numbers};
use crate::{Handler, Job, JobKind, Lease, Outcome, queries};

/// An endless job older than this raises the alarm at each failed attempt.
const ALARM_AFTER: Duration = Duration::from_hours(1);

/// Runs one claimed job and ends it in the job table.
pub(super) async fn run_one<K: JobKind, H: Handler<K>>(
    shared: &Shared,
    handler: &H,
    claimed: queries::Claimed,
    claimed_at: Instant,
) {
    let kind = K::SPEC.name;
    let lease = claimed.lease();
    let span = tracing::info_span!(
        "job",
        otel.name = format!("job {kind}"),
        otel.kind = "consumer",
        job.kind = kind,
        job.id = claimed.id,
        job.attempt = claimed.attempt
    );
    if let Some(traceparent) = &claimed.traceparent {
        service_kit::telemetry::continue_from(&span, traceparent);
    }
    let age = from_millis(claimed.age_ms);
    let lost = shared
        .running
        .add(lease, from_millis(claimed.lease_ms), claimed_at);
    let started = Instant::now();
    let outcome = async {
        tokio::select! {
            biased;
            outcome = attempt::<K, H>(shared, handler, claimed, lease, claimed_at) => Some(outcome),
            () = lost.cancelled() => None,
            () = shared.shutdown.hard().cancelled() => Some(Outcome::HandBack),
        }
    }
    .instrument(span.clone())
    .await;
    let Some(outcome) = outcome else {
        shared.running.remove(lease);
        numbers::lease_lost(kind);
        span.in_scope(|| tracing::warn!("the lease was lost: the run was abandoned"));
        return;
    };
    metrics::histogram!("jobs_run_seconds", "kind" => kind).record(started.elapsed().as_secs_f64());
    metrics::counter!("jobs_runs_total", "kind" => kind, "outcome" => label(&outcome)).increment(1);
    let alarm = K::SPEC.retry == crate::Retry::Forever && age > ALARM_AFTER;
    span.in_scope(|| report(kind, &outcome, alarm));
    if outcome == Outcome::Done {
        // The completer removes it from the running ones.
        let _sent = shared.done.send(lease);
    } else {
        end::finish(shared, kind, lease, &outcome, &lost)
            .instrument(span)
            .await;
        shared.running.remove(lease);
    }
}

/// The handler's outcome, bounded by the deadline; a panic is a failed attempt. The time counts from
/// before the claim, so that this is noticed here before the database counts the job as an orphan.
async fn attempt<K: JobKind, H: Handler<K>>(
    shared: &Shared,
    handler: &H,
    claimed: queries::Claimed,
    lease: Lease,
    claimed_at: Instant,
) -> Outcome {
    let payload = match serde_json::from_value(claimed.payload) {
        Ok(payload) => payload,
        // Another version of this program may have written it, and may be able to run it.
        Err(error) => {
            return Outcome::Retry(format!("the payload does not fit this version: {error}"));
        }
    };
    let job = Job {
        id: claimed.id,
        payload,
        attempt: claimed.attempt,
        max_attempts: claimed.max_attempts,
        lease,
        stopping: shared.shutdown.soft().clone(),
        progressed: AtomicBool::new(false),
    };
    let deadline = from_millis(claimed.deadline_ms);
    let run = AssertUnwindSafe(async { handler.run(job).await }).catch_unwind();
    match tokio::time::timeout_at((claimed_at + deadline).into(), run).await {
        Ok(Ok(outcome)) => outcome,
        // Not the panic's message: it may quote what was being handled.
        Ok(Err(_panic)) => Outcome::Retry("the handler panicked: the log says where".to_owned()),
        Err(_elapsed) => Outcome::Retry(format!("not done within the deadline of {deadline:?}")),
    }
}

fn report(kind: &'static str, outcome: &Outcome, alarm: bool) {
    match outcome {
        Outcome::Snooze(_) if alarm => {
            numbers::alarm(kind);
            tracing::error!("this job must not be given up and has been waiting for over an hour");
        }
        Outcome::Done | Outcome::DoneWith(_) | Outcome::Snooze(_) | Outcome::HandBack => {
            tracing::debug!(outcome = label(outcome), "job ended");
        }
        Outcome::Retry(note) | Outcome::Fail(note) if alarm => {
            numbers::alarm(kind);
            tracing::error!(
                note,
                "this job must not be given up and has been failing for over an hour"
            );
        }
        Outcome::Retry(note) => tracing::warn!(note, "attempt failed"),
        Outcome::Cancel(note) => tracing::info!(note, "job cancelled"),
        Outcome::Fail(note) => tracing::error!(note, "job failed for good"),
    }
}

const fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::DoneWith(_) => "done",
        Outcome::Retry(_) => "retry",
        Outcome::Snooze(_) => "snooze",
        Outcome::Cancel(_) => "cancel",
        Outcome::Fail(_) => "fail",
        Outcome::HandBack => "hand_back",
    }
}

fn from_millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
