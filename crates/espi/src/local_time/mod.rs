//! `LocalTimeParameters`: a custodian's standard offset and its daylight saving rules, packed into
//! 32-bit hexadecimal numbers. Some custodians write nonsense there, so nothing in here fails:
//! what cannot be understood is `None` and the caller falls back to its configured time zone.

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// One packed rule: the moment in the year at which daylight saving starts or ends.
///
/// Bits 0–11 seconds of the hour, 12–16 hour, 17–19 weekday (Monday = 1, 0 none), 20–24 day of
/// the month (0 none), 25–27 operator, 28–31 month. Operators: 0 that day of the month, 1 the
/// weekday on or after it, 2 to 6 the first to fifth such weekday of the month, 7 the last.
/// `FFFFFFFF` means no daylight saving. (ESPI `DstRuleType`.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DstRule(u32);

/// `LocalTimeParameters` of a feed. Every field is `None` when absent or not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalTimeParameters {
    /// When daylight saving ends.
    pub dst_end_rule: Option<DstRule>,
    /// Seconds added while daylight saving is on.
    pub dst_offset: Option<i32>,
    /// When daylight saving starts.
    pub dst_start_rule: Option<DstRule>,
    /// Seconds east of UTC without daylight saving.
    pub tz_offset: Option<i32>,
}

/// A rule in calendar terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    month: i8,
    day: Day,
    /// Seconds after local midnight.
    second: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    OfMonth(i8),
    OnOrAfter {
        weekday: i8,
        day: i8,
    },
    /// 1 to 5 from the start of the month; the fifth is the fourth where there is none.
    Nth {
        weekday: i8,
        nth: i8,
    },
    Last {
        weekday: i8,
    },
}

impl DstRule {
    /// No daylight saving.
    pub const OFF: Self = Self(u32::MAX);

    /// A rule from its packed number. Nonsense is kept: it is only found out when used.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// A rule from the hexadecimal text in a feed; `None` when it is no 32-bit hex number.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits || text.is_empty() || text.len() > 8 {
            return None;
        }
        u32::from_str_radix(text, 16).ok().map(Self)
    }

    /// The packed number.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The text a feed holds: eight upper-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:08X}", self.0)
    }

    fn bits(self, from: u32, count: u32) -> u32 {
        (self.0 >> from) & ((1 << count) - 1)
    }

    /// The rule in calendar terms, `None` when it is nonsense (month 14, day and weekday where
    /// the operator takes one of them, second 3952: hex epochs have been seen here).
    fn moment(self) -> Option<Moment> {
        let seconds = self.bits(0, 12);
        let hour = self.bits(12, 5);
        let weekday = i8::try_from(self.bits(17, 3)).ok()?;
        let day = i8::try_from(self.bits(20, 5)).ok()?;
        let operator = i8::try_from(self.bits(25, 3)).ok()?;
        let month = i8::try_from(self.bits(28, 4)).ok()?;
        if seconds > 3599 || hour > 23 || !(1..=12).contains(&month) {
            return None;
        }
        let day = match (operator, weekday, day) {
            // 29 February exists in some years only, so no rule names it.
            (0, 0, 1..) if day <= days_in(month) => Day::OfMonth(day),
            (1, 1.., 1..) if day <= days_in(month) - 6 => Day::OnOrAfter { weekday, day },
            (2..=6, 1.., 0) => Day::Nth {
                weekday,
                nth: operator - 1,
            },
            (7, 1.., 0) => Day::Last { weekday },
            _ => return None,
        };
        Some(Moment {
            month,
            day,
            second: i64::from(hour) * 3600 + i64::from(seconds),
        })
    }
}

