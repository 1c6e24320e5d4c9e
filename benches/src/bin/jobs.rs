//! The job table beside its limit: throughput against the same SQL over a plain table at equal
//! batching, and the time from enqueuing to the start of the handler when nothing else is going on.
//!
//! `jobs [JOBS]` (default 20000 per round) starts a private Postgres on disk, with the settings of a
//! real one (it syncs, commits wait), and runs both in turn. Goals: 0.6 of the plain table's
//! throughput, a median start within 5 ms. Exits with 1 when a goal is missed.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use job_queue::{Handler, Job, JobKind, KindSpec, Listener, NewJob, Outcome, Pool, Worker, WorkerSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::shutdown::Shutdown;
use test_support::Cluster;
use tokio::sync::{Notify, mpsc};

type Answer<T> = Result<T, Box<dyn Error>>;

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

/// A job that is unique among the live ones, which the plain table does not look after.
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

/// What the statements of the plain side need, and the index that finds what is due.
const PLAIN_TABLE: &str = "
    CREATE TABLE plain (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        payload jsonb NOT NULL,
        state text NOT NULL DEFAULT 'available',
        priority smallint NOT NULL DEFAULT 0,
        attempt integer NOT NULL DEFAULT 0,
        run_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at timestamptz,
        finished_at timestamptz
    );
    CREATE INDEX ON plain (kind, priority DESC, run_at, id) WHERE state = 'available'";

diesel::define_sql_function! {
    #[sql_name = "plain_insert"]
    fn plain_insert(payloads: Array<Jsonb>) -> Bool;
}
diesel::define_sql_function! {
    #[sql_name = "plain_claim"]
    fn plain_claim(most: BigInt) -> BigInt;
}

fn main() -> ExitCode {
    let jobs = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse());
    let Ok(jobs) = jobs else {
        println!("usage: jobs [JOBS]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let compared = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(compare(jobs)));
    match compared {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            println!("jobs benchmark: {error}");
            ExitCode::from(2)
        }
    }
}
