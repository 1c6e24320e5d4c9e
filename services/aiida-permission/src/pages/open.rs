//! What the pages that are open in this process show: one look at the database for all of them, and none while none is
//! open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use service_kit::config::chain;
use storage::DatabaseError;
use tokio::sync::{Notify, watch};

use super::values::{self, Household};
use crate::Service;
use crate::feed::{Change, Watch};

/// What is no change of a status (a home that looks at the request, the first data, or its absence) shows within this.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

/// The same while values come.
const LIVE: Duration = Duration::from_secs(2);

/// Pages of one question to the database.
const TOGETHER: usize = 200;

/// The permissions of a page; none once they are gone.
type Seen = Arc<Vec<Household>>;

/// The pages by their tickets.
#[derive(Default)]
pub(crate) struct OpenPages {
    shown: Mutex<HashMap<String, watch::Sender<Seen>>>,
    opened: Notify,
}

impl OpenPages {
    /// Watches a page that showed this a moment ago: told after each look, whether or not something has changed, for
    /// time alone changes what a page says.
    pub(super) fn watch(&self, ticket: &str, households: Vec<Household>) -> watch::Receiver<Seen> {
        let seen = Arc::new(households);
        let mut shown = self.shown();
        let sender = shown
            .entry(ticket.to_owned())
            .or_insert_with(|| watch::channel(Seen::default()).0);
        sender.send_replace(seen);
        let receiver = sender.subscribe();
        drop(shown);
        self.opened.notify_one();
        receiver
    }

    /// Until the soft shutdown.
    pub(crate) async fn run(&self, service: &Service) {
        let _stopped = service
            .shutdown
            .soft()
            .run_until_cancelled(self.follow(service))
            .await;
    }

    async fn follow(&self, service: &Service) {
        loop {
            self.opened.notified().await;
            let mut changes = service.feed.watch();
            loop {
                let tickets = self.still_open();
                if tickets.is_empty() {
                    break;
                }
                if let Err(error) = self.look(service, &tickets).await {
                    tracing::warn!(error = chain(&error), "permission pages are behind");
                }
                let _either =
                    tokio::time::timeout(self.pause(), self.concerned(&mut changes)).await;
            }
        }
    }

    /// Forgets those that nobody looks at any more.
    fn still_open(&self) -> Vec<String> {
        let mut shown = self.shown();
        shown.retain(|_, sender| sender.receiver_count() > 0);
        shown.keys().cloned().collect()
    }

    async fn look(&self, service: &Service, tickets: &[String]) -> Result<(), DatabaseError> {
        for together in tickets.chunks(TOGETHER) {
            let together: Vec<&str> = together.iter().map(String::as_str).collect();
            let found = values::find_all(service, &together).await?;
            metrics::counter!("aiida_page_looks_total").increment(1);
            let shown = self.shown();
            for (ticket, households) in together.into_iter().zip(found) {
                if let Some(sender) = shown.get(ticket) {
                    sender.send_replace(Arc::new(households));
                }
            }
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        let is_live = |sender: &watch::Sender<Seen>| {
            let seen = sender.borrow();
            seen.iter().any(|household| !household.newest.is_empty())
        };
        if self.shown().values().any(is_live) {
            LIVE
        } else {
            LOOK_AGAIN
        }
    }

    /// Until the status changes of a permission that some page shows.
    async fn concerned(&self, changes: &mut Watch) {
        loop {
            match changes.next().await {
                Change::Event(event) => {
                    let is_it = |household: &Household| household.id() == event.permission;
                    let shows = |sender: &watch::Sender<Seen>| sender.borrow().iter().any(is_it);
                    if self.shown().values().any(shows) {
                        return;
                    }
                }
                Change::Look => return,
            }
        }
    }

    fn shown(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Seen>>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
