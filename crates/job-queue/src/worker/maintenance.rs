//! What a worker does beside running jobs: renew leases, keep the table in order, publish metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Shared, end, jittered, numbers};
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
        let kept = once(&shared, &kinds, round % ROUNDS_PER_METRICS == 0);
        if let Err(error) = end::bounded(kept).await {
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
        numbers::rescued(kind);
    }
    for kind in kept.given_up {
        tracing::error!(
            kind,
            "a job of a vanished worker was given up: see `metergate jobs list`"
        );
        numbers::discarded(kind);
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
            numbers::standing(depth);
        }
    }
    Ok(())
}
