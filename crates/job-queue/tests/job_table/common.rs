//! A job table of its own for each test, workers over it, and handlers that do as the test says.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Jsonb, Nullable};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use job_queue::{
    Handler, Job, JobKind, Listener, NewJob, Notice, Outcome, Pool, Worker, WorkerSettings,
};
use serde_json::Value;
use service_kit::shutdown::Shutdown;
use test_support::{Cluster, TestDatabase};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::kinds;

/// How long anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Only notifications wake this worker, and it keeps the table in order only when it starts.
pub(crate) const ON_NOTICE: WorkerSettings = WorkerSettings {
    poll: Duration::from_hours(1),
    heartbeat: Duration::from_mins(1),
    maintain: Duration::from_hours(1),
};

/// Looks all the time.
pub(crate) const BUSY: WorkerSettings = WorkerSettings {
    poll: Duration::from_millis(20),
    heartbeat: Duration::from_millis(100),
    maintain: Duration::from_millis(30),
};

/// A migrated database with the kinds of these tests.
pub(crate) struct Table {
    pub(crate) database: TestDatabase,
    pub(crate) pool: Pool,
}

impl Table {
    pub(crate) async fn new() -> Self {
        Self::in_cluster(&Cluster::shared()).await
    }

    pub(crate) async fn in_cluster(cluster: &Arc<Cluster>) -> Self {
        let fill = async |url: String| -> Result<(), Box<dyn std::error::Error>> {
            storage::migrate(&url).await?;
            let mut conn = AsyncPgConnection::establish(&url).await?;
            conn.transaction(async |conn| job_queue::declare(conn, &kinds::all()).await)
                .await?;
            // Due only when a test says so.
            conn.batch_execute("UPDATE jobs.schedule SET due_at = 'infinity'")
                .await?;
            Ok(())
        };
        let fill = async |url: String| fill(url).await.map_err(|error| error.to_string());
        let template = cluster.template("job_table", fill).await.unwrap();
        let database = TestDatabase::from_template(cluster, &template)
            .await
            .unwrap();
        let pool = pool(&database.url(), 8);
        Self { database, pool }
    }

    /// A connection outside the pool.
    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        self.database.connect().await.unwrap()
    }

    pub(crate) async fn enqueue<K: JobKind>(&self, payload: K) -> i64 {
        self.enqueue_new(NewJob::new(&payload).unwrap()).await
    }

    pub(crate) async fn enqueue_new(&self, job: NewJob) -> i64 {
        let mut conn = self.pool.get().await.unwrap();
        job_queue::enqueue(&mut conn, &[job]).await.unwrap()[0]
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.pool
            .get()
            .await
            .unwrap()
            .batch_execute(statement)
            .await
            .unwrap();
    }

    /// The one value of a query's first row, as JSON; null when there is no row.
    pub(crate) async fn value(&self, query: &str) -> Value {
        value(&mut self.pool.get().await.unwrap(), query)
            .await
            .unwrap()
    }

    /// A job's row, all columns.
    pub(crate) async fn row(&self, id: i64) -> Value {
        self.value(&format!(
            "SELECT to_jsonb(j) FROM jobs.job j WHERE id = {id}"
        ))
        .await
    }

    pub(crate) async fn state(&self, id: i64) -> Value {
        self.row(id).await["state"].take()
    }

    pub(crate) async fn count(&self, condition: &str) -> i64 {
        self.value(&format!(
            "SELECT to_jsonb(count(*)) FROM jobs.job WHERE {condition}"
        ))
        .await
        .as_i64()
        .unwrap()
    }

    /// Waits until the condition holds for this job, and returns its row.
    pub(crate) async fn until(&self, id: i64, condition: &str) -> Value {
        let query = format!("SELECT to_jsonb(j) FROM jobs.job j WHERE id = {id} AND {condition}");
        test_support::wait::until(LIMIT, &format!("job {id} with {condition}"), async || {
            let row = self.value(&query).await;
            (!row.is_null()).then_some(row)
        })
        .await
    }

    /// Waits until a connection of this database waits for a lock.
    pub(crate) async fn until_blocked(&self) {
        let query = "SELECT to_jsonb(count(*)) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        test_support::wait::until(LIMIT, "somebody to wait for a lock", async || {
            (self.value(query).await != 0).then_some(())
        })
        .await;
    }

    /// Claims one job as a worker elsewhere would; its lease token.
    pub(crate) async fn claim(&self, kind: &str) -> String {
        let token = self
            .value(&format!(
                "SELECT to_jsonb(lease_token) FROM jobs.claim('{kind}', 1)"
            ))
            .await;
        token.as_str().expect("a due job").to_owned()
    }

    /// Ends a run as a worker elsewhere would; the new state.
    pub(crate) async fn finish(&self, id: i64, token: &str, outcome: &str) -> Value {
        self.value(&format!(
            "SELECT to_jsonb(jobs.finish({id}, '{token}', '{outcome}', 'because', NULL, 60000))"
        ))
        .await
    }

    /// Makes the lease of a running job run out.
    pub(crate) async fn expire(&self, id: i64) {
        self.sql(&format!("UPDATE jobs.job SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE id = {id}")).await;
    }

    /// What one round of maintenance did.
    pub(crate) async fn maintain(&self) -> Value {
        self.value("SELECT to_jsonb(m) FROM jobs.maintain() m")
            .await
    }

    /// From now on a claim that has been made does not return before the gate is opened.
    pub(crate) async fn gate_behind_claims(&self) -> Gate {
        self.sql(
            "ALTER FUNCTION jobs.claim(text, integer) RENAME TO claim_at_once;
             CREATE FUNCTION jobs.claim(p_kind text, p_limit integer)
                 RETURNS TABLE (id bigint, payload jsonb, attempt integer, max_attempts integer, lease_token uuid,
                                lease_ms bigint, deadline_ms bigint, traceparent text, age_ms bigint)
                 LANGUAGE plpgsql AS $$
             BEGIN
                 RETURN QUERY SELECT * FROM jobs.claim_at_once(p_kind, p_limit);
                 PERFORM pg_advisory_xact_lock_shared(1);
             END $$",
        )
        .await;
        self.gate().await
    }

    /// The same for completions: they wait before they begin.
    pub(crate) async fn gate_before_completions(&self) -> Gate {
        self.sql(
            "ALTER FUNCTION jobs.complete RENAME TO complete_at_once;
             CREATE FUNCTION jobs.complete(p_ids bigint[], p_tokens uuid[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM pg_advisory_xact_lock_shared(1);
                 RETURN QUERY SELECT jobs.complete_at_once(p_ids, p_tokens);
             END $$",
        )
        .await;
        self.gate().await
    }

    async fn gate(&self) -> Gate {
        let mut conn = self.connect().await;
        conn.batch_execute("SELECT pg_advisory_lock(1)")
            .await
            .unwrap();
        Gate(conn)
    }

    pub(crate) fn start(
        &self,
        settings: WorkerSettings,
        fill: impl FnOnce(Worker) -> Worker,
    ) -> Working {
        self.start_on(&self.database.url(), settings, fill)
    }

    /// A worker whose notifications come from `listen_url`.
    pub(crate) fn start_on(
        &self,
        listen_url: &str,
        settings: WorkerSettings,
        fill: impl FnOnce(Worker) -> Worker,
    ) -> Working {
        let shutdown = Shutdown::new();
        let listener = Listener::start(listen_url.to_owned(), &shutdown);
        let notices = listener.subscribe();
        let worker = Worker::new(
            self.pool.clone(),
            listener.clone(),
            shutdown.clone(),
            settings,
        );
        let task = tokio::spawn(fill(worker).run());
        Working {
            shutdown,
            listener,
            notices,
            task: Some(task),
        }
    }
}

pub(crate) fn pool(url: &str, size: usize) -> Pool {
    Pool::builder(AsyncDieselConnectionManager::new(url))
        .max_size(size)
        .build()
        .unwrap()
}

/// The one value of a query's first row, as JSON; null when there is no row.
pub(crate) async fn value(conn: &mut AsyncPgConnection, query: &str) -> diesel::QueryResult<Value> {
    #[derive(QueryableByName)]
    struct One {
        #[diesel(sql_type = Nullable<Jsonb>)]
        value: Option<Value>,
    }
    let rows: Vec<One> = diesel::sql_query(format!("SELECT * FROM ({query}) one (value)"))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .next()
        .and_then(|row| row.value)
        .unwrap_or_default())
}

