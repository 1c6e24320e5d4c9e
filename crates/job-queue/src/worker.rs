//! Claims jobs, runs them under a lease, and ends them.

mod end;
mod maintenance;
mod numbers;
mod run;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use service_kit::random::{Random as _, SystemRandom};
use service_kit::shutdown::Shutdown;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::running::Running;
use crate::{Handler, JobKind, Lease, Listener, Notice, Pool, QueueError, queries};

/// How a worker paces itself.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// It looks for due jobs at least this often (± a quarter), whatever the notifications say.
    pub poll: Duration,
    /// Leases are renewed this often, or at a third of the shortest lease if that is less.
    pub heartbeat: Duration,
    /// Orphans are rescued, periodic jobs enqueued and old rows pruned this often.
    pub maintain: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            heartbeat: Duration::from_secs(5),
            maintain: Duration::from_secs(2),
        }
    }
}

/// How long a full statement is worth waiting for, when there is more to do.
const GATHER: Duration = Duration::from_millis(2);

/// Runs the jobs of the kinds it was given handlers for.
pub struct Worker {
    shared: Arc<Shared>,
    settings: WorkerSettings,
    completions: mpsc::UnboundedReceiver<Lease>,
    kinds: Vec<Lane>,
}

/// One kind and how to run it.
struct Lane {
    kind: &'static str,
    concurrency: usize,
    run: Arc<RunClaimed>,
}

type RunClaimed =
    dyn Fn(queries::Claimed, Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// What all lanes of a worker need.
struct Shared {
    pool: Pool,
    listener: Listener,
    shutdown: Shutdown,
    running: Running,
    /// Runs that ended well wait here, to be completed many in one statement.
    done: mpsc::UnboundedSender<Lease>,
}

impl Worker {
    /// A worker without kinds.
    #[must_use]
    pub fn new(
        pool: Pool,
        listener: Listener,
        shutdown: Shutdown,
        settings: WorkerSettings,
    ) -> Self {
        let (done, completions) = mpsc::unbounded_channel();
        let shared = Shared {
            pool,
            listener,
            shutdown,
            running: Running::default(),
            done,
        };
        Self {
            shared: Arc::new(shared),
            settings,
            completions,
            kinds: Vec::new(),
        }
    }

    /// Runs up to `concurrency` jobs of kind `K` at a time with this handler.
    #[must_use]
    pub fn handle<K: JobKind, H: Handler<K>>(mut self, concurrency: usize, handler: H) -> Self {
        self.settings.heartbeat = self.settings.heartbeat.min(K::SPEC.lease / 3);
        numbers::begin(K::SPEC.name);
        let (shared, handler) = (Arc::clone(&self.shared), Arc::new(handler));
        self.kinds.push(Lane {
            kind: K::SPEC.name,
            concurrency,
            run: Arc::new(move |claimed, at| {
                let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
                Box::pin(async move { run::run_one::<K, H>(&shared, &*handler, claimed, at).await })
            }),
        });
        self
    }

    /// Until the shutdown: soft stops claiming and lets the running jobs end or hand themselves
    /// back, hard hands back what still runs.
    pub async fn run(self) {
        let kinds: Vec<&'static str> = self.kinds.iter().map(|lane| lane.kind).collect();
        let mut background = JoinSet::new();
        background.spawn(maintenance::heartbeats(
            Arc::clone(&self.shared),
            self.settings.heartbeat,
        ));
        background.spawn(maintenance::maintain(
            Arc::clone(&self.shared),
            self.settings.maintain,
            kinds,
        ));
        let mut completer = tokio::spawn(end::complete_all(&self.shared, self.completions));

        let mut lanes = JoinSet::new();
        for lane in self.kinds {
            lanes.spawn(lane.run(Arc::clone(&self.shared), self.settings.poll));
        }
        while lanes.join_next().await.is_some() {}
        // Nothing runs any more: dropping the last sender lets the completer finish its queue.
        background.shutdown().await;
        drop(self.shared);
        if tokio::time::timeout(end::LAST_WORDS, &mut completer)
            .await
            .is_err()
        {
            tracing::warn!("the database does not answer: runs that ended well will be repeated");
            completer.abort();
        }
    }
}

impl Lane {
    async fn run(self, shared: Arc<Shared>, poll: Duration) {
        // Subscribe before the first look at the table, so that nothing falls in between.
        let mut notices = shared.listener.subscribe();
        let capacity = Arc::new(Semaphore::new(self.concurrency));
        let mut jobs = JoinSet::new();
        let soft = shared.shutdown.soft().clone();
        let mut looked_dry = true;
        loop {
            let Some(first) = soft
                .run_until_cancelled(Arc::clone(&capacity).acquire_owned())
                .await
            else {
                break;
            };
            let Ok(first) = first else { break };
            if !looked_dry {
                self.let_more_end(&capacity).await;
            }
            let free = 1 + capacity.available_permits();
            let claimed_at = Instant::now();
            // Jobs of a claim that is carried out and not heard of run again when their leases are over.
            let claimed = match end::bounded(self.claim(&shared, free)).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(kind = self.kind, %error, "cannot claim jobs");
                    Vec::new()
                }
            };
            if soft.is_cancelled() {
                for job in &claimed {
                    jobs.spawn(end::hand_back(Arc::clone(&shared), self.kind, job.lease()));
                }
                break;
            }
            looked_dry = claimed.len() < free;
            let mut permit = Some(first);
            for job in claimed {
                let Some(permit) = permit
                    .take()
                    .or_else(|| Arc::clone(&capacity).try_acquire_owned().ok())
                else {
                    break;
                };
                let run = (self.run)(job, claimed_at);
                jobs.spawn(async move {
                    run.await;
                    drop(permit);
                });
            }
            drop(permit);
            while jobs.try_join_next().is_some() {}
            if looked_dry {
                let pause =
                    tokio::time::timeout(jittered(poll), until_ready(&mut notices, self.kind));
                if soft.run_until_cancelled(pause).await.is_none() {
                    break;
                }
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    /// More jobs are waiting than fitted: short ones are claimed many at a time, not as each one ends.
    async fn let_more_end(&self, capacity: &Semaphore) {
        let others = u32::try_from(self.concurrency.saturating_sub(1)).unwrap_or(u32::MAX);
        let _freed = tokio::time::timeout(GATHER, capacity.acquire_many(others)).await;
    }

    async fn claim(
        &self,
        shared: &Shared,
        limit: usize,
    ) -> Result<Vec<queries::Claimed>, QueueError> {
        let mut conn = shared.pool.get().await?;
        queries::claim(&mut conn, self.kind, limit).await
    }
}

async fn until_ready(notices: &mut Receiver<Notice>, kind: &str) {
    loop {
        match notices.recv().await {
            Ok(Notice::Ready(ready)) if ready == kind => return,
            Ok(Notice::Connected) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Between three and five quarters of it, so that replicas do not look in step.
fn jittered(time: Duration) -> Duration {
    let mut noise = [0];
    SystemRandom.fill(&mut noise);
    time * 3 / 4 + time * u32::from(noise[0]) / 510
}
