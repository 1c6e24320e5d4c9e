//! Near-real-time data end to end: real processes under their own database roles, the sandbox broker, nginx, and
//! homes of three generations. Every scenario ends with the books: rows, rights at the broker, events in order, and
//! what the homes saw.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod answers;
mod crashes;
mod flaws;
mod inbound;
mod lives;
mod together;
mod webhook;
