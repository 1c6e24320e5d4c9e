//! `walk`: a customer, homes and strangers in front of a Metergate that somebody else runs, in containers for
//! instance. Only public addresses are used. The last line of the output is JSON; exit code 1 when a claim
//! fails, 2 when nothing could be tried.

mod options;
mod outside;
mod strangers;

use std::io::{self, Write};
use std::process::ExitCode;

use demo::{BoxError, Claims};
use serde_json::{Value, json};

use options::{Command, Options};

fn main() -> ExitCode {
    let options = Options::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let ended = match options {
        Options::Other(Command::Personal(options)) => return personal(&options),
        Options::Other(Command::Probe(options)) => strangers::try_all(&options),
        Options::Walk(options) => match runtime(outside::walk(&options)) {
            Ok(ended) => ended,
            Err(error) => return fail(&error),
        },
    };
    report(&ended)
}

/// What a command found.
pub(crate) struct Ended {
    pub(crate) claims: Claims,
    /// Further members of the summary.
    pub(crate) details: Value,
}

/// Says what failed, then everything as JSON.
fn report(ended: &Ended) -> ExitCode {
    let failed = ended.claims.failed();
    for one in &failed {
        say(&format!("does not hold: {}: {}", one.claim, one.seen));
    }
    let names: Vec<&str> = failed.iter().map(|it| it.claim.as_str()).collect();
    let mut summary =
        json!({ "holds": failed.is_empty(), "failed": names, "claims": ended.claims });
    if let (Value::Object(summary), Value::Object(details)) = (&mut summary, &ended.details) {
        summary.extend(details.clone());
    }
    say(&summary.to_string());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Every value that no log may hold, one a line.
fn personal(options: &options::Sandbox) -> ExitCode {
    let listed = runtime(async {
        let site = options.site().await?;
        site.personal().await
    });
    match listed.map_err(BoxError::from).flatten() {
        Ok(values) => {
            for value in &values {
                say(value);
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(&*error),
    }
}

fn runtime<T>(future: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Runtime::new()?.block_on(future))
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("walk: {}", service_kit::config::chain(error));
    ExitCode::from(2)
}

/// Nobody reads what cannot be written.
pub(crate) fn say(line: &str) {
    let _written = writeln!(io::stdout(), "{line}");
}
