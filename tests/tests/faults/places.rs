//! The steps of the journey at which something can go wrong, in their order.

use custodian::faults::{Fault, Rule, Step};
use custodian::ledger::RequestKind;

/// A step of the journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The code is exchanged for tokens.
    Exchange,
    /// The authorization is read.
    Authorization,
    /// The rules of local time are read.
    LocalTime,
    /// The customer's name is read.
    Name,
    /// The usage points are listed.
    UsagePoints,
    /// The first window is asked for.
    FirstWindow,
    /// A window in the middle of the pull.
    LaterWindow,
    /// A reading type that the feed did not bring is fetched.
    ReadingType,
    /// The tokens are refreshed in the middle of the pull.
    Refresh,
    /// A window is asked for, and answered with 202.
    AcceptedWindow,
    /// The notification that follows.
    Notification,
    /// What a notification announced is fetched.
    Announced,
    /// The authorization is deleted.
    Delete,
    /// Its end is confirmed.
    Confirm,
}

impl Place {
    pub(crate) const ALL: [Self; 14] = [
        Self::Exchange,
        Self::Authorization,
        Self::LocalTime,
        Self::Name,
        Self::UsagePoints,
        Self::FirstWindow,
        Self::LaterWindow,
        Self::ReadingType,
        Self::Refresh,
        Self::AcceptedWindow,
        Self::Notification,
        Self::Announced,
        Self::Delete,
        Self::Confirm,
    ];

    /// Whether it takes a customer whose batches come later.
    pub(crate) const fn is_later(self) -> bool {
        matches!(
            self,
            Self::AcceptedWindow | Self::Notification | Self::Announced
        )
    }

    /// What the custodian calls it, and the first of its occurrences that is meant.
    pub(crate) const fn step(self) -> (Step, u64) {
        match self {
            Self::Exchange => (Step::TokenCode, 1),
            Self::Authorization => (Step::Request(RequestKind::Authorization), 1),
            Self::LocalTime => (Step::Request(RequestKind::LocalTimeParameters), 1),
            Self::Name => (Step::Request(RequestKind::BatchRetailCustomer), 1),
            Self::UsagePoints => (Step::Request(RequestKind::UsagePoints), 1),
            Self::FirstWindow | Self::AcceptedWindow => {
                (Step::Request(RequestKind::BatchUsagePoint), 1)
            }
            Self::LaterWindow => (Step::Request(RequestKind::BatchUsagePoint), 3),
            Self::ReadingType => (Step::Request(RequestKind::ReadingType), 1),
            Self::Refresh => (Step::TokenRefresh, 1),
            Self::Notification => (Step::Notification, 1),
            Self::Announced => (Step::Announced, 1),
            Self::Delete => (Step::Request(RequestKind::AuthorizationDelete), 1),
            // The first one was before the pull.
            Self::Confirm => (Step::Request(RequestKind::Authorization), 2),
        }
    }

    /// What must happen before, so that the step is taken at all.
    pub(crate) fn leads_there(self) -> Option<Rule> {
        let window = Step::Request(RequestKind::BatchUsagePoint);
        match self {
            Self::ReadingType => Some(Rule::new(window, Fault::NoReadingTypes)),
            Self::Refresh => Some(Rule {
                from: 3,
                times: Some(1),
                ..Rule::new(window, Fault::ForgetToken)
            }),
            _ => None,
        }
    }
}
