//! The whole system on one machine, with the sandbox at its other end: what `./run demo` shows and
//! what the end-to-end tests walk through.
//!
//! - [`Stack`] starts Postgres, the sandbox custodian, the services and nginx, all private.
//! - [`Customer`] walks through the authorization like a person with a browser.
//! - [`party::Party`] is the energy service with its API key, [`household`] two homes from scan to end.
//! - [`check`] compares what was delivered with what the custodian generated.

pub mod check;
mod customer;
pub mod household;
pub mod party;
mod stack;

pub use customer::{Customer, Delivered};
pub use stack::{BrokerAddresses, SERVICES, Service, Side, Stack, StackError, StackOptions};

/// Any error on the way, with its causes in one line.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
