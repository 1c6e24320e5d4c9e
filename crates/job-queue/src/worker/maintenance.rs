//! What a worker does beside running jobs: renew leases, keep the table in order, publish metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Shared, jittered};
use crate::{QueueError, queries};

/// Metrics are read from the table every so many rounds of maintenance.
const ROUNDS_PER_METRICS: u32 = 5;

/// Renews the leases of what runs here, for ever.
pub(super) async fn heartbeats(shared: Arc<Shared>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let leases = shared.running.leases();
        if leases.is_empty() {
            continue;
        }
        // Taken before asking: the lease runs from some moment after this one.
        let asked_at = Instant::now();
        let renewal = async {
            let mut conn = shared.pool.get().await?;
            queries::heartbeat(&mut conn, &leases).await
        };
        match tokio::time::timeout(every, renewal).await {
            Ok(Ok(held)) => shared.running.renewed(&leases, &held, asked_at),
            Ok(Err(error)) => tracing::warn!(%error, "cannot renew leases"),
            Err(_elapsed) => tracing::warn!("renewing leases takes too long"),
        }
        shared.running.expire(Instant::now());
    }
}

/// Keeps the table in order and the metrics fresh, for ever.
pub(super) async fn maintain(shared: Arc<Shared>, every: Duration, kinds: Vec<&'static str>) {
    let mut round = 0;
    loop {
        if let Err(error) = once(&shared, &kinds, round % ROUNDS_PER_METRICS == 0).await {
            tracing::warn!(%error, "cannot keep the job table in order");
        }
        round += 1;
        tokio::time::sleep(jittered(every)).await;
    }
}

async fn once(
    shared: &Shared,
    kinds: &[&'static str],
    with_metrics: bool,
) -> Result<(), QueueError> {
    let mut conn = shared.pool.get().await?;
    let kept = queries::maintain(&mut conn).await?;
    for kind in kept.rescued {
        tracing::warn!(kind, "a job of a vanished worker was rescued");
        metrics::counter!("jobs_rescues_total", "kind" => kind).increment(1);
    }
    for kind in kept.given_up {
        tracing::error!(
            kind,
            "a job of a vanished worker was given up: see `metergate jobs list`"
        );
        metrics::counter!("jobs_discards_total", "kind" => kind).increment(1);
    }
    if kept.scheduled + kept.pruned > 0 {
        tracing::debug!(
            scheduled = kept.scheduled,
            pruned = kept.pruned,
            "kept the job table in order"
        );
    }
    if with_metrics {
        for depth in queries::depth(&mut conn, kinds).await? {
            publish(depth);
        }
    }
    Ok(())
}

fn publish(depth: queries::Depth) {
    let kind = depth.kind;
    let count = |state: &'static str, jobs: i64| {
        metrics::gauge!("jobs_depth", "kind" => kind.clone(), "state" => state).set(as_gauge(jobs));
    };
    count("available", depth.available);
    count("running", depth.running);
    count("discarded", depth.discarded);
    let age = |name: &'static str, millis: i64| {
        metrics::gauge!(name, "kind" => kind.clone()).set(as_gauge(millis) / 1000.0);
    };
    age("jobs_oldest_ready_seconds", depth.oldest_ready_ms);
    age("jobs_oldest_live_seconds", depth.oldest_ms);
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
