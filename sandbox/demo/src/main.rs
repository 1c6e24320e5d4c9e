//! `./run demo`: one customer from click to CSV and two homes from QR code to their end, on this machine,
//! with real protocol steps.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use custodian::ledger::{RequestCounts, RequestKind};
use demo::check::{self, FileSummary};
use demo::household::{self, NearRealTime};
use demo::{BoxError, Customer, Stack, StackOptions};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::clock::{Clock, SystemClock};

/// The customer who is walked through: a plain home, a solar home and gas.
const CUSTOMER: &str = "fable";
const LIMIT: Duration = Duration::from_mins(10);

/// Starts everything on this machine and walks a customer and two homes through.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Options {
    /// Leave at the end instead of staying up.
    #[arg(long)]
    once: bool,
    /// Lift the custodian's request budget.
    #[arg(long)]
    fast: bool,
    /// The run folder; a new one under the system's temporary folder by default.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// `demo-summary.json`.
#[derive(Debug, Serialize)]
struct Summary {
    csv: Vec<String>,
    rows: Vec<FileSummary>,
    windows: u64,
    requests: u64,
    most_requests_in_a_second: u64,
    throttled: u64,
    seconds: f64,
    intervals: u64,
    short_days: u64,
    long_days: u64,
    authorization_status: u16,
    authorization_state: String,
    status_without_password: u16,
    personal_values_in_logs: usize,
    #[serde(flatten)]
    near_real_time: NearRealTime,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    say(&format!("demo: {}", service_kit::config::chain(error)));
    ExitCode::FAILURE
}

async fn run(options: &Options) -> Result<(), BoxError> {
    let folder = run_folder(options.folder.as_deref())?;
    say(&format!("run folder: {}", folder.display()));
    say("starting Postgres, the sandbox custodian and broker, the services and nginx");
    let stack_options = StackOptions {
        fast: options.fast,
        ..StackOptions::default()
    };
    let stack = Stack::start(&folder, &stack_options).await?;
    let summary = walk(&stack)
        .await
        .map_err(|error| with_logs(&stack, &*error))?;
    let path = folder.join("demo-summary.json");
    fs::write(&path, serde_json::to_string_pretty(&summary)? + "\n")?;
    table(&summary);
    say(&format!("summary: {}", path.display()));
    if !options.once {
        stay_up(&stack).await?;
    }
    Ok(())
}

async fn walk(stack: &Stack) -> Result<Summary, BoxError> {
    let started = Instant::now();
    let now = SystemClock.now();
    let mut customer = Customer::new(stack, CUSTOMER).await?;
    say("a customer authorizes");
    customer.authorize(stack).await?;
    let end = customer.wait(LIMIT, say).await?;
    if !end.contains("delivered") {
        return Err(format!("the customer's page ends with: {end}").into());
    }
    let took = started.elapsed();
    say("two homes share near-real-time data");
    let homes = household::walk(stack, say).await?;
    let summary = summarise(stack, &customer, took, now, homes).await?;
    summary.check()?;
    Ok(summary)
}

/// Looks at everything the walk has left behind, and compares it with what the custodian generated.
async fn summarise(
    stack: &Stack,
    customer: &Customer,
    took: Duration,
    now: Timestamp,
    near_real_time: NearRealTime,
) -> Result<Summary, BoxError> {
    let without_password = stack.status_without_password().await?;
    let files = stack.download().await?;
    let totals = check::totals(&files)?;
    check::compare(stack, CUSTOMER, check::owed_days(now)?, &totals).await?;
    let (short_days, long_days) = check::clock_changes(&totals)?;
    let authorization = stack.authorization_of(CUSTOMER).await?;
    stack.sql(check::NO_TOKEN_LEFT).await?;
    let counts: RequestCounts = stack.control("requests").await?;
    let known = &customer.known;
    let mut personal = vec![
        known.name.clone(),
        known.account.clone(),
        authorization.id.to_string(),
        household::CUSTOMERS.to_owned(),
    ];
    personal.extend(known.usage_points.iter().map(|point| point.id.clone()));
    let rows = files
        .iter()
        .map(|file| {
            let path = stack.output().join(&file.name).display().to_string();
            Ok(FileSummary {
                path,
                rows: check::rows(file)?,
            })
        })
        .collect::<Result<Vec<_>, BoxError>>()?;
    Ok(Summary {
        csv: rows.iter().map(|file| file.path.clone()).collect(),
        windows: windows(&counts),
        rows,
        requests: counts.total,
        most_requests_in_a_second: counts.most_in_a_second,
        seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        throttled: counts.throttled,
        intervals: totals.intervals.values().sum(),
        short_days,
        long_days,
        authorization_status: authorization.status,
        authorization_state: format!("{:?}", authorization.state).to_lowercase(),
        status_without_password: without_password,
        personal_values_in_logs: check::secrets_in(&stack.logs(), &personal),
        near_real_time,
    })
}

