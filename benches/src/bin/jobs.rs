//! The job table beside its limit: throughput against the same SQL over a plain table at equal
//! batching, and the time from enqueuing to the start of the handler when nothing else is going on.
//!
//! `jobs [JOBS]` (default 20000 per round) starts a private Postgres on disk, with the settings of a
//! real one (it syncs, commits wait), and runs both in turn. Goals: 0.6 of the plain table's
//! throughput, a median start within 5 ms. Exits with 1 when a goal is missed.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use benches::numbers::{median, per_second};
use benches::{Answer, argument, database, measure};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Jsonb};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use job_queue::{
    Handler, Job, JobKind, KindSpec, Listener, NewJob, Outcome, Pool, Worker, WorkerSettings,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::shutdown::Shutdown;
use tokio::sync::{Notify, mpsc};

/// Share of the plain table's throughput to reach.
const RATIO_GOAL: f64 = 0.6;
/// Median time from enqueuing to the start of the handler.
const START_GOAL: Duration = Duration::from_millis(5);
/// Rounds of each; the machine may be busy with other things.
const ROUNDS: usize = 5;
/// Jobs per statement, on both sides.
const BATCH: usize = 100;
/// Jobs of which the start is timed.
const STARTS: usize = 200;
const RUNNER: &str = "metergate_smd_fetcher";

/// A job without a key, as the plain table's rows.
#[derive(Debug, Serialize, Deserialize)]
struct Free {
    n: usize,
}

impl JobKind for Free {
    const SPEC: KindSpec = KindSpec::new("bench.free", RUNNER, &[RUNNER]);
    fn unique_key(&self) -> Option<String> {
        None
    }
}

/// A job that is unique among the live ones.
#[derive(Debug, Serialize, Deserialize)]
struct Keyed {
    n: usize,
}

impl JobKind for Keyed {
    const SPEC: KindSpec = KindSpec::new("bench.keyed", RUNNER, &[RUNNER]);
    fn unique_key(&self) -> Option<String> {
        Some(self.n.to_string())
    }
}

/// What the statements of the plain side need, and the index that finds what is due; with keys also the
/// one that keeps them unique.
const PLAIN_TABLES: &str = "
    CREATE TABLE plain (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        payload jsonb NOT NULL,
        unique_key text,
        state text NOT NULL DEFAULT 'available',
        priority smallint NOT NULL DEFAULT 0,
        attempt integer NOT NULL DEFAULT 0,
        run_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at timestamptz,
        finished_at timestamptz
    );
    CREATE INDEX ON plain (kind, priority DESC, run_at, id) WHERE state = 'available';
    CREATE TABLE plain_keyed (LIKE plain INCLUDING ALL);
    CREATE UNIQUE INDEX ON plain_keyed (kind, unique_key) WHERE state IN ('available', 'running')";

/// A statement with one bind, whose preparation is kept like those of the job table.
macro_rules! statement {
    ($name:ident: $rust:ty as $sql:ty => $row:ty, $before:literal, $after:literal) => {
        struct $name($rust);

        impl QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl Query for $name {
            type SqlType = $row;
        }

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql($before);
                out.push_bind_param::<$sql, $rust>(&self.0)?;
                out.push_sql($after);
                Ok(())
            }
        }
    };
}

statement!(Insert: Vec<Value> as Array<Jsonb> => BigInt,
    "INSERT INTO plain (kind, payload) SELECT 'bench', payload FROM unnest(", ") AS payload RETURNING id");
