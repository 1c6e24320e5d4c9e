//! The facade as homes, connect buttons and households meet it: a real server under its own database role, and a
//! stand-in for `mqtt-iam` that grants at once. Literal requests and answers of each generation are snapshots.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod crash;
mod embed;
mod handshake;
mod looks;
mod many;
mod page;
mod proxy;
mod races;
mod refusals;
mod requests;
mod site;
mod states;
mod stream;
mod told;
