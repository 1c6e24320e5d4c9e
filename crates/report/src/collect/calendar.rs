//! Days and months of local time.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    first: Date,
}

impl Month {
    pub(crate) fn of(day: Date) -> Self {
        Self {
            first: day.first_of_month(),
        }
    }

    pub(crate) const fn first(self) -> Date {
        self.first
    }

    pub(crate) fn next(self) -> Option<Self> {
        let first = self.first.checked_add(1.month()).ok()?;
        Some(Self { first })
    }

    /// Its length in seconds; clocks change in some.
    pub(crate) fn seconds(self, zone: &TimeZone) -> Option<i64> {
        let from = start_of(self.first, zone)?;
        let until = start_of(self.next()?.first, zone)?;
        Some(until.duration_since(from).as_secs())
    }

    /// `Mar`.
    pub(crate) fn short(self) -> String {
        self.first.strftime("%b").to_string()
    }

    /// `March 2026`.
    pub(crate) fn name(self) -> String {
        self.first.strftime("%B %Y").to_string()
    }
}

/// The first moment of a day.
pub(crate) fn start_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = day.to_zoned(zone.clone()).ok()?;
    Some(midnight.start_of_day().ok()?.timestamp())
}

/// The hours on a day's clock that exist; one is skipped when clocks go forward.
pub(crate) fn hours_of(day: Date, zone: &TimeZone) -> [bool; 24] {
    let mut exists = [true; 24];
    let usual = start_of(day, zone)
        .zip(day.tomorrow().ok().and_then(|next| start_of(next, zone)))
        .is_none_or(|(from, until)| until.duration_since(from).as_secs() >= 86_400);
    if usual {
        return exists;
    }
    for (hour, exists) in exists.iter_mut().enumerate() {
        let Ok(hour) = i8::try_from(hour) else {
            continue;
        };
        let clock = day.at(hour, 30, 0, 0);
        let offset = zone.to_ambiguous_timestamp(clock).offset();
        *exists = !matches!(offset, AmbiguousOffset::Gap { .. });
    }
    exists
}

/// Length of a day in seconds.
pub(crate) fn day_seconds(day: Date, zone: &TimeZone) -> Option<i64> {
    let from = start_of(day, zone)?;
    let until = start_of(day.tomorrow().ok()?, zone)?;
    Some(until.duration_since(from).as_secs())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_of_23_and_25_hours() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let spring = hours_of(date(2026, 3, 8), &zone);
        assert!(!spring[2]);
        assert_eq!(spring.iter().filter(|exists| **exists).count(), 23);
        assert_eq!(hours_of(date(2026, 11, 1), &zone), [true; 24]);
        assert_eq!(day_seconds(date(2026, 11, 1), &zone), Some(90_000));
        assert_eq!(
            Month::of(date(2026, 3, 9)).seconds(&zone),
            Some(31 * 86_400 - 3_600)
        );
        assert_eq!(hours_of(date(2026, 3, 8), &TimeZone::UTC), [true; 24]);
    }
}
