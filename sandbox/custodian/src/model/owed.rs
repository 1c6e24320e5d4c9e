//! The days that a customer is owed: fixed once, some time after the customer's yes, and by another clock than a
//! test's.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::{Calendar, DayRange, ModelError};

/// The days are fixed so many days after the last of them.
const LAG_DAYS: i64 = 5;
/// How far that clock, when the days are fixed, is from the customer's yes at the most.
const APART: SignedDuration = SignedDuration::from_hours(4);

impl DayRange {
    /// The days of a history that ends before `until`, so many months of them. An error when nobody is owed them who
    /// authorized at that time: some hours around midnight two days may be the last one, otherwise one.
    pub fn owed(until: Date, months: i32, authorized: Timestamp) -> Result<Self, ModelError> {
        let calendar = Calendar::pacific()?;
        let day = |at: Result<Timestamp, jiff::Error>| {
            at.map(|at| calendar.day_of(at)).map_err(ModelError::Day)
        };
        let (earliest, latest) = (
            day(authorized.checked_sub(APART))?,
            day(authorized.checked_add(APART))?,
        );
        let last = until.yesterday().map_err(ModelError::Day)?;
        let fixed = last.checked_add(LAG_DAYS.days()).map_err(ModelError::Day)?;
        if !(earliest..=latest).contains(&fixed) {
            return Err(ModelError::NotOwed { last, authorized });
        }
        let first = until
            .checked_sub(months.months())
            .map_err(ModelError::Day)?;
        Ok(Self::new(first, last))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The last days of which one is owed.
    fn last_days(authorized: &str) -> Vec<Date> {
        let authorized = authorized.parse().unwrap();
        (10..=25)
            .filter_map(|day| DayRange::owed(date(2026, 11, day), 1, authorized).ok())
            .map(|days| days.last)
            .collect()
    }

    #[test]
    fn only_near_midnight_two_days_may_be_the_last_one() {
        let (one, other) = (date(2026, 11, 17), date(2026, 11, 18));
        assert_eq!(last_days("2026-11-22T20:00:00Z"), [one]);
        assert_eq!(last_days("2026-11-23T07:59:00Z"), [one, other]);
        assert_eq!(last_days("2026-11-23T08:01:00Z"), [one, other]);
        assert_eq!(last_days("2026-11-23T20:00:00Z"), [other]);
    }

    #[test]
    fn a_year_ends_five_days_ago() {
        let authorized = "2026-11-22T20:00:00Z".parse().unwrap();
        let year = DayRange::owed(date(2026, 11, 18), 12, authorized).unwrap();
        assert_eq!(year, DayRange::new(date(2025, 11, 18), date(2026, 11, 17)));
    }
}
