//! The Share My Data flow against the sandbox custodian and a real Postgres: the fetcher and the
//! exporter run in this process, authorizations are made like a customer makes them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod announced;
mod consent;
mod crash;
mod export;
mod faults;
mod harness;
mod history;
mod links;
mod release;
mod sweep;
mod throttled;
mod tokens;
