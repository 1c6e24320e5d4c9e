//! When records are due: a cron expression with seconds, in UTC.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A cron expression of six fields, seconds first.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    cron: Cron,
    text: String,
}

impl Schedule {
    /// Reads the expression; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Required).build();
        let cron = parser.parse(text).map_err(|error| error.to_string())?;
        Ok(Self {
            cron,
            text: text.to_owned(),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The first due time after `time`; none when the schedule has ended.
    pub(crate) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let zoned = time.to_zoned(TimeZone::UTC);
        let next = self.cron.find_next_occurrence(&zoned, false).ok()?;
        Some(next.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_fields_are_needed() {
        let schedule = Schedule::parse("*/5 * * * * *").unwrap();
        assert_eq!(schedule.as_str(), "*/5 * * * * *");
        let start = "2026-06-02T23:59:57.25Z".parse().unwrap();
        let next = schedule.after(start).unwrap();
        assert_eq!(next.to_string(), "2026-06-03T00:00:00Z");
        assert_eq!(
            schedule.after(next).unwrap().to_string(),
            "2026-06-03T00:00:05Z"
        );
        assert!(Schedule::parse("*/5 * * * *").is_err());
        assert!(Schedule::parse("often").is_err());
    }
}
