//! What can go wrong at the broker's management interface. None of these names a client, a topic or an address.

/// A request that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// No connection, or it broke.
    #[error(
        "the broker's management interface is not reached ({what}: {reason}): check METERGATE_BROKER_API_URL and that the broker is up"
    )]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// Why, without addresses.
        reason: String,
    },
    /// It took too long.
    #[error(
        "the broker's management interface did not answer in time ({what}): see METERGATE_BROKER_API_TIMEOUT_SECONDS"
    )]
    TimedOut {
        /// What was asked.
        what: &'static str,
    },
    /// The key is not taken.
    #[error(
        "the broker refuses our key ({what}: {status}): METERGATE_BROKER_API_KEY and _SECRET must stand in its bootstrap file of keys, with the role administrator"
    )]
    Unauthorized {
        /// What was asked.
        what: &'static str,
        /// 401 or 403.
        status: u16,
    },
    /// Another status than a success.
    #[error("the broker refuses ({what}: {status} {})", .code.as_deref().unwrap_or("without a code"))]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The broker's code, when the body is its own.
        code: Option<String>,
    },
    /// The answer is none of the broker's.
    #[error("the answer is not the broker's ({what}: {reason}): check METERGATE_BROKER_API_URL")]
    Malformed {
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// More than is read of one answer. For a list, fewer rows are asked for.
    #[error("the broker's answer is larger than {most} bytes ({what}): look at the broker")]
    TooLarge {
        /// What was asked.
        what: &'static str,
        /// How many bytes are read.
        most: usize,
    },
    /// A list without an end.
    #[error("the broker's list of {what} does not end: look at the broker")]
    Endless {
        /// Of what.
        what: &'static str,
    },
    /// A client id or a topic that no address can hold.
    #[error("a client id or topic cannot stand in an address: end it in the broker's dashboard")]
    Name,
}

impl BrokerError {
    /// For metrics.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timeout",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Refused { status: 404, .. } => "not found",
            Self::Refused { .. } => "refused",
            Self::TooLarge { .. } => "too large",
            Self::Malformed { .. } | Self::Endless { .. } | Self::Name => "malformed",
        }
    }
}
