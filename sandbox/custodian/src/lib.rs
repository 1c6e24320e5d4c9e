//! A sandbox that stands in for PG&E Share My Data: the customer's authorization pages, tokens,
//! resources over mutual TLS, notifications, and PG&E's limits, for made-up customers whose every
//! reading is known ([`model`]).
//!
//! Two listeners: the customer's *pages*, with the control endpoints for tests beside them
//! ([`control`]), and the *API*, where every request passes through one gateway and is entered in
//! one ledger ([`ledger`]) and may be made to go wrong ([`faults`]). State is in memory and gone with the process. The crate knows the
//! protocol from its published documents and shares nothing with our client but the ESPI writer;
//! nothing may depend on it but tests and the demo.

mod clients;
mod gateway;
mod grants;
mod notify;
mod oauth;
mod pages;
mod resources;
mod server;
mod tls;
mod world;

pub mod config;
pub mod control;
pub mod faults;
pub mod ledger;
pub mod model;

pub use clients::ClientsError;
pub use config::Config;
pub use grants::{DataGroups, State as AuthorizationState};
pub use model::{Model, ModelError};
pub use notify::{NotificationRecord, NotifyError};
pub use server::{Custodian, RunError, check, run, start};
pub use tls::TlsError;