/// Days of a month in a common year.
fn days_in(month: i8) -> i8 {
    match month {
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Moment {
    /// The instant in a year, seen by a clock that is `offset` seconds east of UTC.
    fn instant(self, year: i16, offset: i64) -> Option<Timestamp> {
        let first = Date::new(year, self.month, 1).ok()?;
        let date = match self.day {
            Day::OfMonth(day) => Date::new(year, self.month, day).ok()?,
            Day::OnOrAfter { weekday, day } => {
                let from = Date::new(year, self.month, day).ok()?;
                let wanted = Weekday::from_monday_one_offset(weekday).ok()?;
                from.yesterday().ok()?.nth_weekday(1, wanted).ok()?
            }
            Day::Nth { weekday, nth } => {
                let wanted = Weekday::from_monday_one_offset(weekday).ok()?;
                first
                    .nth_weekday_of_month(nth, wanted)
                    .or_else(|_| first.nth_weekday_of_month(-1, wanted))
                    .ok()?
            }
            Day::Last { weekday } => {
                let wanted = Weekday::from_monday_one_offset(weekday).ok()?;
                first.nth_weekday_of_month(-1, wanted).ok()?
            }
        };
        let midnight = date
            .to_datetime(jiff::civil::Time::midnight())
            .to_zoned(TimeZone::UTC)
            .ok()?;
        midnight
            .timestamp()
            .checked_add(SignedDuration::from_secs(self.second - offset))
            .ok()
    }

    /// The rule in POSIX `TZ` spelling, `None` where that has no word for it.
    fn posix(self) -> Option<String> {
        let day = match self.day {
            // `Jn` counts without 29 February, which is what a fixed day of a month means.
            Day::OfMonth(day) => {
                let before: i32 = (1..self.month).map(|m| i32::from(days_in(m))).sum();
                format!("J{}", before + i32::from(day))
            }
            Day::OnOrAfter { weekday, day } => {
                let week = match day {
                    1 => 1,
                    8 => 2,
                    15 => 3,
                    22 => 4,
                    _ if self.month != 2 && day == days_in(self.month) - 6 => 5,
                    _ => return None,
                };
                format!("M{}.{week}.{}", self.month, weekday % 7)
            }
            Day::Nth { weekday, nth } => format!("M{}.{nth}.{}", self.month, weekday % 7),
            Day::Last { weekday } => format!("M{}.5.{}", self.month, weekday % 7),
        };
        let (hour, rest) = (self.second / 3600, self.second % 3600);
        Some(format!("{day}/{hour}:{:02}:{:02}", rest / 60, rest % 60))
    }
}

/// Daylight saving as understood.
enum Saving {
    Never,
    Between {
        start: Moment,
        end: Moment,
        added: i32,
    },
}

impl LocalTimeParameters {
    /// PG&E's parameters: UTC−8, one hour more from the second Sunday of March 02:00 to the first
    /// Sunday of November 02:00.
    pub const PACIFIC: Self = Self {
        dst_end_rule: Some(DstRule::from_raw(0xB40E_2000)),
        dst_offset: Some(3600),
        dst_start_rule: Some(DstRule::from_raw(0x360E_2000)),
        tz_offset: Some(-28_800),
    };

    fn standard(&self) -> Option<i32> {
        // UTC−12 to UTC+14 are in use.
        self.tz_offset
            .filter(|offset| (-12 * 3600..=14 * 3600).contains(offset))
    }

    fn saving(&self) -> Option<Saving> {
        let (start, end) = (self.dst_start_rule?, self.dst_end_rule?);
        if (start == DstRule::OFF && end == DstRule::OFF) || self.dst_offset == Some(0) {
            return Some(Saving::Never);
        }
        let added = self.dst_offset.filter(|d| (-7200..=7200).contains(d))?;
        let (start, end) = (start.moment()?, end.moment()?);
        // A rule that starts and ends in one month is no daylight saving anywhere.
        (start.month != end.month).then_some(Saving::Between { start, end, added })
    }

    /// The offset from UTC at an instant, `None` when the parameters are nonsense.
    #[must_use]
    pub fn offset_at(&self, instant: Timestamp) -> Option<Offset> {
        let standard = self.standard()?;
        let Saving::Between { start, end, added } = self.saving()? else {
            return Offset::from_seconds(standard).ok();
        };
        let year = Offset::from_seconds(standard)
            .ok()?
            .to_datetime(instant)
            .year();
        let starts = start.instant(year, i64::from(standard))?;
        let ends = end.instant(year, i64::from(standard) + i64::from(added))?;
        let saving = if starts < ends {
            starts <= instant && instant < ends
        } else {
            // South of the equator: on at both ends of the year.
            instant < ends || starts <= instant
        };
        let total = if saving { standard + added } else { standard };
        Offset::from_seconds(total).ok()
    }

    /// The rules as a POSIX `TZ` string (`<-08>+8:00:00<-07>+7:00:00,M3.2.0/2:00:00,…`), `None`
    /// when they are nonsense or POSIX cannot say them.
    #[must_use]
    pub fn posix_tz(&self) -> Option<String> {
        let standard = self.standard()?;
        let mut text = posix_offset(standard)?;
        if let Saving::Between { start, end, added } = self.saving()? {
            let saving = posix_offset(standard + added)?;
            write!(text, "{saving},{},{}", start.posix()?, end.posix()?).ok()?;
        }
        Some(text)
    }

    /// The rules as a time zone of `jiff`, `None` as for [`Self::posix_tz`].
    #[must_use]
    pub fn time_zone(&self) -> Option<TimeZone> {
        TimeZone::posix(&self.posix_tz()?).ok()
    }
}

/// An abbreviation and an offset in POSIX spelling, where west of Greenwich is positive.
fn posix_offset(seconds: i32) -> Option<String> {
    let size = seconds.unsigned_abs();
    let (hour, minute, second) = (size / 3600, size / 60 % 60, size % 60);
    let (name, posix) = if seconds < 0 { ('-', '+') } else { ('+', '-') };
    let mut text = String::new();
    write!(
        text,
        "<{name}{hour:02}{minute:02}>{posix}{hour}:{minute:02}:{second:02}"
    )
    .ok()?;
    Some(text)
}

#[cfg(test)]
mod tests;
