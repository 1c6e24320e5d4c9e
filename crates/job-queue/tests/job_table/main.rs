//! The job table against a real Postgres, point by point as the design lists them. Waits are for
//! conditions, with a deadline; handlers are held and released by the tests.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod claim;
mod common;
mod crash;
mod discard;
mod enqueue;
mod kinds;
mod lease;
mod maintenance;
mod model;
mod operator;
mod outcomes;
mod proxy;
mod roles;
mod shutdown;
mod telemetry;
mod wait;
