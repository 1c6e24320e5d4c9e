//! Ends runs in the job table. While the database is away they are ended later, as long as the lease
//! lasts; after that the job runs again: handlers are idempotent.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{GATHER, Shared, numbers};
use crate::{Lease, Outcome, Pool, QueueError, queries};

/// How long the end of a run may take once the program is stopping at once, and how long one question
/// to the database may take before.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs per statement.
const MOST_AT_ONCE: usize = 500;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Ends one run.
pub(super) async fn finish(
    shared: &Shared,
    kind: &'static str,
    lease: Lease,
    outcome: &Outcome,
    lost: &CancellationToken,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let no_more_time = shared.shutdown.hard().is_cancelled();
        let ended = lost.run_until_cancelled(bounded(try_finish(&shared.pool, lease, outcome)));
        match ended.await {
            Some(Ok(state)) => return note(kind, lease, state.as_deref()),
            Some(Err(error)) => tracing::warn!(job = lease.id, %error, "cannot end the run"),
            None => {}
        }
        if no_more_time
            || lost
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .is_none()
        {
            return tracing::warn!(job = lease.id, "the run was not ended; it will be repeated");
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Hands back what was claimed while the program began to stop.
pub(super) async fn hand_back(shared: Arc<Shared>, kind: &'static str, lease: Lease) {
    finish(
        &shared,
        kind,
        lease,
        &Outcome::HandBack,
        &CancellationToken::new(),
    )
    .await;
}

async fn try_finish(
    pool: &Pool,
    lease: Lease,
    outcome: &Outcome,
) -> Result<Option<String>, QueueError> {
    let mut conn = pool.get().await?;
    queries::finish(&mut conn, lease, outcome).await
}

fn note(kind: &'static str, lease: Lease, state: Option<&str>) {
    match state {
        Some("discarded") => {
            numbers::discarded(kind.to_owned());
            tracing::error!(job = lease.id, "job given up: see `metergate jobs show`");
        }
        Some(_) => {}
        None => tracing::warn!(
            job = lease.id,
            "the lease was lost before the run could be ended"
        ),
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
    let mut wait = FIRST_WAIT;
    // What is left of a batch that could not be written is tried again, along with what came since.
    while !batch.is_empty() || queue.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        gather(&mut queue, &mut batch).await;
        match bounded(try_complete(&pool, &batch)).await {
            Ok(ids) => {
                if ids.len() < batch.len() {
                    let lost = batch.len() - ids.len();
                    tracing::warn!(
                        lost,
                        "some runs had lost their lease before they were ended"
                    );
                }
                forget(&shared, &batch);
                batch.clear();
                wait = FIRST_WAIT;
            }
            Err(error) => {
                tracing::warn!(%error, runs = batch.len(), "cannot end runs");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
                drop_lost(&shared, &mut batch);
            }
        }
    }
}

/// Short runs end close to each other.
async fn gather(queue: &mut mpsc::UnboundedReceiver<Lease>, batch: &mut Vec<Lease>) {
    let more = async {
        while batch.len() < MOST_AT_ONCE
            && let Some(lease) = queue.recv().await
        {
            batch.push(lease);
        }
    };
    let _complete = tokio::time::timeout(GATHER, more).await;
}

async fn try_complete(pool: &Pool, batch: &[Lease]) -> Result<Vec<i64>, QueueError> {
    let mut conn = pool.get().await?;
    queries::complete(&mut conn, batch).await
}

fn forget(shared: &Weak<Shared>, ended: &[Lease]) {
    if let Some(shared) = shared.upgrade() {
        for lease in ended {
            shared.running.remove(*lease);
        }
    }
}

/// Somebody else runs these jobs again.
fn drop_lost(shared: &Weak<Shared>, batch: &mut Vec<Lease>) {
    let Some(shared) = shared.upgrade() else {
        return;
    };
    let before = batch.len();
    batch.retain(|lease| {
        let is_lost = shared.running.is_lost(*lease);
        if is_lost {
            shared.running.remove(*lease);
        }
        !is_lost
    });
    if batch.len() < before {
        tracing::warn!(
            runs = before - batch.len(),
            "runs that ended well will be repeated"
        );
    }
}

/// A database that does not answer is as good as one that refuses.
pub(super) async fn bounded<T>(
    asked: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    tokio::time::timeout(LAST_WORDS, asked)
        .await
        .unwrap_or(Err(QueueError::NoAnswer(LAST_WORDS)))
}
