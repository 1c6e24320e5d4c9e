//! One direction of a usage point, summed up.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::calendar::Month;
use super::costs::Costs;
use super::runs::{Runs, Span};
use crate::Amount;

/// Intervals longer than this say nothing about hours.
pub(crate) const HOUR: u32 = 3_600;

/// Everything the page says of a flow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow {
    pub(crate) intervals: u64,
    pub(crate) total: Decimal,
    pub(crate) first: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    /// The last interval's length.
    duration: u32,
    pub(crate) gaps: Runs,
    pub(crate) estimated: Runs,
    /// How many intervals have each quality; one with several counts for each.
    pub(crate) qualities: BTreeMap<u16, u64>,
    pub(crate) without_quality: u64,
    pub(crate) peak: Option<Peak>,
    pub(crate) months: BTreeMap<Month, MonthSum>,
    pub(crate) days: BTreeMap<Date, Day>,
    /// How many intervals of each length.
    pub(crate) durations: BTreeMap<u32, u64>,
    pub(crate) costs: Costs,
}

/// The interval with the highest average power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peak {
    pub(crate) start: Timestamp,
    pub(crate) duration: u32,
    /// W.
    pub(crate) power: Decimal,
    pub(crate) estimated: bool,
}

/// A month's share.
#[derive(Debug, Clone, Default)]
pub(crate) struct MonthSum {
    pub(crate) sum: Decimal,
    /// Seconds for which there are readings.
    pub(crate) seconds: i64,
    pub(crate) costs: Costs,
}

/// A day's share, from intervals of an hour or shorter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Day {
    pub(crate) hours: [Hour; 24],
}

/// An hour on the clock: on the day that repeats one, both of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hour {
    pub(crate) sum: Decimal,
    pub(crate) seconds: u32,
}

impl Hour {
    /// Energy per hour, which for Wh is the average power in W; `None` when nothing is known.
    pub(crate) fn mean(self) -> Option<Decimal> {
        per_hour(self.sum, self.seconds)
    }
}

impl Flow {
    pub(crate) fn take(
        &mut self,
        start: Timestamp,
        duration: u32,
        amount: &Amount<'_>,
        zone: &TimeZone,
    ) {
        let end = start
            .checked_add(SignedDuration::from_secs(duration.into()))
            .unwrap_or(Timestamp::MAX);
        let fresh = self.cover(start, end, duration);
        let local = zone.to_datetime(start);
        self.intervals += 1;
        self.total = self.total.saturating_add(amount.value);
        *self.durations.entry(duration).or_default() += 1;
        self.costs.add(amount);
        self.note_quality(amount, start, end);
        let month = self.months.entry(Month::of(local.date())).or_default();
        month.sum = month.sum.saturating_add(amount.value);
        month.seconds += fresh;
        month.costs.add(amount);
        if duration <= HOUR {
            self.note_power(start, duration, amount);
            let day = self.days.entry(local.date()).or_default();
            let hour = usize::try_from(local.hour()).unwrap_or_default();
            if let Some(hour) = day.hours.get_mut(hour) {
                hour.sum = hour.sum.saturating_add(amount.value);
                hour.seconds = hour.seconds.saturating_add(duration);
            }
        }
    }

    /// Moves the end of what is known; says how many seconds that adds. Less than half an interval is no gap: daily
    /// intervals leave an hour where clocks go back, and some custodians write 899 s for a quarter of an hour.
    fn cover(&mut self, start: Timestamp, end: Timestamp, duration: u32) -> i64 {
        let known_until = self.end.unwrap_or(start);
        self.first.get_or_insert(start);
        let gap = start.duration_since(known_until).as_secs();
        let length = i64::from(self.duration.max(1));
        let mut from = start.max(known_until);
        if gap * 2 >= length && gap > 0 {
            let intervals = u64::try_from((gap + length / 2) / length).unwrap_or(1);
            self.gaps.add(Span {
                from: known_until,
                until: start,
                intervals: intervals.max(1),
            });
        } else if gap > 0 {
            from = known_until;
        }
        self.duration = duration;
        self.end = Some(known_until.max(end));
        end.duration_since(from).as_secs().max(0)
    }

    fn note_quality(&mut self, amount: &Amount<'_>, start: Timestamp, end: Timestamp) {
        if amount.quality.is_empty() {
            self.without_quality += 1;
        }
        for code in amount.quality {
            *self.qualities.entry(*code).or_default() += 1;
        }
        if amount.is_estimated() {
            self.estimated.add(Span {
                from: start,
                until: end,
                intervals: 1,
            });
        }
    }

    fn note_power(&mut self, start: Timestamp, duration: u32, amount: &Amount<'_>) {
        let Some(power) = per_hour(amount.value, duration) else {
            return;
        };
        if self.peak.is_none_or(|peak| power > peak.power) {
            self.peak = Some(Peak {
                start,
                duration,
                power,
                estimated: amount.is_estimated(),
            });
        }
    }

    /// The length that most intervals have.
    pub(crate) fn usual_duration(&self) -> u32 {
        let most = self.durations.iter().max_by_key(|(_, count)| **count);
        most.map_or(HOUR, |(duration, _)| *duration)
    }

    /// Seconds from the first reading to the end of the last.
    pub(crate) fn seconds(&self) -> i64 {
        let ends = self.first.zip(self.end);
        ends.map_or(0, |(first, end)| end.duration_since(first).as_secs())
    }
}

fn per_hour(sum: Decimal, seconds: u32) -> Option<Decimal> {
    let seconds = Decimal::from(seconds);
    sum.checked_mul(Decimal::from(HOUR))?.checked_div(seconds)
}
