//! One job from claim to outcome.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::Shared;
use crate::{Handler, Job, JobKind, Lease, Outcome, Pool, QueueError, queries};

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
    let lease = Lease { id: claimed.id, token: claimed.lease_token };
    let span = tracing::info_span!("job", job.kind = kind, job.id = claimed.id, job.attempt = claimed.attempt);
    if let Some(traceparent) = &claimed.traceparent {
        service_kit::telemetry::continue_from(&span, traceparent);
    }
    let age = from_millis(claimed.age_ms);
    let lost = shared.running.add(lease, from_millis(claimed.lease_ms), claimed_at);
    let started = Instant::now();
    let outcome = async {
        tokio::select! {
            biased;
            () = lost.cancelled() => None,
            () = shared.shutdown.hard().cancelled() => Some(Outcome::HandBack),
            outcome = attempt::<K, H>(shared, handler, claimed, lease) => Some(outcome),
        }
    }
    .instrument(span.clone())
    .await;
    let Some(outcome) = outcome else {
        shared.running.remove(lease);
        metrics::counter!("jobs_lease_lost_total", "kind" => kind).increment(1);
        span.in_scope(|| tracing::warn!("the lease was lost: the run was abandoned"));
        return;
    };
    metrics::histogram!("jobs_run_seconds", "kind" => kind).record(started.elapsed().as_secs_f64());
    metrics::counter!("jobs_runs_total", "kind" => kind, "outcome" => label(&outcome)).increment(1);
    span.in_scope(|| report(&outcome, K::SPEC.retry == crate::Retry::Forever && age > ALARM_AFTER));
    if outcome == Outcome::Done {
        // The completer removes it from the running ones.
        let _sent = shared.done.send(lease);
    } else {
        finish(shared, lease, &outcome).instrument(span).await;
        shared.running.remove(lease);
    }
}

/// The handler's outcome, bounded by the deadline; a panic is a failed attempt.
async fn attempt<K: JobKind, H: Handler<K>>(
    shared: &Shared,
    handler: &H,
    claimed: queries::Claimed,
    lease: Lease,
) -> Outcome {
    let payload = match serde_json::from_value(claimed.payload) {
        Ok(payload) => payload,
        Err(error) => return Outcome::Fail(format!("the payload does not fit this version: {error}")),
    };
    let job = Job {
        id: claimed.id,
        payload,
        attempt: claimed.attempt,
        max_attempts: claimed.max_attempts,
        lease,
        stopping: shared.shutdown.soft().clone(),
    };
    let deadline = from_millis(claimed.deadline_ms);
    let run = AssertUnwindSafe(handler.run(job)).catch_unwind();
    match tokio::time::timeout(deadline, run).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Outcome::Retry(format!("the handler panicked: {}", panic_message(&*panic))),
        Err(_elapsed) => Outcome::Retry(format!("not done within the deadline of {} s", deadline.as_secs())),
    }
}

fn report(outcome: &Outcome, alarm: bool) {
    match outcome {
        Outcome::Done | Outcome::DoneWith(_) | Outcome::Snooze(_) | Outcome::HandBack => {
            tracing::debug!(outcome = label(outcome), "job ended");
        }
        Outcome::Retry(note) if alarm => {
            metrics::counter!("jobs_alarms_total").increment(1);
            tracing::error!(note, "this job must not be given up and has been failing for over an hour");
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

/// Ends the run in the table. When the database cannot be reached, the lease runs out and the job
/// runs again: handlers are idempotent.
async fn finish(shared: &Shared, lease: Lease, outcome: &Outcome) {
    let ended = async {
        let mut conn = shared.pool.get().await?;
        queries::finish(&mut conn, lease, outcome).await
    };
    match ended.await {
        Ok(Some(state)) if state == "discarded" => {
            metrics::counter!("jobs_discards_total").increment(1);
            tracing::error!(job = lease.id, "job given up: see `metergate jobs show`");
        }
        Ok(Some(_)) => {}
        Ok(None) => tracing::warn!(job = lease.id, "the lease was lost before the run could be ended"),
        Err(error) => tracing::warn!(job = lease.id, %error, "cannot end the run; it will be repeated"),
    }
}

/// Completes runs that ended well, as many as are waiting in one statement.
pub(super) fn complete_all(
    shared: &Arc<Shared>,
    queue: mpsc::UnboundedReceiver<Lease>,
) -> impl Future<Output = ()> + use<> {
    // Keep no sender alive here: the queue ends when the last run has.
    complete_batches(shared.pool.clone(), Arc::downgrade(shared), queue)
}

async fn complete_batches(
    pool: Pool,
    shared: Weak<Shared>,
    mut queue: mpsc::UnboundedReceiver<Lease>,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 500).await > 0 {
        let ended: Result<Vec<i64>, QueueError> = async {
            let mut conn = pool.get().await?;
            queries::complete(&mut conn, &batch).await
        }
        .await;
        match ended {
            Ok(ids) if ids.len() == batch.len() => {}
            Ok(ids) => tracing::warn!(lost = batch.len() - ids.len(), "some runs had lost their lease before they ended"),
            Err(error) => tracing::warn!(%error, runs = batch.len(), "cannot complete runs; they will be repeated"),
        }
        if let Some(shared) = shared.upgrade() {
            for lease in &batch {
                shared.running.remove(*lease);
            }
        }
        batch.clear();
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn from_millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
