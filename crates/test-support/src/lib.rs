//! What tests, the demo and the benchmarks need around the programs under test: a private Postgres
//! cluster and a fresh database per test ([`Cluster`], [`TestDatabase`]), what stands in one
//! ([`rows`]), time for its job table ([`jobs`]), certificates ([`certs`]), free ports ([`ports`]),
//! waiting for a condition ([`wait`]), child processes that never outlive the test ([`process`]),
//! the workspace's own binaries ([`binary`]), nginx with the project's templates ([`nginx`]), a
//! visitor that walks through pages like a browser ([`browser`]), escapes read by hand
//! ([`percent`]), and, with the feature `chromium`, a real browser.
//!
//! Only tests, the sandbox, benchmarks and the demo depend on this crate; nothing that runs in
//! production does.

pub mod binary;
pub mod browser;
pub mod certs;
#[cfg(feature = "chromium")]
pub mod chromium;
mod cluster;
mod database;
pub mod jobs;
pub mod nginx;
pub mod percent;
pub mod ports;
pub mod process;
pub mod rows;
pub mod wait;
mod watchdog;

pub use cluster::{Cluster, ClusterError};
pub use database::{DatabaseError, TestDatabase};
pub use rows::Occupied;
pub use watchdog::Watchdog;
