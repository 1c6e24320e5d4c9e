//! The eligible party's side as its own systems meet it: the API with keys, and the webhook with a receiver. A
//! real server under its own database role, a database of its own for every test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod access;
mod data;
mod data_needs;
mod docs;
mod events;
mod outgoing;
mod permissions;
mod quiet;
mod receiver;
mod site;
mod webhook;
mod wrong;
