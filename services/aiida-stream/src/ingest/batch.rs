//! A batch becomes one transaction. When the database refuses it, halves are tried until the one message that it
//! cannot store is found; when the database is away, everything waits.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel_async::AsyncConnection as _;
use jiff::civil::Date;
use job_queue::{NewJob, QueueError};
use permission::PermissionId;
use storage::aiida::stream::ingest::{self, NewMessage};
use storage::aiida::stream::refusal::{self, Refused};
use storage::aiida::stream::{binding, partitions};
use storage::{Database, DatabaseError, clock};
use tokio::time::Instant;

use super::admission::Verdict;
use super::memory::Memory;
use crate::partitions::{day_of, oldest};

/// How long one transaction may take before the database counts as away.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A permission's last message is noted this often.
const NOTE: Duration = Duration::from_secs(5);

/// Days that are remembered before they are forgotten all at once.
const MOST: usize = 50_000;

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the database: {0}")]
    Query(#[from] QueryError),
    #[error("the partition of a day cannot be made: {0}")]
    Partition(#[source] QueryError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("the database did not answer within {0:?}")]
    Silent(Duration),
}

impl StoreError {
    /// The database is away or busy, whatever the messages are.
    fn is_about_the_database(&self) -> bool {
        match self {
            Self::Query(error)
            | Self::Database(DatabaseError::Query(error))
            | Self::Queue(QueueError::Database(error)) => is_about_the_database(error),
            Self::Database(_) | Self::Partition(_) | Self::Silent(_) => true,
            Self::Queue(error) => !matches!(error, QueueError::Payload { .. }),
        }
    }
}

fn is_about_the_database(error: &QueryError) -> bool {
    match error {
        QueryError::DatabaseError(kind, _) => matches!(
            kind,
            DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ReadOnlyTransaction
        ),
        QueryError::BrokenTransactionManager => true,
        _ => false,
    }
}

/// What became of a try.
pub(crate) enum Tried {
    /// Committed, with this many messages that were not there.
    Stored(u64),
    /// The database takes others but not these.
    Rejected(StoreError),
    /// The database takes nothing at the moment.
    Away(StoreError),
}

/// Stores batches. Remembers what need not be done for each of them.
pub(crate) struct Store {
    database: Database,
    days: HashSet<Date>,
    noted: Memory<()>,
    pruned: Option<Instant>,
    retention: Duration,
}

impl Store {
    pub(crate) fn new(database: Database, retention: Duration) -> Self {
        Self {
            database,
            days: HashSet::new(),
            noted: Memory::default(),
            pruned: None,
            retention,
        }
    }

    /// Tries to store these in one transaction.
    pub(crate) async fn attempt(&mut self, verdicts: &[&Verdict]) -> Tried {
        let error = match tokio::time::timeout(LIMIT, self.transact(verdicts)).await {
            Ok(Ok(stored)) => return Tried::Stored(stored),
            Ok(Err(error)) => error,
            Err(_) => StoreError::Silent(LIMIT),
        };
        // A partition may be gone that was there: look again.
        self.days.clear();
        if error.is_about_the_database() {
            return Tried::Away(error);
        }
        match tokio::time::timeout(LIMIT, self.probe()).await {
            Ok(Ok(())) => Tried::Rejected(error),
            Ok(Err(probed)) => Tried::Away(probed),
            Err(_) => Tried::Away(StoreError::Silent(LIMIT)),
        }
    }

    /// A full disk, a missing right: then no message can be stored, and none is to blame.
    async fn probe(&self) -> Result<(), StoreError> {
        let mut conn = self.database.get().await?;
        ingest::probe(&mut conn).await?;
        Ok(())
    }

    async fn transact(&mut self, verdicts: &[&Verdict]) -> Result<u64, StoreError> {
        let sorted = Sorted::of(verdicts)?;
        let mut conn = self.database.get().await?;
        let missing: BTreeSet<Date> = sorted
            .messages
            .iter()
            .map(|message| day_of(message.sent_at))
            .filter(|day| !self.days.contains(day))
            .collect();
        if !missing.is_empty() {
            let missing: Vec<Date> = missing.into_iter().collect();
            partitions::make(&mut conn, &missing)
                .await
                .map_err(StoreError::Partition)?;
            if self.days.len() > MOST {
                self.days.clear();
            }
            self.days.extend(missing);
        }
        let due = self.due(&sorted.messages);
        let (stored, noted) = conn
            .transaction(async |conn| {
                ingest::durable(conn).await?;
                job_queue::enqueue(conn, &sorted.jobs).await?;
                // Whoever is erased meanwhile waits for the commit, and takes what is stored here along.
                let held = binding::hold(conn, &sorted.permissions()).await?;
                let (messages, refused) = sorted.of_those(&held);
                let stored = ingest::store(conn, &messages).await?;
                let noted = ingest::note(conn, &due).await?;
                refusal::record(conn, &refused).await?;
                Ok::<_, StoreError>((stored, noted))
            })
            .await?;
        let until = Instant::now() + NOTE;
        for id in noted {
            self.noted.keep(id, (), until);
        }
        if !sorted.refused.is_empty() {
            self.prune(&mut conn).await;
        }
        Ok(stored)
    }

    /// The permissions of these whose last message was not noted just now.
    fn due(&mut self, messages: &[&NewMessage]) -> Vec<PermissionId> {
        let now = Instant::now();
        self.noted.make_room(messages.len(), now);
        let due: BTreeSet<PermissionId> = messages
            .iter()
            .map(|message| message.permission)
            .filter(|id| !self.noted.is_fresh(*id, now))
            .collect();
        due.into_iter().collect()
    }

    /// Once a second at most, so that a flood of refused messages does not fill the table. The batch is committed:
    /// a failure is no reason to do it again, and the periodic job prunes too.
    async fn prune(&mut self, conn: &mut storage::Connection) {
        if self
            .pruned
            .is_some_and(|at| at.elapsed() < Duration::from_secs(1))
        {
            return;
        }
        self.pruned = Some(Instant::now());
        let pruned = async {
            let since = oldest(clock::now(conn).await?, self.retention);
            refusal::prune(conn, since).await
        };
        if let Err(error) = pruned.await {
            tracing::warn!(%error, "old refused messages could not be deleted; the next batch tries again");
        }
    }
}

/// What a batch means for the database.
struct Sorted<'b> {
    jobs: Vec<NewJob>,
    messages: Vec<&'b NewMessage>,
    refused: Vec<&'b Refused>,
}

