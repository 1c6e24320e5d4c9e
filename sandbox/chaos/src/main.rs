//! `chaos`: see [`chaos::Options`]. Exit code 1 when an invariant does not hold.

use std::io::{self, Write as _};
use std::process::ExitCode;

use chaos::Options;
use clap::Parser as _;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("chaos: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let summaries = runtime.block_on(chaos::run(&options, &say));
    for summary in &summaries {
        say(&summary.line());
    }
    if summaries.iter().all(chaos::Summary::holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Nobody reads what cannot be written.
fn say(line: &str) {
    let _written = writeln!(io::stdout(), "{line}");
}
