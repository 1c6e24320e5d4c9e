//! A transmission schedule (cron with seconds) as a person would say it. What is too involved for a sentence is told
//! by its next time.

mod field;
mod words;

use field::{DAY, HOUR, MONTH, SIXTY, Set, WEEKDAY, is_any};
pub(super) use words::say;

/// As many times of day as a sentence can name.
const MOST_TIMES: usize = 4;

/// What a schedule says, field by field.
#[derive(Debug, PartialEq, Eq)]
struct Fields {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Days,
}

/// On which days.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    Every,
    /// Monday is 1, Sunday 7.
    OfWeek(Set),
    OfMonth(Set),
}

/// How often within a day.
#[derive(Debug, PartialEq, Eq)]
enum Rhythm {
    Every(Step, Unit),
    /// So many times in an uneven way.
    Times(usize, Unit),
    /// At these hours and minutes.
    At(Vec<(u8, u8)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    count: u8,
    /// It begins anew at the end of the minute, hour or day without having come round.
    is_about: bool,
}

/// The whole sentence.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    rhythm: Rhythm,
    /// Only from the first of these hours until the second.
    between: Option<(u8, u8)>,
    days: Days,
}

impl Fields {
    fn read(schedule: &str) -> Option<Self> {
        let fields: Vec<&str> = schedule.split(' ').collect();
        let [seconds, minutes, hours, day, month, weekday] = fields.as_slice() else {
            return None;
        };
        let is_every_month = MONTH.values(month)?.len() == usize::from(MONTH.count());
        let days = match (is_any(day), is_any(weekday)) {
            (true, true) => Days::Every,
            (true, false) => Days::week(WEEKDAY.values(weekday)?),
            (false, true) => Days::month(DAY.values(day)?),
            // Either, or both at once: not for a sentence.
            (false, false) => return None,
        };
        is_every_month.then_some(())?;
        Some(Self {
            seconds: SIXTY.values(seconds)?,
            minutes: SIXTY.values(minutes)?,
            hours: HOUR.values(hours)?,
            days,
        })
    }

    fn told(self) -> Told {
        let is_all = |set: &Set, count: u8| set.len() == usize::from(count);
        let (seconds, minutes) = (self.seconds.len(), self.minutes.len());
        let is_any_hour = is_all(&self.hours, 24);
        let rhythm = if seconds > 1 && is_all(&self.minutes, 60) {
            even(&self.seconds, 60).map_or(Rhythm::Times(seconds, Unit::Minute), |step| {
                Rhythm::Every(step, Unit::Second)
            })
        } else if seconds > 1 {
            Rhythm::Times(seconds * minutes, Unit::Hour)
        } else if minutes > 1 {
            even(&self.minutes, 60).map_or(Rhythm::Times(minutes, Unit::Hour), |step| {
                Rhythm::Every(step, Unit::Minute)
            })
        } else {
            return self.at_hours();
        };
        let between = match (is_any_hour, span(&self.hours)) {
            (true, _) => None,
            (false, Some(span)) => Some(span),
            (false, None) => {
                let times = seconds * minutes * self.hours.len();
                return Told {
                    rhythm: Rhythm::Times(times, Unit::Day),
                    between: None,
                    days: self.days,
                };
            }
        };
        Told {
            rhythm,
            between,
            days: self.days,
        }
    }

    /// Once in each of its hours.
    fn at_hours(self) -> Told {
        let minute = self.minutes.first().copied().unwrap_or_default();
        let rhythm = if self.hours.len() <= MOST_TIMES {
            Rhythm::At(self.hours.iter().map(|hour| (*hour, minute)).collect())
        } else {
            even(&self.hours, 24).map_or(Rhythm::Times(self.hours.len(), Unit::Day), |step| {
                Rhythm::Every(step, Unit::Hour)
            })
        };
        Told {
            rhythm,
            between: None,
            days: self.days,
        }
    }
}

impl Days {
    fn week(set: Set) -> Self {
        let set: Set = set
            .into_iter()
            .map(|day| if day == 0 { 7 } else { day })
            .collect();
        if set.len() == 7 {
            Self::Every
        } else {
            Self::OfWeek(set)
        }
    }

    fn month(set: Set) -> Self {
        if set.len() == usize::from(DAY.count()) {
            Self::Every
        } else {
            Self::OfMonth(set)
        }
    }
}

/// The step from each value to the next, if it is always the same, over the end as well.
fn even(set: &Set, round: u8) -> Option<Step> {
    let mut values = set.iter();
    let (first, mut last) = (*values.next()?, *set.last()?);
    let wrap = first + (round - last);
    last = first;
    let mut count = None;
    for value in values {
        let gap = value - last;
        if *count.get_or_insert(gap) != gap {
            return None;
        }
        last = *value;
    }
    let count = count?;
    (wrap <= count).then_some(Step {
        count,
        is_about: wrap < count,
    })
}

/// From the first to the end of the last, if there is nothing in between that is missing.
fn span(hours: &Set) -> Option<(u8, u8)> {
    let (first, last) = (*hours.first()?, *hours.last()?);
    (hours.len() == usize::from(last - first) + 1).then_some((first, last + 1))
}

#[cfg(test)]
mod tests;
