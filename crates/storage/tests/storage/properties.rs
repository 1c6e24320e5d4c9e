//! Small models against the real tables, with random sequences of what callers do: merged readings, the request
//! budget, the steps of a permission. A failure prints the shortest sequence that shows it.

mod budget;
mod merging;
mod process;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;

/// Runs `check` for random inputs, all of them on one database.
fn for_all<S: Strategy>(cases: u32, inputs: &S, runtime: &Runtime, check: impl AsyncFn(S::Value)) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(inputs, |input| {
        runtime.block_on(check(input));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
