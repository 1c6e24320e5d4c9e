//! `./run demo`: one customer from click to CSV and two homes from QR code to their end, on this machine,
//! with real protocol steps.

mod summary;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use demo::history::{self, Owed};
use demo::{BoxError, Stack, StackOptions, household};
use summary::Summary;

/// The customer who is walked through: a plain home, a solar home and gas.
const CUSTOMER: &str = "fable";

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
    for line in summary.table() {
        say(&line);
    }
    say(&format!("summary: {}", path.display()));
    say(&format!(
        "open in a browser what ends in report.html: {}",
        stack.output().display()
    ));
    if !options.once {
        stay_up(&stack).await?;
    }
    Ok(())
}

async fn walk(stack: &Stack) -> Result<Summary, BoxError> {
    say("a customer authorizes");
    let history = history::walk(stack.site(), CUSTOMER, Owed::default(), say).await?;
    say("two homes share near-real-time data");
    let homes = household::walk(stack.site(), say).await?;
    let summary = Summary::of(stack, history, homes).await?;
    summary.check()?;
    Ok(summary)
}

async fn stay_up(stack: &Stack) -> Result<(), BoxError> {
    let site = stack.site();
    let custodian = site.custodian.as_deref().unwrap_or_default();
    let (url, reader, operator, password) =
        (&site.url, &site.reader, &site.operator, &site.password);
    say(&format!("customer's page:  {url}"));
    say(&format!(
        "download folder:  {url}/output/ (user {reader}, password {password})"
    ));
    say(&format!(
        "operator's pages: {url}/console/ (user {operator}, the same password)"
    ));
    say(&format!("customers to be:  {custodian}/sandbox/customers"));
    say(&format!(
        "permission page:  {}",
        household::page_to_try(site)
    ));
    say(&format!("API:              {url}/api/docs/"));
    say(&format!("authority:        {}", site.authority.display()));
    say("Ctrl-C ends it");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// A failed demo shows what the programs have logged.
fn with_logs(stack: &Stack, error: &(dyn std::error::Error + 'static)) -> BoxError {
    let logs = stack.folder().join("logs.txt");
    let written = fs::write(
        &logs,
        stack.logs() + &*stack.custodian_log() + &*stack.broker_log(),
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
