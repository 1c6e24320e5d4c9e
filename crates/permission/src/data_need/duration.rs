//! When data may flow: between two dates, or from today on for a while.

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, date};

/// When data may flow. Days are UTC days, the end is inclusive, None is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duration {
    /// Counted from the day on which the household is asked.
    Relative {
        /// None: that day.
        start: Option<Period>,
        /// None: until someone ends it.
        end: Option<Period>,
    },
    /// Fixed days.
    Absolute {
        /// None: the day on which the household is asked.
        start: Option<Date>,
        /// None: until someone ends it.
        end: Option<Date>,
    },
}

/// An ISO 8601 period of whole days: years, months, weeks and days, as in `P1M10D`. Never negative: what is over
/// cannot be streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    text: String,
    years: u16,
    months: u16,
    weeks: u16,
    days: u16,
}

/// Why a text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no period of days, weeks, months or years to come: write it as in P10D or P1Y")]
pub struct PeriodError(String);

impl FromStr for Period {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or_else(|| PeriodError(text.chars().take(40).collect()))
    }
}

/// Units in their order, each at most once, each after its number.
fn read(text: &str) -> Option<Period> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let mut units = ['Y', 'M', 'W', 'D'].map(|unit| (unit, 0));
    for (unit, amount) in &mut units {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        if let Some(tail) = tail.strip_prefix(*unit) {
            *amount = number.parse().ok()?;
            rest = tail;
        }
    }
    let [(_, years), (_, months), (_, weeks), (_, days)] = units;
    rest.is_empty().then(|| Period {
        text: text.to_owned(),
        years,
        months,
        weeks,
        days,
    })
}

impl Period {
    /// The period as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn after(&self, date: Date) -> Result<Date, TimeFrameError> {
        let far = || TimeFrameError::Far(self.text.clone());
        let span = Span::new()
            .try_years(self.years)
            .and_then(|span| span.try_months(self.months))
            .and_then(|span| span.try_weeks(self.weeks))
            .and_then(|span| span.try_days(self.days))
            .map_err(|_| far())?;
        date.checked_add(span).map_err(|_| far())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The days on which data may flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeFrame {
    /// The first.
    pub start: Date,
    /// The last; None: open.
    pub end: Option<Date>,
}

impl TimeFrame {
    /// Whether data may flow on this day (UTC).
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.start <= day && self.end.is_none_or(|end| day <= end)
    }

    /// Whether its last day is before this one.
    #[must_use]
    pub fn is_over(&self, today: Date) -> bool {
        self.end.is_some_and(|end| end < today)
    }
}

/// Why there are no such days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeFrameError {
    /// The end is before the start.
    #[error("the end {end} is before the start {start}")]
    Reversed {
        /// The first day.
        start: Date,
        /// The last day.
        end: Date,
    },
    /// The same of two periods.
    #[error("the end, after {end}, can come before the start, after {start}")]
    Shorter {
        /// Until the first day.
        start: String,
        /// Until the last day.
        end: String,
    },
    /// The last day has been.
    #[error("the last day, {0}, is over")]
    Over(Date),
    /// Beyond the calendar.
    #[error("the period {0} ends beyond the year 9999")]
    Far(String),
}

impl Duration {
    /// The days, when the household is asked today.
    pub(super) fn resolve(&self, today: Date) -> Result<TimeFrame, TimeFrameError> {
        let (start, end) = match self {
            Self::Relative { start, end } => (
                start.as_ref().map(|period| period.after(today)),
                end.as_ref().map(|period| period.after(today)),
            ),
            Self::Absolute { start, end } => (start.map(Ok), end.map(Ok)),
        };
        let (start, end) = (start.transpose()?, end.transpose()?);
        if let (Some(start), Some(end)) = (start, end) {
            ordered(start, end)?;
        }
        if let Some(end) = end.filter(|end| *end < today) {
            return Err(TimeFrameError::Over(end));
        }
        let start = start.map_or(today, |start| start.max(today));
        Ok(TimeFrame { start, end })
    }

    /// Whether its end is never before its start. Months differ in length, so a relative one is tried on the first
    /// day of each month of two years, one of them a leap year.
    pub(super) fn check(&self) -> Result<(), TimeFrameError> {
        match self {
            Self::Absolute {
                start: Some(start),
                end: Some(end),
            } => ordered(*start, *end),
            Self::Absolute { .. } => Ok(()),
            Self::Relative { start, end } => (2027..=2028)
                .flat_map(|year| (1..=12).map(move |month| date(year, month, 1)))
                .try_for_each(|today| self.resolve(today).map(|_| ()))
                .map_err(|error| match (error, start, end) {
                    (TimeFrameError::Reversed { .. }, Some(start), Some(end)) => {
                        TimeFrameError::Shorter {
                            start: start.to_string(),
                            end: end.to_string(),
                        }
                    }
                    (error, ..) => error,
                }),
        }
    }
}

fn ordered(start: Date, end: Date) -> Result<(), TimeFrameError> {
    if end < start {
        return Err(TimeFrameError::Reversed { start, end });
    }
    Ok(())
}
