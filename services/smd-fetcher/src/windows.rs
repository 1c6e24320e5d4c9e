//! Which days are pulled, and in which requests. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How much to pull.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Months back from the last day.
    pub months: u32,
    /// The custodian's data is this many days old; the last day pulled is that long ago.
    pub lag_days: u32,
    /// Most days in one window.
    pub window_days: u32,
}

/// Windows `[from, until)` of whole local days, oldest first, without holes or overlaps: from `months`
/// before the end of the last complete local day that the lag allows. Nothing before `published_from`,
/// from which on the custodian has data. The days are spread evenly, so that no window is much
/// smaller than the others; on the days the clocks change, a day is 23 or 25 hours long.
pub fn plan(
    now: Timestamp,
    zone: &TimeZone,
    wanted: Wanted,
    published_from: Option<Timestamp>,
) -> Result<Vec<(Timestamp, Timestamp)>, jiff::Error> {
    let today = zone.to_datetime(now).date();
    // Today is never complete.
    let until = today.checked_sub(Span::new().days(i64::from(wanted.lag_days.max(1)) - 1))?;
    let mut from = until.checked_sub(Span::new().months(i64::from(wanted.months)))?;
    if let Some(published) = published_from {
        from = from.max(zone.to_datetime(published).date());
    }
    if from >= until {
        return Ok(Vec::new());
    }
    let days = from.until(until)?.get_days();
    let windows = days.div_ceil_by(i32::try_from(wanted.window_days.max(1)).unwrap_or(i32::MAX));
    (0..windows)
        .map(|nr| {
            let edge = |nr: i32| {
                day_start(
                    from,
                    i64::from(days) * i64::from(nr) / i64::from(windows),
                    zone,
                )
            };
            Ok((edge(nr)?, edge(nr + 1)?))
        })
        .collect()
}

/// The first instant of the day that many days after `first`.
fn day_start(first: Date, days: i64, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
    let day = first.checked_add(Span::new().days(days))?;
    Ok(day.to_zoned(zone.clone())?.timestamp())
}

trait DivCeil {
    fn div_ceil_by(self, by: Self) -> Self;
}

impl DivCeil for i32 {
    /// Both are positive here.
    fn div_ceil_by(self, by: Self) -> Self {
        self / by + Self::from(self % by != 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const YEAR: Wanted = Wanted {
        months: 12,
        lag_days: 5,
        window_days: 28,
    };

    fn pacific() -> TimeZone {
        TimeZone::get("America/Los_Angeles").unwrap()
    }

    #[test]
    fn a_year_ends_with_the_last_day_the_lag_allows() {
        let now: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        let windows = plan(now, &pacific(), YEAR, None).unwrap();
        assert_eq!(windows.len(), 14);
        assert_eq!(windows[0].0.to_string(), "2025-11-17T08:00:00Z");
        assert_eq!(windows[13].1.to_string(), "2026-11-17T08:00:00Z");
    }

    #[test]
    fn nothing_before_the_custodian_has_data() {
        let now: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        let published = "2026-10-01T12:00:00Z".parse().unwrap();
        let windows = plan(now, &pacific(), YEAR, Some(published)).unwrap();
        assert_eq!(windows[0].0.to_string(), "2026-10-01T07:00:00Z");
        assert_eq!(windows.len(), 2);
        assert!(plan(now, &pacific(), YEAR, Some(now)).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn windows_have_no_holes_and_are_never_too_long(
            second in 1_500_000_000_i64..2_500_000_000,
            months in 1_u32..36, lag_days in 0_u32..30, window_days in 1_u32..32,
            zone in prop::sample::select(vec!["America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let now = Timestamp::from_second(second).unwrap();
            let windows = plan(now, &zone, Wanted { months, lag_days, window_days }, None).unwrap();
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].1, pair[1].0);
            }
            for (from, until) in &windows {
                let days = zone.to_datetime(*from).date().until(zone.to_datetime(*until).date()).unwrap().get_days();
                prop_assert!(days >= 1 && days <= i32::try_from(window_days).unwrap());
                prop_assert_eq!(zone.to_datetime(*from).time(), jiff::civil::Time::midnight());
            }
            prop_assert!(windows.last().unwrap().1 <= now);
        }

        /// Every moment of the history lies in exactly one window, and none before or after it, also where the
        /// clocks change at midnight or a whole day is left out.
        #[test]
        fn windows_cover_the_history_and_no_more(
            second in 1_300_000_000_i64..2_500_000_000,
            months in 0_u32..36, lag_days in 0_u32..30, window_days in 1_u32..400,
            published in prop::option::of(0_i64..2_000), places in prop::collection::vec(0_i64..1_000_000, 8),
            zone in prop::sample::select(vec!["America/Los_Angeles", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "UTC"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let now = Timestamp::from_second(second).unwrap();
            let published = published.map(|days| now - jiff::SignedDuration::from_hours(24 * days));
            let windows = plan(now, &zone, Wanted { months, lag_days, window_days }, published).unwrap();
            let today = zone.to_datetime(now).date();
            let last_day = today - jiff::ToSpan::days(i64::from(lag_days.max(1)));
            let until = last_day.tomorrow().unwrap();
            let from = until - jiff::ToSpan::months(i64::from(months));
            let from = published.map_or(from, |at| from.max(zone.to_datetime(at).date()));
            let days = from.until(until).unwrap().get_days();
            if days <= 0 {
                prop_assert!(windows.is_empty());
                return Ok(());
            }
            let start = |day: Date| day.to_zoned(zone.clone()).unwrap().timestamp();
            prop_assert_eq!((windows[0].0, windows.last().unwrap().1), (start(from), start(until)));
            let least = usize::try_from(days.div_ceil_by(i32::try_from(window_days).unwrap())).unwrap();
            prop_assert_eq!(windows.len(), least, "no more requests than needed");
            let (first, last) = (start(from).as_second(), start(until).as_second());
            for place in places {
                let at = Timestamp::from_second(first + (last - first) * place / 1_000_000).unwrap();
                let holding = windows.iter().filter(|(from, until)| (*from..*until).contains(&at));
                prop_assert_eq!(holding.count(), 1, "{}", at);
            }
        }
    }
}
