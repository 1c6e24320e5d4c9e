//! The suites: what is broken, each in a file of its own. All run under the same load and end with the same look at
//! the books.

mod broker;
mod clock;
mod database;
mod disk;
mod kills;
mod mounted;
mod replicas;
mod soak;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use demo::{BoxError, Stack};
use service_kit::clock::{Clock as _, SystemClock};

use crate::load::{self, Breaking, Plan};
use crate::world::{self, Setup};
use crate::{Options, Summary};

pub(crate) use mounted::Mounted;

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Every service is killed with −9 at random moments.
    Kills,
    /// Postgres is restarted, crashes, cuts everybody off, has no connection left, has no room left.
    Database,
    /// The broker crashes and comes back with its store.
    Broker,
    /// The broker crashes and comes back without its store: what is lost is counted.
    BrokerWithoutStore,
    /// There is no room in the download folder.
    Disk,
    /// The clocks of services jump.
    Clock,
    /// Two of each service, replaced one by one.
    Replicas,
    /// Nothing is broken, for long: memory must not grow.
    Soak,
}

impl Suite {
    /// All that a plain run breaks.
    const ALL: [Self; 7] = [
        Self::Kills,
        Self::Database,
        Self::Broker,
        Self::BrokerWithoutStore,
        Self::Disk,
        Self::Clock,
        Self::Replicas,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Kills => "kills",
            Self::Database => "database",
            Self::Broker => "broker",
            Self::BrokerWithoutStore => "broker-without-store",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Replicas => "replicas",
            Self::Soak => "soak",
        }
    }

    /// What it wants of the system, and what it does to it.
    fn plan(self, options: &Options, folder: &Path) -> Result<(Setup, Box<Breaking>), BoxError> {
        Ok(match self {
            Self::Kills => kills::plan(options.kills),
            Self::Database => database::plan(folder),
            Self::Broker => broker::plan_with_store(),
            Self::BrokerWithoutStore => broker::plan_without_store(),
            Self::Disk => disk::plan(),
            Self::Clock => clock::plan(folder)?,
            Self::Replicas => replicas::plan(options.rounds),
            Self::Soak => soak::plan(options.minutes),
        })
    }
}

/// Runs the suites one after the other. A suite that cannot be run is one that does not hold.
pub async fn run(options: &Options, say: &impl Fn(&str)) -> Vec<Summary> {
    let suites = if options.suites.is_empty() {
        Suite::ALL.to_vec()
    } else {
        options.suites.clone()
    };
    let seed = options
        .seed
        .unwrap_or_else(|| SystemClock.now().as_second().unsigned_abs());
    let mut summaries = Vec::new();
    for suite in suites {
        say(&format!("== {} (seed {seed})", suite.name()));
        let mut summary = Summary::new(suite.name(), seed);
        let outcome = one(suite, options, &mut summary, say).await;
        let entered = outcome.and_then(|()| summary.enter(&options.folder));
        if let Err(error) = entered {
            summary.failed.push(service_kit::config::chain(&*error));
        }
        for failed in &summary.failed {
            say(&format!("does not hold: {failed}"));
        }
        summaries.push(summary);
    }
    summaries
}

async fn one(
    suite: Suite,
    options: &Options,
    summary: &mut Summary,
    say: &impl Fn(&str),
) -> Result<(), BoxError> {
    let folder = run_folder(&options.folder, suite, summary.seed)?;
    let (setup, breaking) = suite.plan(options, &folder)?;
    let (may_lose, unnoticed) = (setup.may_lose, setup.unnoticed);
    let stack = world::start(&folder, setup).await?;
    let plan = Plan {
        homes: options.homes,
        seed: summary.seed,
        may_lose,
        unnoticed,
    };
    let breaker = load::run(stack, plan, breaking, summary, say).await?;
    if summary.holds() {
        drop(breaker);
        fs::remove_dir_all(folder)?;
    } else {
        keep(&breaker.stack, &folder)?;
        say(&format!(
            "the run's folder, with its logs: {}",
            folder.display()
        ));
    }
    Ok(())
}

fn run_folder(parent: &Path, suite: Suite, seed: u64) -> Result<PathBuf, BoxError> {
    let folder = parent.join(format!("{}-{seed}", suite.name()));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

/// What a failed run leaves to look at.
fn keep(stack: &Stack, folder: &Path) -> Result<(), BoxError> {
    fs::write(folder.join("services.log"), stack.logs())?;
    fs::write(folder.join("custodian.log"), stack.custodian_log())?;
    fs::write(folder.join("broker.log"), stack.broker_log())?;
    fs::write(folder.join("postgres.log"), stack.cluster.log())?;
    Ok(())
}
