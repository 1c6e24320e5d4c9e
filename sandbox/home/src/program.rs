//! The command line around homes: scans what it is given, prints one JSON line for each change,
//! and stays until a signal, or until nothing can happen any more.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, Parser};
use futures_util::StreamExt as _;
use serde::Serialize;
use service_kit::shutdown::Shutdown;

use crate::{Decision, Generation, Home, HomeError, Mischief, Misdeed, Options, PermissionReport};

/// How often changes are looked for.
const LOOK: Duration = Duration::from_millis(200);
/// How long the connections may take to end after a signal.
const FAREWELL: Duration = Duration::from_secs(10);

/// Stands in for AIIDA gateways at home.
#[derive(Debug, Clone, Parser)]
#[command(name = "home", version)]
pub struct Arguments {
    /// Which home: 2025-11-12, 2026-02-05 or 2026-06-02.
    #[arg(long, env = "METERGATE_HOME_GENERATION", default_value = "2026-06-02")]
    pub generation: Generation,

    /// What the household answers: accept, reject or unfulfillable.
    #[arg(long, env = "METERGATE_HOME_DECISION", default_value = "accept")]
    pub decision: Decision,

    /// PEM file with the authorities that sign the servers' certificates; without it, those of
    /// the machine.
    #[arg(long = "ca", env = "METERGATE_HOME_CA")]
    pub authority: Option<PathBuf>,

    /// How many homes to play. With one, it scans every code; with more, each home scans one,
    /// and there must be as many codes.
    #[arg(
        long,
        env = "METERGATE_HOME_HOMES",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub homes: u16,

    /// How many codes are scanned at the same time; more load the other side harder.
    #[arg(
        long,
        env = "METERGATE_HOME_PARALLEL",
        default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub parallel: u16,

    /// What each home does wrong, and when: STEP/FAULT, such as `data/flood` or
    /// `termination/never-answers`; any number of them. With a wrong word, all are listed.
    #[arg(
        long = "misdeed",
        env = "METERGATE_HOME_MISDEEDS",
        value_delimiter = ','
    )]
    pub misdeeds: Vec<Misdeed>,

    /// Where misdeeds find the broker, `host:port` without TLS; without it, where the credentials
    /// say.
    #[arg(long, env = "METERGATE_HOME_PLAIN_BROKER")]
    pub plain_broker: Option<String>,

    /// Decides the made-up readings of the first home; the others count on from it.
    #[arg(long, env = "METERGATE_HOME_SEED", default_value_t = 1)]
    pub seed: u64,

    /// The meter's number that records carry.
    #[arg(long, env = "METERGATE_HOME_METER_ID")]
    pub meter_id: Option<String>,

    /// The text of a code, or `-` to read codes from standard input, one a line, which keeps
    /// their tokens out of the list of processes. Without any: standard input.
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
}

