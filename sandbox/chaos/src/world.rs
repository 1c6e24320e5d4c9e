//! The system that is broken: what is quicker in it than in production, so that a run ends within minutes.

use std::path::Path;
use std::time::Duration;

use demo::{BoxError, Stack, StackOptions};

/// How long anybody in the load puts up with a service that is away.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often a customer looks at the progress page.
const PACE: Duration = Duration::from_millis(300);
/// Months of history that each customer is owed, in windows of so many days.
pub(crate) const MONTHS: i32 = 1;
const WINDOW_DAYS: &str = "7";

/// Leases of jobs last 8 s instead of 30, failed ones wait for 10 s at the longest: what a crash costs in time is
/// shorter, what it costs in work is the same.
const QUICKER_JOBS: &str = "UPDATE jobs.kind SET lease = interval '8 seconds',
    backoff_first = least(backoff_first, interval '1 second'), backoff_limit = least(backoff_limit, interval '10 seconds')";

/// Private clusters may forget what they committed last when they crash; one in production may not, and `metergate
/// doctor` says so. (What only a crash of the machine loses needs no test: this machine stays.)
const DURABLE: &str = "ALTER SYSTEM SET synchronous_commit = on";
const RELOAD: &str = "SELECT pg_reload_conf()";

/// The request budget of suites that hold it against the custodian's ledger: what the custodian allows within a
/// second, and the spacing that keeps it even when a busy machine delays a request by a third of a second.
pub(crate) const PER_SECOND: u64 = 3;
pub(crate) const SPACING_MS: u64 = 450;

/// What a suite wants to be different.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    /// As [`StackOptions`].
    pub(crate) options: StackOptions,
    /// The custodian's limits are on, and ours.
    pub(crate) budget: bool,
    /// What homes have sent may be lost: it is counted.
    pub(crate) may_lose: bool,
    /// Homes must notice nothing, unless and until [`Breaker::kill`](crate::breaker::Breaker::kill) kills something.
    /// Otherwise visits that went wrong are counted.
    pub(crate) unnoticed: bool,
}

/// Starts the system in a folder of its own.
pub(crate) async fn start(folder: &Path, setup: Setup) -> Result<Stack, BoxError> {
    let mut options = setup.options;
    options.fast = true;
    let services = [
        ("HISTORY_MONTHS", "1"),
        ("HISTORY_WINDOW_DAYS", WINDOW_DAYS),
        ("SMD_ASK_AGAIN_MINUTES", "1"),
        ("AIIDA_STREAM_LEASE_SECONDS", "2"),
        ("AIIDA_STREAM_ORPHAN_SECONDS", "1"),
        ("AIIDA_BCRYPT_COST", "4"),
    ];
    let named = services.map(|(name, value)| (format!("METERGATE_{name}"), value.to_owned()));
    let mut wanted: Vec<(String, String)> = named.into();
    if setup.budget {
        let spacing = (
            "METERGATE_SMD_REQUEST_SPACING_MS".to_owned(),
            SPACING_MS.to_string(),
        );
        wanted.push(spacing);
        let limit = (
            "METERGATE_CUSTODIAN_PER_SECOND".to_owned(),
            PER_SECOND.to_string(),
        );
        options.custodian.push(limit);
    }
    wanted.append(&mut options.services);
    options.services = wanted;
    let mut stack = Stack::start(folder, &options).await?;
    for statement in [DURABLE, RELOAD, QUICKER_JOBS] {
        stack.sql(statement).await?;
    }
    let site = stack.site_mut();
    site.patience = PATIENCE;
    site.pace = PACE;
    Ok(stack)
}
