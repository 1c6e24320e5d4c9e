//! The AIIDA permission process without I/O.

mod ids;
mod status;

pub use ids::{BundleId, DataNeedId, PermissionId};
pub use status::{IllegalStep, Status, Step};
