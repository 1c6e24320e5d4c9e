//! The client against a real HTTPS server that speaks as the custodian does, line by line: every
//! status, every dress of an error, tokens in every form, bodies that break off.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod errors;
mod links;
mod others;
mod readings;
mod server;
mod tls;
mod tokens;
mod trust;
