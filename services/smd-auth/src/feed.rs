//! How far authorizations have come, for whoever watches in this process: one look at the database for all of them
//! together, and none while nobody watches.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use service_kit::config::chain;
use service_kit::shutdown::Shutdown;
use storage::smd::AuthorizationId;
use storage::smd::progress::{self, Progress};
use storage::{Database, DatabaseError};
use tokio::sync::{Notify, watch};

/// Between two looks: a window takes at least a second, by the custodian's limit.
const EVERY: Duration = Duration::from_secs(1);

/// What a watcher sees: the progress, or nothing once the page is gone.
pub(crate) type Seen = Option<Progress>;

/// Spreads progress to watchers.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    watched: Mutex<HashMap<AuthorizationId, watch::Sender<Seen>>>,
    begun: Notify,
}

impl Feed {
    /// Watches an authorization that stood like this a moment ago.
    pub(crate) fn watch(&self, progress: Progress) -> watch::Receiver<Seen> {
        let mut watched = self.watched();
        let sender = watched
            .entry(progress.id)
            .or_insert_with(|| watch::channel(None).0);
        tell(sender, Some(progress));
        let receiver = sender.subscribe();
        drop(watched);
        self.begun.notify_one();
        receiver
    }

    /// Until the soft shutdown.
    pub(crate) async fn run(&self, database: &Database, shutdown: &Shutdown) {
        let _stopped = shutdown
            .soft()
            .run_until_cancelled(self.follow(database))
            .await;
    }

    async fn follow(&self, database: &Database) {
        loop {
            let ids = self.still_watched();
            if ids.is_empty() {
                self.begun.notified().await;
                continue;
            }
            if let Err(error) = self.look(database, &ids).await {
                tracing::warn!(error = chain(&error), "progress is shown late");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Forgets those that nobody watches any more.
    fn still_watched(&self) -> Vec<AuthorizationId> {
        let mut watched = self.watched();
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    async fn look(
        &self,
        database: &Database,
        ids: &[AuthorizationId],
    ) -> Result<(), DatabaseError> {
        let mut conn = database.get().await?;
        let found = progress::of_watched(&mut conn, ids).await?;
        drop(conn);
        metrics::counter!("smd_progress_looks_total").increment(1);
        let mut found: HashMap<_, _> = found.into_iter().map(|one| (one.id, one)).collect();
        let watched = self.watched();
        for id in ids {
            if let Some(sender) = watched.get(id) {
                tell(sender, found.remove(id));
            }
        }
        Ok(())
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<AuthorizationId, watch::Sender<Seen>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes watchers only when something has changed.
fn tell(sender: &watch::Sender<Seen>, now: Seen) {
    sender.send_if_modified(|seen| {
        let has_changed = *seen != now;
        *seen = now;
        has_changed
    });
}

#[cfg(test)]
mod tests {
    use storage::smd::authorization::Stage;

    use super::*;

    #[test]
    fn what_nobody_watches_any_more_is_not_looked_at() {
        let progress = Progress {
            id: AuthorizationId::from(uuid::Uuid::from_u128(7)),
            stage: Stage::Fetching,
            received: 0,
            windows: 0,
            usage_points: 0,
            history: None,
            released: false,
            exported: false,
            failure: None,
        };
        let feed = Feed::default();
        assert_eq!(feed.still_watched(), []);
        let (one, two) = (feed.watch(progress.clone()), feed.watch(progress.clone()));
        assert_eq!(feed.still_watched(), [progress.id]);
        drop(one);
        assert_eq!(feed.still_watched(), [progress.id]);
        drop(two);
        assert_eq!(feed.still_watched(), []);
    }
}
