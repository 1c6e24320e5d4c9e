//! Every fault of the custodian's at every step of a customer's journey: the right result, or a clear
//! failure that the customer and the operator see, with the authorization ended and nothing left lying.
//!
//! `table` says what becomes of which fault where, `impossible` what cannot be; `cases` makes the runs of it,
//! `world` walks the customers through one stack, many at once, and `verdict` and `books` look at what is
//! left. A selection with each step and each fault runs with the other tests; the whole table runs with
//! `--ignored`. `shared` is about what all customers have in common: our own token, our certificate, the
//! service's status.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a wrong assumption is to end the test"
)]

mod books;
mod cases;
mod impossible;
mod kinds;
mod places;
mod shared;
mod table;
mod verdict;
mod world;

use cases::Case;
use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_of_faults_at_each_step() {
    run(cases::selection(), 16).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: ./run chaos faults"]
async fn every_fault_at_every_step() {
    run(cases::all(), 24).await;
}

/// Runs the cases, so many customers at once, and looks at the books.
async fn run(cases: Vec<Case>, at_once: usize) {
    let cases = cases::narrowed(cases);
    let world = World::start(&cases).await;
    let outcomes = world.walk(&cases, at_once).await;
    let mut wrong: Vec<String> = outcomes.iter().filter_map(|it| it.wrong.clone()).collect();
    wrong.extend(world.books(&outcomes).await);
    println!("{}", world.summary(&outcomes).await);
    assert!(
        wrong.is_empty(),
        "{} of {} went wrong:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
