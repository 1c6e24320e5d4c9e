//! The AIIDA permission process without I/O and without a clock: what a household is asked for, how it is asked,
//! and what then flows in either direction.
//!
//! - [`Status`] is the process model: a [`Step`] exists only where the model has one.
//! - [`data_need::DataNeed`] says what may flow; [`Schema`] names the documents.
//! - [`code`] is what the household scans, [`handshake`] what its home and we then say to each other, in the words
//!   of each [`Generation`] of homes.
//! - [`topic`] and [`acl`] are the same permission in the broker's words.
//! - [`command`] goes to the home; [`message`] comes from it.
//!
//! Wire formats are those of the EDDIE framework (snapshot of 2026-08-07 and its history). This crate depends on no
//! other crate of the workspace; everything else may depend on it.

pub mod acl;
pub mod code;
pub mod command;
pub mod data_need;
pub mod handshake;
pub mod message;
pub mod topic;

mod generation;
mod ids;
mod json;
mod obis;
mod quantity;
mod schedule;
mod schema;
mod status;

pub use command::{Command, CommandKind};
pub use data_need::{DataNeed, Direction};
pub use generation::{Generation, UnknownGeneration};
pub use ids::{BundleId, DataNeedId, PermissionId};
pub use obis::{NotObis, ObisCode};
pub use schedule::{Schedule, ScheduleError};
pub use schema::{Schema, UnknownSchema};
pub use status::{IllegalStep, Status, Step, UnknownStatus};

/// The region connector's id, in codes, commands and paths.
pub const REGION_CONNECTOR: &str = "aiida";