/// Requests for usage data, as the custodian counted them.
fn windows(counts: &RequestCounts) -> u64 {
    let usage = counts.by_kind.get(&RequestKind::BatchUsagePoint);
    usage.copied().unwrap_or_default()
}

impl Summary {
    /// The books must balance, or the demo has failed.
    fn check(&self) -> Result<(), BoxError> {
        let history = [
            (
                self.authorization_status == 0,
                "the authorization still stands at the custodian",
            ),
            (
                self.status_without_password == 401,
                "the download folder opens without a password",
            ),
            (
                self.personal_values_in_logs == 0,
                "the logs hold personal values",
            ),
            (self.throttled == 0, "the custodian throttled us"),
            (
                self.short_days > 0 && self.long_days > 0,
                "the days the clocks change are missing",
            ),
        ];
        for (holds, what) in history.into_iter().chain(self.near_real_time.claims()) {
            if !holds {
                return Err(what.into());
            }
        }
        Ok(())
    }
}

fn table(summary: &Summary) {
    let mut rows: Vec<(&str, String)> = summary
        .rows
        .iter()
        .map(|file| ("file", format!("{} ({} rows)", file.path, file.rows)))
        .collect();
    rows.extend([
        (
            "intervals",
            format!(
                "{}, each once, totals equal to the custodian's",
                summary.intervals
            ),
        ),
        (
            "days of 92 and 100 quarter hours",
            format!(
                "{} and {} (per flow)",
                summary.short_days, summary.long_days
            ),
        ),
        ("windows", summary.windows.to_string()),
        (
            "requests",
            format!(
                "{}, at most {} in a second, {} throttled",
                summary.requests, summary.most_requests_in_a_second, summary.throttled
            ),
        ),
        ("seconds", format!("{:.1}", summary.seconds)),
        (
            "authorization at the custodian",
            format!(
                "{} (status {})",
                summary.authorization_state, summary.authorization_status
            ),
        ),
        (
            "/output without password",
            summary.status_without_password.to_string(),
        ),
        (
            "personal values in the logs",
            summary.personal_values_in_logs.to_string(),
        ),
        (
            "readings of homes, stored",
            summary.near_real_time.readings_stored.to_string(),
        ),
        (
            "handshakes",
            format!("{:?} ms", summary.near_real_time.handshake_ms),
        ),
        (
            "messages refused",
            summary.near_real_time.refused_messages.to_string(),
        ),
        (
            "homes disconnected, let in again",
            format!(
                "{}, {}",
                summary.near_real_time.clients_disconnected,
                summary.near_real_time.clients_can_connect
            ),
        ),
    ]);
    for (name, value) in rows {
        say(&format!("{name:<34}{value}"));
    }
}

async fn stay_up(stack: &Stack) -> Result<(), BoxError> {
    say(&format!("customer's page:  {}", stack.nginx.url()));
    say(&format!(
        "download folder:  {}/output/ (user {}, password {})",
        stack.nginx.url(),
        stack.reader(),
        stack.password
    ));
    say(&format!(
        "customers to be:  {}/sandbox/customers",
        stack.custodian_pages
    ));
    say(&format!(
        "permission page:  {}",
        household::page_to_try(stack)
    ));
    say(&format!(
        "API:              {}/api/docs/",
        stack.nginx.url()
    ));
    say(&format!(
        "authority:        {}",
        stack.authority.certificate().display()
    ));
    say("Ctrl-C ends it");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// A failed demo shows what the programs have logged.
fn with_logs(stack: &Stack, error: &(dyn std::error::Error + 'static)) -> BoxError {
    let logs = stack.folder().join("logs.txt");
    let written = fs::write(
        &logs,
        stack.logs() + &stack.custodian_log() + &stack.broker_log(),
    );
    let place = written.map_or_else(|error| error.to_string(), |()| logs.display().to_string());
    format!("{} (logs: {place})", service_kit::config::chain(error)).into()
}

/// Under the system's temporary folder, where nginx's workers may look, whoever they are.
fn run_folder(wanted: Option<&Path>) -> io::Result<PathBuf> {
    match wanted {
        Some(folder) => {
            fs::create_dir_all(folder)?;
            Ok(folder.to_owned())
        }
        None => Ok(tempfile::Builder::new()
            .prefix("metergate-demo-")
            .tempdir()?
            .keep()),
    }
}

/// Nobody reads what cannot be written.
fn say(line: &str) {
    let _written = writeln!(io::stdout(), "{line}");
}
