//! Local days in the Pacific zone: their bounds in epoch seconds, with the short day in March and
//! the long one in November, and the wall clock within them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::{ModelError, ZONE};

/// Whole local days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first day.
    pub first: Date,
    /// The last day; a range whose last day lies before its first one is empty.
    pub last: Date,
}

impl DayRange {
    /// The days from `first` to `last`, both included.
    #[must_use]
    pub const fn new(first: Date, last: Date) -> Self {
        Self { first, last }
    }

    /// The days that lie in both ranges.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        }
    }

    /// True when no day lies in the range.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.last < self.first
    }

    /// The days one after the other.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.first
            .series(1.day())
            .take_while(move |day| *day <= self.last)
    }
}

/// The bounds of one local day in epoch seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayBounds {
    /// The first second of the day.
    pub start: i64,
    /// The first second of the next day.
    pub end: i64,
}

/// The local calendar.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of the Pacific zone.
    pub fn pacific() -> Result<Self, ModelError> {
        TimeZone::get(ZONE)
            .map(|zone| Self { zone })
            .map_err(ModelError::Zone)
    }

    /// The local day of an instant.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The wall clock at an instant.
    #[must_use]
    pub fn wall_clock(&self, at: Timestamp) -> DateTime {
        self.zone.to_datetime(at)
    }

    /// The instant at which a wall clock shows this; the first of two, and the next one when the
    /// clocks skip it.
    pub fn instant(&self, wall_clock: DateTime) -> Result<Timestamp, ModelError> {
        self.zone.to_timestamp(wall_clock).map_err(ModelError::Day)
    }

    /// The bounds of a local day: 82800, 86400 or 90000 s apart.
    pub fn bounds(&self, day: Date) -> Result<DayBounds, ModelError> {
        let next = day.tomorrow().map_err(ModelError::Day)?;
        Ok(DayBounds {
            start: self.instant(day.at(0, 0, 0, 0))?.as_second(),
            end: self.instant(next.at(0, 0, 0, 0))?.as_second(),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_have_the_length_of_the_zone() {
        let calendar = Calendar::pacific().unwrap();
        for (day, seconds) in [
            (date(2026, 3, 7), 86_400),
            (date(2026, 3, 8), 82_800),
            (date(2026, 7, 1), 86_400),
            (date(2026, 11, 1), 90_000),
        ] {
            let bounds = calendar.bounds(day).unwrap();
            assert_eq!(bounds.end - bounds.start, seconds, "{day}");
        }
        // The start that PG&E's feed of 2019-10-16 gives for its first block.
        assert_eq!(
            calendar.bounds(date(2019, 10, 16)).unwrap().start,
            1_571_209_200
        );
    }

    #[test]
    fn ranges_include_both_ends() {
        let range = DayRange::new(date(2026, 1, 30), date(2026, 2, 2));
        assert_eq!(range.days().count(), 4);
        let inner = range.within(DayRange::new(date(2026, 2, 2), date(2026, 3, 1)));
        assert_eq!(inner.days().collect::<Vec<_>>(), [date(2026, 2, 2)]);
        let none = range.within(DayRange::new(date(2026, 2, 3), date(2026, 3, 1)));
        assert!(none.is_empty());
        assert_eq!(none.days().count(), 0);
    }
}
