//! The whole system on one machine, with the sandbox at its other end: what `./run demo` shows and
//! what the end-to-end tests walk through. And the same walk through a system that somebody else runs.
//!
//! - [`Stack`] starts Postgres, the sandbox custodian, the services and nginx, all private. [`Site`] is
//!   what is known of a running system from outside, however it is run; all below need nothing else.
//! - [`Customer`] walks through the authorization like a person with a browser, [`history`] to its end.
//! - [`party::Party`] is the energy service with its API key, [`household`] two homes from scan to end.
//! - [`check`] compares what was delivered with what the custodian generated.
//! - [`load`] keeps homes and customers busy while parts are restarted; [`probe`] tries what is public.

pub mod check;
mod claims;
mod customer;
mod downloads;
pub mod history;
mod house;
pub mod household;
pub mod load;
pub mod party;
mod patience;
pub mod probe;
mod site;
mod stack;

pub use claims::{Claim, Claims};
pub use customer::Customer;
pub use downloads::Delivered;
pub use house::{House, Needs};
pub use site::Site;
pub use stack::{BrokerAddresses, SERVICES, Service, Side, Stack, StackError, StackOptions};

/// Any error on the way, with its causes in one line.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
