//! Holds ingest together: a slot, a connection as its client, the work on what comes, and from the beginning again.

use std::sync::Arc;
use std::time::Duration;

use storage::DatabaseError;
use storage::aiida::stream::slot;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::Store;
use super::connection::{Connection, SessionError, client_id};
use super::lease::Lease;
use super::pipeline::{Collector, Writer};
use super::status::SessionStatus;
use super::{Tls, TlsError, numbers, orphans};
use crate::Service;

/// More replicas than anybody runs.
const MOST_SLOTS: i32 = 256;

/// First and longest wait between two attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A connection that lived this long was a good one: the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(10);

/// Takes in what homes send.
pub(crate) struct Ingest {
    pub(super) service: Arc<Service>,
    tls: Tls,
    status: SessionStatus,
}

impl Ingest {
    /// Adds its check to the program's.
    pub(crate) fn new(service: Arc<Service>) -> Result<Self, TlsError> {
        let tls = Tls::load(&service.config.broker)?;
        let status = SessionStatus::starting();
        service.context.checks.add(status.clone());
        numbers::describe();
        Ok(Self {
            service,
            tls,
            status,
        })
    }

    /// Until the shutdown.
    pub(crate) async fn run(self) {
        let shutdown = &self.service.context.shutdown;
        let soft = shutdown.soft();
        let slots = async {
            let holder = self.service.context.random.uuid();
            while !soft.is_cancelled() {
                let Some(lease) = self.lease(holder).await else {
                    break;
                };
                numbers::slot(lease.number);
                self.hold(&lease).await;
                numbers::slot(-1);
                lease.release().await;
            }
        };
        tokio::select! {
            biased;
            () = shutdown.hard().cancelled() => {}
            () = slots => {}
        }
    }

    /// Takes a slot, however long that takes; `None` when the program stops.
    async fn lease(&self, holder: uuid::Uuid) -> Option<Lease> {
        let Service {
            database,
            config,
            context,
        } = &*self.service;
        let (mut wait, longest) = BACKOFF;
        loop {
            let asked = Instant::now();
            let taken = async {
                let mut conn = database.get().await?;
                Ok::<_, DatabaseError>(
                    slot::take(&mut conn, holder, config.stream.lease(), MOST_SLOTS).await?,
                )
            };
            let why = match taken.await {
                Ok(Some(number)) => {
                    let time = config.stream.lease();
                    return Some(Lease::keep(database.clone(), number, holder, time, asked));
                }
                Ok(None) => {
                    format!("all {MOST_SLOTS} slots are leased: are there so many replicas?")
                }
                Err(error) => error.to_string(),
            };
            tracing::warn!("no slot for the session at the broker: {why}");
            self.status.set(Err(why));
            context
                .shutdown
                .soft()
                .run_until_cancelled(tokio::time::sleep(wait))
                .await?;
            wait = (wait * 2).min(longest);
        }
    }

    /// Keeps a connection as long as the lease holds.
    async fn hold(&self, lease: &Lease) {
        let soft = self.service.context.shutdown.soft();
        let (mut wait, longest) = BACKOFF;
        while !soft.is_cancelled() {
            let started = Instant::now();
            let ended = tokio::select! {
                biased;
                // The connection is dropped with the work on it: at once.
                () = lease.lost.cancelled() => return self.gone("the slot was lost"),
                ended = self.session(lease.number) => ended,
            };
            let Err(error) = ended else {
                return self.gone("stopping");
            };
            tracing::warn!(slot = lease.number, %error, "no session at the broker; trying again");
            self.gone(&error.to_string());
            if started.elapsed() > GOOD {
                wait = BACKOFF.0;
            }
            let pause = soft.run_until_cancelled(tokio::time::sleep(wait));
            tokio::select! {
                () = lease.lost.cancelled() => return,
                _ = pause => wait = (wait * 2).min(longest),
            }
        }
    }

    fn gone(&self, why: &str) {
        numbers::connected(false);
        self.status.set(Err(why.to_owned()));
    }

    /// One connection from beginning to end; `Ok` when it ended because the program stops.
    async fn session(&self, number: i32) -> Result<(), SessionError> {
        let mut connection = self.connect(number).await?;
        connection.subscribe().await?;
        numbers::connected(true);
        self.status.set(Ok(()));
        tracing::info!(
            client = client_id(number),
            resumed = connection.resumed,
            "the session at the broker is established"
        );
        // While this session is subscribed, and only then: the last one that is ended takes with it what homes send.
        let others = async {
            Box::pin(orphans::run(self)).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = self.work(&mut connection, None) => {}
            () = others => {}
        }
        if self.service.context.shutdown.soft().is_cancelled() {
            connection.close(false).await;
            return Ok(());
        }
        Err(connection.why_lost(SessionError::Lost).await)
    }

    /// Connects as the client of this slot.
    pub(super) async fn connect(&self, number: i32) -> Result<Connection, SessionError> {
        let clock = Arc::clone(&self.service.context.clock);
        Connection::open(&self.service.config, &self.tls, number, clock).await
    }

    /// Takes in what comes on a connection until it is lost, the program stops, or nothing came for `idle`. Answers how
    /// many batches that were; `None` when one was left that is neither stored nor refused.
    pub(super) async fn work(
        &self,
        connection: &mut Connection,
        idle: Option<Duration>,
    ) -> Option<u64> {
        let Service {
            database,
            config,
            context,
        } = &*self.service;
        // Nothing more is taken, and nobody waits for the database, once the connection is lost or we stop.
        let stop = CancellationToken::new();
        let mut collector = Collector::new(database.clone(), config, stop.clone());
        collector.idle = idle;
        let writer = Writer {
            store: Store::new(database.clone(), config.stream.retention()),
            acks: connection.acks(),
            stop: stop.clone(),
        };
        let (batches, collected) = mpsc::channel(1);
        // A task of its own: one batch is put into statements while the next one is being read. It ends with this set.
        let mut storing = JoinSet::new();
        storing.spawn(writer.run(collected));
        let lost = connection.lost.clone();
        let arrivals = &mut connection.arrivals;
        let work = async {
            let ((), stored) = tokio::join!(collector.run(arrivals, batches), storing.join_next());
            stored.and_then(Result::ok).flatten()
        };
        let watch = async {
            tokio::select! {
                () = lost.cancelled() => {}
                () = context.shutdown.soft().cancelled() => {}
            }
            stop.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            stored = work => stored,
            () = watch => None,
        }
    }
}
