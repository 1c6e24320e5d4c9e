//! The operator's binary.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use metergate::files::{Convert, Inspect};

/// Metergate.
#[derive(Parser)]
#[command(version)]
enum Command {
    Inspect(Inspect),
    Convert(Convert),
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match Command::parse() {
        Command::Inspect(inspect) => inspect.run(&mut out),
        Command::Convert(convert) => convert.run(&mut out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "metergate: {error}");
            ExitCode::FAILURE
        }
    }
}
