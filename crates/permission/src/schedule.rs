//! When a home sends: a cron expression that begins with the seconds.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A transmission schedule with six fields, such as `*/5 * * * * *`, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(String);

/// Longer ones are refused before they are looked at.
const MAX_LEN: usize = 120;

impl Schedule {
    /// The expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first time after `after` at which the home sends. None when there is none.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let cron = cron(&self.0).ok()?;
        let after = after.to_zoned(TimeZone::UTC);
        Some(cron.find_next_occurrence(&after, false).ok()?.timestamp())
    }

    /// The last time before `before` at which a home sends. None when there is none.
    #[must_use]
    pub fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        let cron = cron(&self.0).ok()?;
        let before = before.to_zoned(TimeZone::UTC);
        let last = cron.find_previous_occurrence(&before, false).ok()?;
        Some(last.timestamp())
    }
}

fn cron(text: &str) -> Result<Cron, ScheduleError> {
    if text.len() > MAX_LEN {
        return Err(ScheduleError::Long);
    }
    // Homes take these characters only. The rest is either wrong or an extension of the parser used here
    // (nicknames, `+`), which a home would refuse after the household has agreed.
    let plain = |c: char| c.is_ascii_alphanumeric() || " */,-?#".contains(c);
    // An empty part of a list is nothing to homes. The parser takes it, and would then look for a second, minute or
    // hour that there is not through three thousand years, one by one: for minutes.
    if !text.chars().all(plain) || text.split([' ', ',']).any(str::is_empty) {
        return Err(ScheduleError::Form);
    }
    if text.split(' ').count() != 6 {
        return Err(ScheduleError::Fields);
    }
    let cron = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Disallowed)
        .build()
        .parse(text)
        .map_err(|error| ScheduleError::Cron(error.to_string()))?;
    // A day such as 30 February: from a fixed day on, because there is no year in it.
    cron.find_next_occurrence(&DateTime::constant(2026, 1, 1, 0, 0, 0, 0), true)
        .map_err(|_| ScheduleError::Never)?;
    Ok(cron)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a transmission schedule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Too long to be looked at.
    #[error("a transmission schedule has at most {MAX_LEN} characters")]
    Long,
    /// Characters that no home takes.
    #[error(
        "a transmission schedule is made of digits, names of days and months, and `* / , - ? #`, with one space \
         between two fields and something on both sides of each comma"
    )]
    Form,
    /// Not six fields.
    #[error("a transmission schedule has six fields, the seconds first, as in `*/5 * * * * *`")]
    Fields,
    /// A field that makes no sense.
    #[error("the transmission schedule is no cron expression: {0}")]
    Cron(String),
    /// A day that there is not.
    #[error("the transmission schedule never comes round")]
    Never,
}

impl FromStr for Schedule {
    type Err = ScheduleError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        cron(text).map(|_| Self(text.to_owned()))
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
