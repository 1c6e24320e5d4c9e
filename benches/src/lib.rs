//! What the benchmarks share: a database that waits for the disk ([`database`]), the real programs
//! around it ([`programs`]), what a process holds ([`memory`]), and what is told of many times ([`numbers`]).
//!
//! Each program in `src/bin` measures one thing beside its limit in the same run, prints both with the
//! goal, and exits with 1 when the goal is missed and with 2 when it could not measure.

use std::error::Error;
use std::process::ExitCode;

pub mod database;
pub mod memory;
pub mod numbers;
pub mod programs;

/// What may fail in a benchmark is told, not handled.
pub type Answer<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Runs a benchmark on two threads; it answers whether the goals are met.
pub fn measure(name: &str, benchmark: impl Future<Output = Answer<bool>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let measured = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(benchmark));
    match measured {
        Ok(met) => verdict(met),
        Err(error) => {
            println!("{name} benchmark: {error}");
            ExitCode::from(2)
        }
    }
}

/// Says how it went.
#[must_use]
pub fn verdict(met: bool) -> ExitCode {
    println!("{}", if met { "goals met" } else { "GOAL MISSED" });
    ExitCode::from(u8::from(!met))
}

/// The first argument as a number, when there is one.
pub fn argument(default: usize) -> Answer<usize> {
    Ok(std::env::args()
        .nth(1)
        .map_or(Ok(default), |text| text.parse())?)
}
