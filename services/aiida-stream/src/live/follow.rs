//! One event stream: follows a permission in the database and hands events to a reader.
//!
//! Rows become visible when their transaction commits, a little after the time they carry. So each look goes
//! back [`OVERLAP`] behind the one before, and what was told already is passed over. A reader that comes back
//! with the id of its last event gets everything since then, and may get the last seconds before it twice, with
//! the same ids.

use std::collections::HashSet;
use std::time::Duration;

use actix_web::web::Bytes;
use jiff::Timestamp;
use permission::{PermissionId, Status};
use service_kit::secret::{ExposeSecret, Secret};
use storage::aiida::api_key;
use storage::aiida::live::{self, Head, LiveReading};
use storage::{Database, DatabaseError};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::event::{self, End};
use crate::ingest;

/// Between two looks into the database.
const LOOK: Duration = Duration::from_millis(500);

/// No transaction that stores records takes longer than this from its first row to its commit.
const OVERLAP: Duration = ingest::LIMIT;

/// What a home took longer ago is history, and so is what a reader missed longer ago: the API has it.
const OLDEST: Duration = Duration::from_hours(1);

/// Most records that one look brings: the newest.
const RECORDS: i64 = 500;

/// How long a reader may take nothing before its stream is ended.
const SLOWEST: Duration = Duration::from_secs(30);

/// Where a stream begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) head: Head,
    /// The time in the id of the last event that the reader has seen.
    pub(super) seen: Option<Timestamp>,
}

pub(super) struct Follower {
    database: Database,
    permission: PermissionId,
    key: Secret,
    heartbeat: Duration,
    /// What was told last.
    status: Option<Status>,
    /// Nothing older than this is told.
    floor: Timestamp,
    /// The database's time of the last look.
    looked: Timestamp,
    /// Records that were told and that the next look may find again.
    told: HashSet<(Timestamp, Vec<u8>)>,
    failing: bool,
}

/// The reader is gone or too slow, or was told the end.
struct Over;

impl Follower {
    pub(super) fn new(
        database: Database,
        permission: PermissionId,
        key: Secret,
        heartbeat: Duration,
        start: Start,
    ) -> Self {
        let now = start.head.now;
        let floor = start.seen.map_or(now, |seen| {
            seen.min(now)
                .saturating_sub(OVERLAP)
                .unwrap_or(now)
                .max(now.saturating_sub(OLDEST).unwrap_or(now))
        });
        Self {
            database,
            permission,
            key,
            heartbeat,
            status: None,
            floor,
            // The first look goes back to the floor.
            looked: floor,
            told: HashSet::new(),
            failing: false,
        }
    }

    /// Until the permission ends, the key is revoked, or the reader leaves or takes too long.
    pub(super) async fn run(mut self, reader: &Sender<Bytes>) {
        if hand(reader, event::greeting()).await.is_err() {
            return;
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            looks.tick().await;
            let beat = heard.elapsed() >= self.heartbeat;
            match self.look(reader, beat).await {
                Ok(Ok(())) => self.failing = false,
                Ok(Err(Over)) => return,
                Err(error) => self.complain(&error),
            }
            if beat {
                heard = Instant::now();
                if hand(reader, event::heartbeat()).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Tells what is new. `check`: also whether the key still opens the API.
    async fn look(
        &mut self,
        reader: &Sender<Bytes>,
        check: bool,
    ) -> Result<Result<(), Over>, DatabaseError> {
        let (head, readings) = {
            let mut conn = self.database.get().await?;
            if check
                && api_key::verify(&mut conn, self.key.expose_secret())
                    .await?
                    .is_none()
            {
                return Ok(hand(reader, event::end(End::Key)).await.and(Err(Over)));
            }
            // The status first: what was stored before the permission ended is told before its end.
            let head = live::head(&mut conn, self.permission).await?;
            let from = self.looked.saturating_sub(OVERLAP).unwrap_or(self.floor);
            let from = from.max(self.floor);
            let found = live::since(&mut conn, self.permission, from, OLDEST, RECORDS).await?;
            (head, found)
        };
        Ok(self.tell(reader, head, &readings).await)
    }

    async fn tell(
        &mut self,
        reader: &Sender<Bytes>,
        head: Option<Head>,
        readings: &[LiveReading],
    ) -> Result<(), Over> {
        for record in readings.chunk_by(|a, b| a.digest == b.digest) {
            let Some(first) = record.first() else {
                continue;
            };
            if self.told.insert((first.received_at, first.digest.clone())) {
                for reading in record {
                    hand(reader, event::reading(reading)).await?;
                }
            }
        }
        let Some(head) = head else {
            // Erased.
            hand(reader, event::end(End::Permission)).await?;
            return Err(Over);
        };
        if self.status != Some(head.status) {
            self.status = Some(head.status);
            hand(reader, event::status(head.status)).await?;
        }
        if has_ended(head.status) {
            hand(reader, event::end(End::Permission)).await?;
            return Err(Over);
        }
        self.looked = head.now;
        if let Ok(oldest) = head.now.checked_sub(OVERLAP) {
            self.told.retain(|(at, _)| *at >= oldest);
        }
        Ok(())
    }

    /// Once per trouble, not twice a second.
    fn complain(&mut self, error: &DatabaseError) {
        if !self.failing {
            self.failing = true;
            let cause = service_kit::config::chain(error);
            tracing::warn!(permission = %self.permission, cause, "an event stream waits for the database");
        }
    }
}

/// Whether a permission that stands here brings no more readings.
pub(super) const fn has_ended(status: Status) -> bool {
    !matches!(
        status,
        Status::Created
            | Status::Validated
            | Status::UnableToSend
            | Status::SentToPermissionAdministrator
            | Status::Accepted
    )
}

async fn hand(reader: &Sender<Bytes>, event: Bytes) -> Result<(), Over> {
    reader.send_timeout(event, SLOWEST).await.map_err(|_| Over)
}