/// Holds back the workers of a table until it is opened.
pub(crate) struct Gate(AsyncPgConnection);

impl Gate {
    pub(crate) async fn open(mut self) {
        self.0
            .batch_execute("SELECT pg_advisory_unlock(1)")
            .await
            .unwrap();
    }
}

/// A worker at work; stopped hard when dropped.
pub(crate) struct Working {
    pub(crate) shutdown: Shutdown,
    pub(crate) listener: Listener,
    notices: broadcast::Receiver<Notice>,
    task: Option<JoinHandle<()>>,
}

impl Working {
    /// Until it is registered for notifications.
    pub(crate) async fn listening(mut self) -> Self {
        while within(self.notices.recv()).await.unwrap() != Notice::Connected {}
        self
    }

    /// Stops softly and waits for the end.
    pub(crate) async fn stop(mut self) {
        self.shutdown.begin_soft();
        within(self.task.take().unwrap()).await.unwrap();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.shutdown.begin_hard();
    }
}

/// The future's output, within the limit.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("it takes too long")
}

/// A handler made of a closure.
pub(crate) struct Run<F>(pub(crate) F);

impl<K: JobKind, F, R> Handler<K> for Run<F>
where
    F: Fn(Job<K>) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send,
{
    fn run(&self, job: Job<K>) -> impl Future<Output = Outcome> + Send {
        self.0(job)
    }
}

/// A handler that ends each run at once in the same way.
pub(crate) fn always<K: JobKind>(outcome: Outcome) -> impl Handler<K> {
    Run(move |_: Job<K>| std::future::ready(outcome.clone()))
}

/// A run that waits for the test to end it; abandoned runs close `end`.
pub(crate) struct Held<K> {
    pub(crate) job: Job<K>,
    pub(crate) end: oneshot::Sender<Outcome>,
}

/// A handler whose runs are handed to the test one by one.
pub(crate) struct Puppet<K>(mpsc::UnboundedSender<Held<K>>);

pub(crate) fn puppet<K: JobKind>() -> (Puppet<K>, Runs<K>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Puppet(sender), Runs(receiver))
}

impl<K: JobKind> Handler<K> for Puppet<K> {
    async fn run(&self, job: Job<K>) -> Outcome {
        let (end, ended) = oneshot::channel();
        let _sent = self.0.send(Held { job, end });
        ended.await.unwrap_or(Outcome::HandBack)
    }
}

/// The runs that are waiting for the test.
pub(crate) struct Runs<K>(mpsc::UnboundedReceiver<Held<K>>);

impl<K> Runs<K> {
    pub(crate) async fn next(&mut self) -> Held<K> {
        within(self.0.recv()).await.expect("the worker lives")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
