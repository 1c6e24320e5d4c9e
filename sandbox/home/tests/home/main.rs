//! Homes of every generation against a facade that gives literal answers and a real broker
//! (mosquitto, started privately).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod broker;
mod commands;
mod facade;
mod harness;
mod inbound;
mod network;
mod program;
mod refusals;
mod scan;
mod script;
