//! The broker against real clients (`mosquitto_pub`, `mosquitto_sub`) and a real migrated database.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod access;
mod api;
mod harness;
mod ids;
mod lifecycle;
mod store;