/// Why the program cannot begin.
#[derive(Debug, thiserror::Error)]
enum ProgramError {
    #[error(transparent)]
    Environment(#[from] service_kit::config::UnknownVariable),
    #[error("cannot read codes from standard input")]
    Input(#[source] std::io::Error),
    #[error("{homes} homes need {homes} codes, one each, and there are {codes}")]
    Codes { homes: u16, codes: usize },
    #[error("there is no code to scan: give one, or write it to standard input")]
    NoCode,
    #[error("cannot start the runtime: check the limits on threads and open files")]
    Runtime(#[source] std::io::Error),
    #[error("cannot watch for SIGTERM and SIGINT")]
    Signals(#[source] std::io::Error),
}

/// Runs the command line. Exit code 0; 1 when no code could be taken up; 2 when it cannot begin.
#[must_use]
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("home: {}", service_kit::config::chain(&error));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, ProgramError> {
    service_kit::config::check_environment(&Arguments::command())?;
    let codes = codes(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(ProgramError::Runtime)?;
    runtime.block_on(async {
        let shutdown = Shutdown::on_signals(FAREWELL).map_err(ProgramError::Signals)?;
        Ok(play(arguments, codes, &shutdown).await)
    })
}

/// The codes of each home.
fn codes(arguments: &Arguments) -> Result<Vec<Vec<String>>, ProgramError> {
    let mut codes = Vec::new();
    let from_input = arguments.codes.is_empty();
    for code in &arguments.codes {
        if code == "-" {
            codes.extend(read_codes()?);
        } else {
            codes.push(code.clone());
        }
    }
    if from_input {
        codes = read_codes()?;
    }
    if codes.is_empty() {
        return Err(ProgramError::NoCode);
    }
    match arguments.homes {
        1 => Ok(vec![codes]),
        homes if usize::from(homes) == codes.len() => {
            Ok(codes.into_iter().map(|code| vec![code]).collect())
        }
        homes => Err(ProgramError::Codes {
            homes,
            codes: codes.len(),
        }),
    }
}

fn read_codes() -> Result<Vec<String>, ProgramError> {
    let lines: Result<Vec<String>, _> = std::io::stdin().lock().lines().collect();
    let lines = lines.map_err(ProgramError::Input)?;
    let codes = lines.iter().map(|line| line.trim());
    Ok(codes
        .filter(|code| !code.is_empty())
        .map(str::to_owned)
        .collect())
}

/// True when at least one code was taken up.
async fn play(arguments: &Arguments, codes: Vec<Vec<String>>, shutdown: &Shutdown) -> bool {
    let homes: Vec<Arc<Home>> = (arguments.seed..)
        .take(codes.len())
        .map(|seed| Arc::new(Home::start(options(arguments, seed))))
        .collect();
    let scans = homes.iter().zip(codes).enumerate();
    let scans = scans.flat_map(|(number, (home, codes))| {
        let scan = move |code| scan(number, Arc::clone(home), code);
        codes.into_iter().map(scan)
    });
    let parallel = usize::from(arguments.parallel);
    let mut scans = futures_util::stream::iter(scans).buffer_unordered(parallel);
    let mut printer = Printer::default();
    let mut look = tokio::time::interval(LOOK);
    let (mut scanning, mut taken_up) = (true, false);
    loop {
        tokio::select! {
            scanned = scans.next(), if scanning => match scanned {
                Some(scanned) => taken_up |= scanned,
                None => scanning = false,
            },
            _ = look.tick() => {
                let over = printer.print(&homes);
                if over && !scanning {
                    break;
                }
            }
            () = shutdown.soft().cancelled() => break,
        }
    }
    drop(scans);
    for home in &homes {
        tokio::select! {
            () = home.stop() => {}
            () = shutdown.hard().cancelled() => break,
        }
    }
    printer.print(&homes);
    taken_up
}

async fn scan(number: usize, home: Arc<Home>, code: String) -> bool {
    let outcome: Result<_, HomeError> = home.scan(&code).await;
    if let Err(error) = &outcome {
        eprintln!("home {number}: {}", service_kit::config::chain(error));
    }
    outcome.is_ok()
}

fn options(arguments: &Arguments, seed: u64) -> Options {
    Options {
        decision: arguments.decision,
        authority: arguments.authority.clone(),
        seed,
        meter_id: arguments.meter_id.clone(),
        mischief: Mischief {
            misdeeds: arguments.misdeeds.clone(),
            broker: arguments.plain_broker.clone(),
            ..Mischief::default()
        },
        ..Options::new(arguments.generation)
    }
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    home: usize,
    generation: Generation,
    #[serde(flatten)]
    permission: &'a PermissionReport,
}

/// Prints what changed since the last time.
#[derive(Default)]
struct Printer {
    printed: std::collections::HashMap<(usize, uuid::Uuid), PermissionReport>,
}

impl Printer {
    /// True when there are permissions, and every one of them is over.
    fn print(&mut self, homes: &[Arc<Home>]) -> bool {
        let mut over = true;
        for (number, home) in homes.iter().enumerate() {
            let report = home.report();
            for permission in report.permissions {
                over &= permission.status.is_over() && !permission.connected;
                self.print_one(number, report.generation, permission);
            }
        }
        over
    }

    fn print_one(&mut self, home: usize, generation: Generation, permission: PermissionReport) {
        let key = (home, permission.permission_id);
        let same =
            |last: &PermissionReport| without_counters(last) == without_counters(&permission);
        if self.printed.get(&key).is_some_and(same) {
            return;
        }
        let line = Line {
            home,
            generation,
            permission: &permission,
        };
        match serde_json::to_string(&line) {
            // Nobody reads any more: the homes play on.
            Ok(line) => drop(writeln!(std::io::stdout(), "{line}")),
            Err(error) => eprintln!("home {home}: a line cannot be written: {error}"),
        }
        self.printed.insert(key, permission);
    }
}

/// Counters of records change all the time: that is no news.
fn without_counters(report: &PermissionReport) -> PermissionReport {
    PermissionReport {
        records: 0,
        published: report.published.min(1),
        acknowledged: report.acknowledged.min(1),
        buffered: 0,
        ..report.clone()
    }
}

#[cfg(test)]
mod tests;
