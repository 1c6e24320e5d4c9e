//! The permission process model of EDDIE: sixteen states, and the steps between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a permission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Asked for.
    Created,
    /// The data need exists and is supported.
    Validated,
    /// Asked for wrongly.
    Malformed,
    /// The code could not be shown.
    UnableToSend,
    /// The code is shown; the household decides.
    SentToPermissionAdministrator,
    /// Nobody decided in time.
    TimedOut,
    /// The home has its credentials; data may flow.
    Accepted,
    /// The household said no.
    Rejected,
    /// The home found the request invalid.
    Invalid,
    /// The household took its consent back.
    Revoked,
    /// The eligible party ended it.
    Terminated,
    /// The time frame is over.
    Fulfilled,
    /// The home cannot deliver this.
    Unfulfillable,
    /// The home must still be told of the end.
    RequiresExternalTermination,
    /// The home could not be told.
    FailedToTerminate,
    /// The home has confirmed the end.
    ExternallyTerminated,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Created,
        Self::Validated,
        Self::Malformed,
        Self::UnableToSend,
        Self::SentToPermissionAdministrator,
        Self::TimedOut,
        Self::Accepted,
        Self::Rejected,
        Self::Invalid,
        Self::Revoked,
        Self::Terminated,
        Self::Fulfilled,
        Self::Unfulfillable,
        Self::RequiresExternalTermination,
        Self::FailedToTerminate,
        Self::ExternallyTerminated,
    ];

    /// The name, as EDDIE writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Validated => "VALIDATED",
            Self::Malformed => "MALFORMED",
            Self::UnableToSend => "UNABLE_TO_SEND",
            Self::SentToPermissionAdministrator => "SENT_TO_PERMISSION_ADMINISTRATOR",
            Self::TimedOut => "TIMED_OUT",
            Self::Accepted => "ACCEPTED",
            Self::Rejected => "REJECTED",
            Self::Invalid => "INVALID",
            Self::Revoked => "REVOKED",
            Self::Terminated => "TERMINATED",
            Self::Fulfilled => "FULFILLED",
            Self::Unfulfillable => "UNFULFILLABLE",
            Self::RequiresExternalTermination => "REQUIRES_EXTERNAL_TERMINATION",
            Self::FailedToTerminate => "FAILED_TO_TERMINATE",
            Self::ExternallyTerminated => "EXTERNALLY_TERMINATED",
        }
    }

    /// What it may become next.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Created => &[Self::Validated, Self::Malformed],
            Self::Validated => &[Self::SentToPermissionAdministrator, Self::UnableToSend],
            Self::UnableToSend => &[Self::Validated],
            Self::SentToPermissionAdministrator => &[
                Self::Accepted,
                Self::Rejected,
                Self::Unfulfillable,
                Self::TimedOut,
                Self::Invalid,
            ],
            Self::Accepted => &[
                Self::Revoked,
                Self::Fulfilled,
                Self::Terminated,
                Self::Unfulfillable,
            ],
            Self::RequiresExternalTermination => {
                &[Self::ExternallyTerminated, Self::FailedToTerminate]
            }
            Self::Terminated | Self::Fulfilled | Self::Unfulfillable | Self::FailedToTerminate => {
                &[Self::RequiresExternalTermination]
            }
            Self::Malformed
            | Self::TimedOut
            | Self::Rejected
            | Self::Invalid
            | Self::Revoked
            | Self::ExternallyTerminated => &[],
        }
    }

    /// Whether the home must be able to connect: data may flow, or it must still be told of the end. A home that
    /// could not be told is shut out.
    #[must_use]
    pub const fn needs_iam(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Terminated | Self::RequiresExternalTermination
        )
    }

    /// Whether it rests here for good: nothing flows, nobody waits for anything, and it may be forgotten some day. Where
    /// the process model has a further step, that one only repeats what a home was told.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Malformed
            | Self::TimedOut
            | Self::Rejected
            | Self::Invalid
            | Self::Revoked
            | Self::Fulfilled
            | Self::Unfulfillable
            | Self::FailedToTerminate
            | Self::ExternallyTerminated => true,
            Self::Created
            | Self::Validated
            | Self::UnableToSend
            | Self::SentToPermissionAdministrator
            | Self::Accepted
            | Self::Terminated
            | Self::RequiresExternalTermination => false,
        }
    }

    /// The step to `to`, if the process model has it.
    pub fn step(self, to: Self) -> Result<Step, IllegalStep> {
        if self.next().contains(&to) {
            Ok(Step { from: self, to })
        } else {
            Err(IllegalStep { from: self, to })
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no status of a permission")]
pub struct UnknownStatus(String);

impl FromStr for Status {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// One step of the process. [`Status::step`] is its only source, so none can be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    from: Status,
    to: Status,
}

impl Step {
    /// Where it starts.
    #[must_use]
    pub const fn from(self) -> Status {
        self.from
    }

    /// Where it leads.
    #[must_use]
    pub const fn to(self) -> Status {
        self.to
    }
}

/// The process model has no such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a permission that is {from} cannot become {to}")]
pub struct IllegalStep {
    /// Where it stands.
    pub from: Status,
    /// What it should have become.
    pub to: Status,
}
