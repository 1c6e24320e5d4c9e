//! What the operator of a home is told when a scan or a wish fails.

use uuid::Uuid;

use crate::{CodeError, ConnectFailure, FacadeError, HomeStatus};

/// Why a scan or a wish failed. What became of each permission is in the report as well.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The code cannot be read.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Details, answer or credentials.
    #[error("permission {permission}")]
    Facade {
        /// The permission.
        permission: Uuid,
        /// What happened.
        #[source]
        source: FacadeError,
    },
    /// The first connect failed, which a home does not repeat: the permission is stranded.
    #[error(
        "permission {permission} is stranded: the first connect failed, and a home does not repeat it"
    )]
    FirstConnect {
        /// The permission.
        permission: Uuid,
        /// What happened.
        #[source]
        source: ConnectFailure,
    },
    /// No such permission in this home, or it never got credentials.
    #[error("this home has no credentials for a permission {0}")]
    Unknown(Uuid),
    /// The code was scanned before.
    #[error("this home has scanned permission {0} before")]
    Known(Uuid),
    /// It ended before.
    #[error("permission {permission} is {status:?} already")]
    Over {
        /// The permission.
        permission: Uuid,
        /// Where it stands.
        status: HomeStatus,
    },
    /// The status message was not acknowledged in time.
    #[error(
        "permission {0}: the broker did not acknowledge the status message; was there a connection?"
    )]
    StatusNotSent(Uuid),
}
