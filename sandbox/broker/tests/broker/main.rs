//! The broker against real clients (`mosquitto_pub`, `mosquitto_sub`) and a real migrated database.

mod access;
mod api;
mod harness;
mod ids;
mod lifecycle;
mod store;
