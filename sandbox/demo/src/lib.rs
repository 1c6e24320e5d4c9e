//! The whole system on one machine, with the sandbox at its other end: what `./run demo` shows and
//! what the end-to-end tests walk through.
//!
//! - [`Stack`] starts Postgres, the sandbox custodian, the services and nginx, all private.
//! - [`Customer`] walks through the authorization like a person with a browser.
//! - [`check`] compares what was delivered with what the custodian generated.

pub mod check;
mod customer;
mod stack;

pub use customer::{Customer, Delivered};
pub use stack::{SERVICES, Service, Stack, StackError, StackOptions};

/// Any error on the way, with its causes in one line.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
