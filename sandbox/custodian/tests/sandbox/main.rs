//! The sandbox as a stranger's client sees it: real TLS, real HTTP, and every feed checked
//! against the model's truth.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod authorization;
mod batches;
mod documents;
mod faults;
mod feeds;
mod gateway;
mod harness;
mod lifecycle;
mod program;
mod tokens;
