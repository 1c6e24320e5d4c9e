//! Pulls the usage that customers have shared, and ends their authorizations.
//!
//! - [`fetch`] is the main job: prepare once, then one window after the other, each a checkpoint.
//! - `ingest` reads a feed into staged readings; `collect` follows what a notification announced.
//! - `recheck` learns of withdrawn consent, `release` ends authorizations, `sweep` finds what was
//!   left lying.
//! - `windows` plans the pulls, `tokens` refreshes a customer's tokens, `error` says what each
//!   failure means for a job.
//!
//! No HTTP of its own: it is asked through the job table and asks the custodian.

mod collect;
mod config;
mod consent;
mod error;
mod fetch;
mod ingest;
mod numbers;
mod recheck;
mod release;
mod sweep;
mod tokens;
pub mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use job_queue::{Worker, WorkerSettings};
use service_kit::clock::SharedClock;
use service_kit::program::Context;
use service_kit::random::SharedRandom;
use service_kit::secret::Keyring;
use smd_client::{Client, Gateway, GatewayError};
use storage::Database;
use storage::kinds::{SmdCollect, SmdFetch, SmdRecheck, SmdRelease, SmdSweep};
use storage::numbers::AuthorizationMeasure;
use storage::smd::AuthorizationId;
use tokio::sync::Mutex;

pub use config::{Config, FetchConfig};
use fetch::Findings;

/// What the handlers share.
struct Shared {
    database: Database,
    client: Client,
    keys: Keyring,
    clock: SharedClock,
    random: SharedRandom,
    config: Config,
    /// Authorizations at the custodian that the last sweep of this process did not know; `None` before the first.
    unknown: Mutex<Option<BTreeSet<String>>>,
    /// Held while a customer's tokens are refreshed.
    refreshing: Mutex<()>,
    /// What is known of authorizations whose preparation waits for its turn.
    findings: Mutex<BTreeMap<AuthorizationId, Findings>>,
}

/// A handler: the shared things, once per kind of job.
#[derive(Clone)]
struct Fetcher(Arc<Shared>);

impl std::ops::Deref for Fetcher {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Works until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), GatewayError> {
    let Gateway {
        database,
        client,
        keys,
    } = config.gateway.open(&context).await?;
    numbers::describe();
    context
        .checks
        .measure(AuthorizationMeasure::new(database.clone()));
    context.checks.complete();
    let listener = database.listen(&context.shutdown);
    let pool = database.pool().clone();
    let concurrency = config.fetch.concurrency;
    let fetcher = Fetcher(Arc::new(Shared {
        database,
        client,
        keys,
        clock: context.clock,
        random: context.random,
        config,
        unknown: Mutex::default(),
        refreshing: Mutex::default(),
        findings: Mutex::default(),
    }));
    Worker::new(pool, listener, context.shutdown, WorkerSettings::default())
        .handle::<SmdFetch, _>(concurrency, fetcher.clone())
        .handle::<SmdCollect, _>(concurrency, fetcher.clone())
        .handle::<SmdRecheck, _>(2, fetcher.clone())
        .handle::<SmdRelease, _>(2, fetcher.clone())
        .handle::<SmdSweep, _>(1, fetcher)
        .run()
        .await;
    Ok(())
}
