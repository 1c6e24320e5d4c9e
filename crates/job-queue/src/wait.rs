//! Waiting for the end of a job.

use std::time::Duration;

use diesel::OptionalExtension;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::{Listener, Notice, Pool, QueueError, WaitError, functions};

/// Reads again at least this often, whatever the notifications say.
const READ_AGAIN: Duration = Duration::from_millis(250);

/// Waits until the job has ended and answers its result; an error after `limit`, or when the job
/// was discarded, cancelled or is not there. Holds no pooled connection and no lock between reads.
/// Quick for kinds that are announced; others are noticed within a quarter of a second.
pub async fn wait_for(
    pool: &Pool,
    listener: &Listener,
    id: i64,
    limit: Duration,
) -> Result<Option<Value>, WaitError> {
    // Listen before the first read, so that an end in between is not missed.
    let mut notices = listener.subscribe();
    let ended = async {
        loop {
            match read(pool, id).await {
                Ok(Some((state, result))) => match state.as_str() {
                    "completed" => return Ok(result),
                    "available" | "running" => {}
                    _ => return Err(WaitError::Failed { id, state }),
                },
                Ok(None) => return Err(WaitError::Vanished(id)),
                // The database may be back before the limit.
                Err(error) => tracing::warn!(%error, job = id, "waiting for a job"),
            }
            let _elapsed = tokio::time::timeout(READ_AGAIN, until_noticed(&mut notices, id)).await;
        }
    };
    tokio::time::timeout(limit, ended)
        .await
        .unwrap_or(Err(WaitError::TimedOut { id, limit }))
}

/// Waits until all of these jobs have ended, or until `end`; the error is that of the first that has not ended well.
pub async fn wait_for_all(
    pool: &Pool,
    listener: &Listener,
    ids: &[i64],
    end: Instant,
) -> Result<(), WaitError> {
    for &id in ids {
        // Also for a job that may have ended while another was waited for.
        let left = end.saturating_duration_since(Instant::now());
        wait_for(pool, listener, id, left.max(2 * READ_AGAIN)).await?;
    }
    Ok(())
}

async fn until_noticed(notices: &mut Receiver<Notice>, id: i64) {
    loop {
        match notices.recv().await {
            Ok(Notice::Done(done)) if done == id => return,
            Ok(Notice::Connected) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// State and result; `None` when there is no such job.
async fn read(pool: &Pool, id: i64) -> Result<Option<(String, Option<Value>)>, QueueError> {
    let mut conn = pool.get().await?;
    Ok(diesel::select(functions::standing(id))
        .get_result(&mut conn)
        .await
        .optional()?)
}
