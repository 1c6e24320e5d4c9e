//! The queries against a real Postgres, with a migrated database of its own for every test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a wrong assumption is to end the test"
)]

mod authorization;
mod budget;
mod database;
mod erasure;
mod export;
mod fixture;
mod login;
mod logins;
mod merging;
mod migration;
mod notice;
mod outgoing;
mod over;
mod party;
mod plan;
mod progress;
mod properties;
mod reading_back;
mod refused;
mod rights;
mod silent;
mod staging;
mod stream;
mod tokens;
