//! Stands in for an AIIDA gateway at home, of three generations: scans a code, asks for the
//! details, accepts (or does not), connects by MQTT 5, streams a made-up meter, and honours
//! commands, as strict or tolerant as the real ones ([`Generation`] tells them apart).
//!
//! The crate knows the protocol from its published facts and shares no types with our side: what
//! our side reads wrongly must show here. Only tests, benchmarks and the demo may depend on it.
//! [`code`] → [`facade`] (HTTP) → [`stream`] (MQTT, one task per permission), fed by [`meter`]
//! through [`record`]. What a home does wrong on demand is in [`mischief`], its tool in [`rogue`].

mod code;
mod command;
mod credentials;
mod error;
mod facade;
mod generation;
mod home;
mod meter;
mod mischief;
mod need;
mod options;
mod record;
mod report;
mod rogue;
mod schedule;
mod status;
mod stream;

pub mod program;

pub use code::CodeError;
pub use credentials::Credentials;
pub use error::HomeError;
pub use facade::{DetailsError, FacadeError};
pub use generation::{Generation, Schema, UnknownGeneration};
pub use home::Home;
pub use mischief::{Done, Fault, Mischief, Misdeed, Step, UnknownMisdeed, Victim};
pub use options::{Decision, Options, TimeStyle};
pub use report::{Inbound, PermissionReport, Report};
pub use rogue::{Answer, Login, Publish, Rogue, Will};
pub use status::HomeStatus;
pub use stream::{ConnectFailure, Reconnection, Record, Sent};
