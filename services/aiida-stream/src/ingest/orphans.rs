//! Sessions that nobody took over: when there are fewer replicas than before, the broker still gives the session of
//! the missing one its share of the messages. Another replica empties such a session and ends it.

use std::time::Duration;

use storage::aiida::stream::slot;
use tokio::time::Instant;

use super::connection::{Connection, SessionError};
use super::lease::Lease;
use super::run::Ingest;

/// A session is empty when nothing came for this long.
const EMPTY_AFTER: Duration = Duration::from_secs(2);

/// Why a session was left for the next time.
#[derive(Debug, thiserror::Error)]
enum OrphanError {
    #[error(transparent)]
    Database(#[from] storage::DatabaseError),
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Looks for such sessions until the shutdown. Only for who has a session of its own that is subscribed: where none is,
/// the broker tells homes that all is well and keeps nothing. May be dropped at any moment: what is left of a session,
/// the next one finds.
pub(super) async fn run(ingest: &Ingest) {
    let after = ingest.service.config.stream.orphan_after();
    let soft = ingest.service.context.shutdown.soft().clone();
    while soft
        .run_until_cancelled(tokio::time::sleep(
            (after / 4).max(Duration::from_millis(250)),
        ))
        .await
        .is_some()
    {
        if let Err(error) = end_one(ingest, after).await {
            tracing::debug!(%error, "no session of a missing replica was ended");
        }
    }
}

async fn end_one(ingest: &Ingest, after: Duration) -> Result<(), OrphanError> {
    let service = &ingest.service;
    let (holder, time) = (service.context.random.uuid(), service.config.stream.lease());
    let asked = Instant::now();
    let mut conn = service.database.get().await?;
    let Some(number) = slot::take_orphan(&mut conn, holder, time, after).await? else {
        return Ok(());
    };
    drop(conn);
    let lease = Lease::keep(service.database.clone(), number, holder, time, asked);
    let outcome = tokio::select! {
        biased;
        () = lease.lost.cancelled() => Ok(false),
        outcome = empty(ingest, number) => outcome,
    };
    match outcome {
        Ok(true) => {
            tracing::info!(
                slot = number,
                "the session of a missing replica was emptied and ended"
            );
            lease.forget().await?;
        }
        Ok(false) => lease.release().await,
        Err(error) => {
            lease.release().await;
            return Err(error.into());
        }
    }
    Ok(())
}

/// True when the session is no more.
async fn empty(ingest: &Ingest, number: i32) -> Result<bool, SessionError> {
    let mut connection = ingest.connect(number).await?;
    if connection.resumed {
        connection.unsubscribe().await?;
        if !drain(ingest, &mut connection).await {
            return Ok(false);
        }
    }
    connection.close(true).await;
    Ok(true)
}

/// True when nothing is left in the session.
async fn drain(ingest: &Ingest, connection: &mut Connection) -> bool {
    let soft = ingest.service.context.shutdown.soft();
    loop {
        let settled = ingest.work(connection, Some(EMPTY_AFTER)).await;
        if soft.is_cancelled() || connection.lost.is_cancelled() {
            return false;
        }
        match settled {
            None => return false,
            Some(0) => return true,
            // The last batch may have been slow, and the broker waits for its acknowledgements: once more.
            Some(_) => {}
        }
    }
}
