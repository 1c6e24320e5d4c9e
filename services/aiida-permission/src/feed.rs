//! Changes of permissions as they happen, for whoever watches in this process: one look at the events for all of
//! them, and none while nobody watches.

use std::time::Duration;

use service_kit::config::chain;
use service_kit::shutdown::Shutdown;
use storage::aiida::event::{self, Event};
use storage::{Database, DatabaseError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Between two looks: as soon as a person notices.
const EVERY: Duration = Duration::from_millis(500);

/// Events of one look; more come with the next, at once.
const MOST: i64 = 500;

/// What a watcher is told.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A status changed.
    Event(Event),
    /// Something may have been missed: look for yourself.
    Look,
}

/// Spreads events to watchers.
#[derive(Debug)]
pub(crate) struct Feed(Sender<Change>);

impl Feed {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(1024).0)
    }

    /// From now on. Look at the permissions after this, and again at every [`Change::Look`].
    pub(crate) fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }

    /// Until the soft shutdown.
    pub(crate) async fn run(&self, database: &Database, shutdown: &Shutdown) {
        let _stopped = shutdown
            .soft()
            .run_until_cancelled(self.follow(database))
            .await;
    }

    async fn follow(&self, database: &Database) {
        let mut seen = None;
        loop {
            if self.0.receiver_count() == 0 {
                seen = None;
            } else {
                match self.look(database, seen).await {
                    Ok((last, is_all)) => {
                        seen = Some(last);
                        if !is_all {
                            continue;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "pages show changes late");
                    }
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Tells what came after `seen`; answers the last id seen and whether that was all.
    async fn look(
        &self,
        database: &Database,
        seen: Option<i64>,
    ) -> Result<(i64, bool), DatabaseError> {
        let mut conn = database.get().await?;
        let Some(seen) = seen else {
            let last = event::last(&mut conn).await?;
            // Whoever began to watch before this has seen less, perhaps.
            self.tell(Change::Look);
            return Ok((last, true));
        };
        let events = event::after(&mut conn, seen, MOST).await?;
        let last = events.last().map_or(seen, |event| event.id);
        let is_all = i64::try_from(events.len()).unwrap_or(MOST) < MOST;
        for event in events {
            self.tell(Change::Event(event));
        }
        Ok((last, is_all))
    }

    /// Nobody watching any more is no error.
    fn tell(&self, change: Change) {
        let _watchers = self.0.send(change);
    }
}

/// One watcher.
#[derive(Debug)]
pub(crate) struct Watch(Receiver<Change>);

impl Watch {
    /// The next change; one that lags behind looks for itself.
    pub(crate) async fn next(&mut self) -> Change {
        match self.0.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => Change::Look,
            // The feed lives as long as the service.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
