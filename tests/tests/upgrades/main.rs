//! What an operator does to an installation that is in use: bring it up to date, back it up and restore it, change its
//! keys. Each as `docs/operating.md` says, with data in place and services that go on meanwhile.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod backup;
mod customers;
mod keys;
mod migrating;
mod operator;
mod outside;
mod receiver;
mod released;
mod running;