statement!(Claim: i64 as BigInt => (BigInt, Jsonb),
    "WITH due AS MATERIALIZED (
        SELECT id FROM plain WHERE kind = 'bench' AND state = 'available' AND run_at <= clock_timestamp()
        ORDER BY priority DESC, run_at, id LIMIT ",
    " FOR UPDATE SKIP LOCKED)
     UPDATE plain p SET state = 'running', attempt = p.attempt + 1, started_at = clock_timestamp()
     FROM due WHERE p.id = due.id RETURNING p.id, p.payload");
statement!(Complete: Vec<i64> as Array<BigInt> => BigInt,
    "UPDATE plain SET state = 'completed', finished_at = clock_timestamp() WHERE id = ANY (", ") RETURNING id");

statement!(InsertKeyed: Vec<Value> as Array<Jsonb> => BigInt,
    "INSERT INTO plain_keyed AS live (kind, payload, unique_key)
     SELECT 'bench', payload, payload ->> 'n' FROM unnest(", ") AS payload
     ON CONFLICT (kind, unique_key) WHERE state IN ('available', 'running')
     DO UPDATE SET run_at = least(live.run_at, excluded.run_at) RETURNING id");
statement!(ClaimKeyed: i64 as BigInt => (BigInt, Jsonb),
    "WITH due AS MATERIALIZED (
        SELECT id FROM plain_keyed WHERE kind = 'bench' AND state = 'available' AND run_at <= clock_timestamp()
        ORDER BY priority DESC, run_at, id LIMIT ",
    " FOR UPDATE SKIP LOCKED)
     UPDATE plain_keyed p SET state = 'running', attempt = p.attempt + 1, started_at = clock_timestamp()
     FROM due WHERE p.id = due.id RETURNING p.id, p.payload");
statement!(CompleteKeyed: Vec<i64> as Array<BigInt> => BigInt,
    "UPDATE plain_keyed SET state = 'completed', finished_at = clock_timestamp() WHERE id = ANY (", ") RETURNING id");

fn main() -> ExitCode {
    measure("jobs", compare())
}

async fn compare() -> Answer<bool> {
    let jobs = argument(20_000)?;
    let cluster = database::like_a_real_one().await?;
    let url = cluster.url(database::DATABASE);
    let mut conn = AsyncPgConnection::establish(&url).await?;
    job_queue::declare(&mut conn, &[Free::SPEC, Keyed::SPEC]).await?;
    conn.batch_execute(PLAIN_TABLES).await?;
    let pool = Pool::builder(AsyncDieselConnectionManager::new(&url))
        .max_size(8)
        .build()?;

    let (mut free, mut keyed) = (Pairs::default(), Pairs::default());
    // The first round warms up and does not count.
    for round in 0..=ROUNDS {
        let plain = plain_round(&mut conn, jobs).await?;
        let table = table_round(&mut conn, &pool, &url, jobs, |n| Free { n }).await?;
        let plain_keyed = plain_keyed_round(&mut conn, jobs).await?;
        let table_keyed = table_round(&mut conn, &pool, &url, jobs, |n| Keyed { n }).await?;
        if round > 0 {
            free.add(plain, table);
            keyed.add(plain_keyed, table_keyed);
        }
    }
    let start = median(&start_times(&mut conn, &pool, &url).await?);

    println!("{jobs} jobs a round, {BATCH} a statement, medians of {ROUNDS} rounds");
    println!(
        "{:<30} {:>14} {:>14} {:>8} {:>8}",
        "jobs/s", "plain table", "job table", "ratio", "goal"
    );
    let met = [
        free.report("no key"),
        keyed.report("unique among live jobs"),
    ];
    let starts = START_GOAL.as_secs_f64();
    println!(
        "{:<30} {:>14} {:>11.2} ms {:>8} {:>5.0} ms",
        "from enqueuing to start, idle",
        "",
        start * 1e3,
        "",
        starts * 1e3
    );
    Ok(met == [true; 2] && start < starts)
}

/// Speeds of the plain table and the job table, measured one right after the other.
#[derive(Default)]
struct Pairs {
    plain: Vec<f64>,
    table: Vec<f64>,
    ratios: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, plain: f64, table: f64) {
        self.plain.push(plain);
        self.table.push(table);
        self.ratios.push(table / plain);
    }

    /// Prints a line; true when the goal is met.
    fn report(&self, name: &str) -> bool {
        let ratio = median(&self.ratios);
        let (plain, table) = (median(&self.plain), median(&self.table));
        println!("{name:<30} {plain:>14.0} {table:>14.0} {ratio:>8.2} {RATIO_GOAL:>8.2}");
        ratio >= RATIO_GOAL
    }
}

/// Jobs per second by hand: insert, claim and complete, one statement per batch each.
async fn plain_round(conn: &mut AsyncPgConnection, jobs: usize) -> Answer<f64> {
    conn.batch_execute("TRUNCATE plain").await?;
    let started = Instant::now();
    for first in (0..jobs).step_by(BATCH) {
        let payloads = (first..(first + BATCH).min(jobs))
            .map(|n| json!({ "n": n }))
            .collect();
        Insert(payloads).load::<i64>(conn).await?;
    }
    let mut done = 0;
    while done < jobs {
        let claimed: Vec<(i64, Value)> = Claim(i64::try_from(BATCH)?).load(conn).await?;
        let ids = claimed.into_iter().map(|(id, _)| id).collect();
        done += Complete(ids).load::<i64>(conn).await?.len();
    }
    Ok(per_second(jobs, started))
}

/// The same with keys.
async fn plain_keyed_round(conn: &mut AsyncPgConnection, jobs: usize) -> Answer<f64> {
    conn.batch_execute("TRUNCATE plain_keyed").await?;
    let started = Instant::now();
    for first in (0..jobs).step_by(BATCH) {
        let payloads = (first..(first + BATCH).min(jobs))
            .map(|n| json!({ "n": n }))
            .collect();
        InsertKeyed(payloads).load::<i64>(conn).await?;
    }
    let mut done = 0;
    while done < jobs {
        let claimed: Vec<(i64, Value)> = ClaimKeyed(i64::try_from(BATCH)?).load(conn).await?;
        let ids = claimed.into_iter().map(|(id, _)| id).collect();
        done += CompleteKeyed(ids).load::<i64>(conn).await?.len();
    }
    Ok(per_second(jobs, started))
}

/// Jobs per second through the job table, from the first enqueuing to the last completion.
async fn table_round<K: JobKind>(
    conn: &mut AsyncPgConnection,
    pool: &Pool,
    url: &str,
    jobs: usize,
    payload: fn(usize) -> K,
) -> Answer<f64> {
    conn.batch_execute("TRUNCATE jobs.job").await?;
    let shutdown = Shutdown::new();
    let listener = Listener::start(url.to_owned(), &shutdown);
    let count = Arc::new(Count {
        left: AtomicUsize::new(jobs),
        ended: Notify::new(),
    });
    let worker = Worker::new(
        pool.clone(),
        listener,
        shutdown.clone(),
        WorkerSettings::default(),
    )
    .handle::<K, _>(BATCH, Counter(Arc::clone(&count)));

    let started = Instant::now();
    for first in (0..jobs).step_by(BATCH) {
        let batch = (first..(first + BATCH).min(jobs)).map(|n| NewJob::new(&payload(n)));
        job_queue::enqueue(conn, &batch.collect::<Result<Vec<_>, _>>()?).await?;
    }
    let working = tokio::spawn(worker.run());
    count.ended.notified().await;
    shutdown.begin_soft();
    working.await?;
    let speed = per_second(jobs, started);
    shutdown.begin_hard();
    if left(conn).await? > 0 {
        return Err("jobs were left over".into());
    }
    Ok(speed)
}

async fn left(conn: &mut AsyncPgConnection) -> Answer<i64> {
    let kinds = [Free::SPEC.name, Keyed::SPEC.name];
    let query = "SELECT sum(available + running + discarded)::bigint AS count FROM jobs.depth($1)";
    let answer: Number = diesel::sql_query(query)
        .bind::<Array<diesel::sql_types::Text>, _>(kinds.as_slice())
        .get_result(conn)
        .await?;
    Ok(answer.count)
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Seconds from the call that enqueues one job to the start of its handler, commit included, on an
/// idle worker with the usual settings.
async fn start_times(conn: &mut AsyncPgConnection, pool: &Pool, url: &str) -> Answer<Vec<f64>> {
    let shutdown = Shutdown::new();
    let listener = Listener::start(url.to_owned(), &shutdown);
    let (sender, mut started) = mpsc::unbounded_channel();
    let worker = Worker::new(
        pool.clone(),
        listener,
        shutdown.clone(),
        WorkerSettings::default(),
    )
    .handle::<Free, _>(4, Clocked(sender));
    let working = tokio::spawn(worker.run());
    let mut times = Vec::new();
    for n in 0..STARTS {
        // Idle: the job before has been completed and the worker waits again.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let asked = Instant::now();
        job_queue::enqueue_one(conn, &Free { n }).await?;
        let at = started.recv().await.ok_or("the worker ended")?;
        times.push(at.duration_since(asked).as_secs_f64());
    }
    shutdown.begin_hard();
    working.await?;
    Ok(times)
}

struct Count {
    left: AtomicUsize,
    ended: Notify,
}

/// Does nothing but count.
struct Counter(Arc<Count>);

impl<K: JobKind> Handler<K> for Counter {
    async fn run(&self, _job: Job<K>) -> Outcome {
        if self.0.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.ended.notify_one();
        }
        Outcome::Done
    }
}

/// Tells when it was started.
struct Clocked(mpsc::UnboundedSender<Instant>);

impl Handler<Free> for Clocked {
    async fn run(&self, _job: Job<Free>) -> Outcome {
        let _told = self.0.send(Instant::now());
        Outcome::Done
    }
}
