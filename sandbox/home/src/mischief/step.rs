//! When a home does something wrong.

use serde::Serialize;

/// A step of a permission's life, as a home sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It asks for the details.
    Details,
    /// It answers.
    Answer,
    /// It connects to the broker for the first time.
    Connect,
    /// It subscribes to what it may hear.
    Subscribe,
    /// It publishes records.
    Data,
    /// It acknowledges inbound data.
    Acknowledgement,
    /// It hears a command.
    Command,
    /// It tells that the household takes its consent back.
    Status,
    /// It was told to end, and confirms that.
    Termination,
    /// The permission has ended.
    Ended,
}

impl Step {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Details,
        Self::Answer,
        Self::Connect,
        Self::Subscribe,
        Self::Data,
        Self::Acknowledgement,
        Self::Command,
        Self::Status,
        Self::Termination,
        Self::Ended,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Answer => "answer",
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Data => "data",
            Self::Acknowledgement => "acknowledgement",
            Self::Command => "command",
            Self::Status => "status",
            Self::Termination => "termination",
            Self::Ended => "ended",
        }
    }
}
