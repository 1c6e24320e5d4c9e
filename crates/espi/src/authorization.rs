//! The Authorization resource: what a customer allowed, for which time, and whether it still holds.

use jiff::Timestamp;

/// Times at or beyond this are milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A start and a length.
///
/// PG&E writes both in **milliseconds** inside an Authorization, other custodians (and ESPI) in
/// seconds. They are told apart by the size of the start: 10^11 or more is milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Start; `None` when absent or out of range.
    pub start: Option<Timestamp>,
    /// Length in seconds; 0 means open-ended at some custodians.
    pub duration: Option<i64>,
}

impl Period {
    /// A period from numbers as written, in seconds or milliseconds.
    #[must_use]
    pub fn from_raw(start: Option<i64>, duration: Option<i64>) -> Self {
        let milliseconds = start.or(duration).is_some_and(is_milliseconds);
        let start = start.and_then(timestamp_by_magnitude);
        let duration = if milliseconds {
            duration.map(|d| d.div_euclid(1000))
        } else {
            duration
        };
        Self { start, duration }
    }

    /// The end, cut to the last representable instant (PG&E publishes periods of 8000 years).
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        let end = self.start?.as_second().saturating_add(self.duration?);
        Some(Timestamp::from_second(end).unwrap_or(Timestamp::MAX))
    }
}

pub(crate) fn is_milliseconds(number: i64) -> bool {
    number.unsigned_abs() >= MILLISECONDS_FROM.unsigned_abs()
}

/// An instant from seconds or milliseconds since 1970, told apart by magnitude.
#[must_use]
pub fn timestamp_by_magnitude(number: i64) -> Option<Timestamp> {
    if is_milliseconds(number) {
        Timestamp::from_millisecond(number).ok()
    } else {
        Timestamp::from_second(number).ok()
    }
}

/// State of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationStatus {
    /// 0: ended, by the customer or by us.
    Revoked,
    /// 1: in force.
    Active,
    /// 2: refused.
    Denied,
    /// A code this version has no name for.
    Other(u16),
}

impl AuthorizationStatus {
    /// The state for a code.
    #[must_use]
    pub const fn from_code(code: u16) -> Self {
        match code {
            0 => Self::Revoked,
            1 => Self::Active,
            2 => Self::Denied,
            other => Self::Other(other),
        }
    }

    /// The code as ESPI writes it.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Revoked => 0,
            Self::Active => 1,
            Self::Denied => 2,
            Self::Other(code) => code,
        }
    }
}

/// An Authorization resource. Tokens that may stand in it are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authorization {
    /// The time in which the third party may ask.
    pub authorized_period: Option<Period>,
    /// The time for which data may be asked.
    pub published_period: Option<Period>,
    /// State; `None` when absent or no number.
    pub status: Option<AuthorizationStatus>,
    /// When the access token expires (seconds in the document).
    pub expires_at: Option<Timestamp>,
    /// Scope string.
    pub scope: Option<String>,
    /// Token type (`Bearer`).
    pub token_type: Option<String>,
    /// Where the data is.
    pub resource_uri: Option<String>,
    /// Where the authorization is.
    pub authorization_uri: Option<String>,
    /// Where the customer's data is.
    pub customer_resource_uri: Option<String>,
    /// OAuth error code, when the authorization failed.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pge_periods_are_milliseconds_and_others_seconds() {
        let pge = Period::from_raw(Some(1_440_585_200_000), Some(31_536_000_000));
        assert_eq!(pge.start.unwrap().as_second(), 1_440_585_200);
        assert_eq!(pge.duration, Some(31_536_000));
        let other = Period::from_raw(Some(1_690_904_231), Some(202_551_769));
        assert_eq!(other.start.unwrap().as_second(), 1_690_904_231);
        assert_eq!(other.duration, Some(202_551_769));
    }

    #[test]
    fn a_period_of_eight_thousand_years_ends_at_the_last_instant() {
        let period = Period::from_raw(Some(1_440_585_200_000), Some(251_963_658_000_000));
        assert_eq!(period.end(), Some(Timestamp::MAX));
        let plain = Period::from_raw(Some(10), Some(5));
        assert_eq!(plain.end().unwrap().as_second(), 15);
        assert_eq!(Period::from_raw(None, Some(5)).end(), None);
    }

    #[test]
    fn states_keep_their_codes() {
        for code in 0..5 {
            assert_eq!(AuthorizationStatus::from_code(code).code(), code);
        }
    }
}