impl<'b> Sorted<'b> {
    fn of(verdicts: &[&'b Verdict]) -> Result<Self, QueueError> {
        let mut sorted = Self {
            jobs: Vec::new(),
            messages: Vec::new(),
            refused: Vec::new(),
        };
        for verdict in verdicts {
            match verdict {
                Verdict::Store(admitted) => sorted.messages.push(&admitted.message),
                Verdict::Status(status) => sorted.jobs.push(NewJob::new(status)?),
                Verdict::Refuse(refused) => sorted.refused.push(refused),
                Verdict::Known => {}
            }
        }
        Ok(sorted)
    }

    /// Those that something is stored of.
    fn permissions(&self) -> Vec<PermissionId> {
        let stored = self.messages.iter().map(|one| one.permission);
        let refused = self.refused.iter().filter_map(|one| one.permission);
        let all: BTreeSet<PermissionId> = stored.chain(refused).collect();
        all.into_iter().collect()
    }

    /// Messages and refusals without what came under other permissions than these, which stand in order.
    fn of_those(&self, permissions: &[PermissionId]) -> (Vec<&'b NewMessage>, Vec<&'b Refused>) {
        let there = |id: PermissionId| permissions.binary_search(&id).is_ok();
        let messages = self.messages.iter().copied();
        let refused = self.refused.iter().copied();
        (
            messages.filter(|one| there(one.permission)).collect(),
            refused
                .filter(|one| one.permission.is_none_or(there))
                .collect(),
        )
    }
}
