//! What the readings of one series come to: sums, gaps, qualities.

use std::collections::BTreeMap;

use csv_exporter::table::quality_word;
use espi::{Reading, ReadingType};
use jiff::Timestamp;
use serde::Serialize;

use super::group::Interval;
use super::load::count;

/// How many gaps are listed; the totals count all.
const LISTED_GAPS: usize = 100;

/// Missing intervals between two readings.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    /// End of the reading before.
    pub(super) from: Timestamp,
    /// Start of the reading after.
    pub(super) to: Timestamp,
    /// How many intervals of the length before fit in, rounded.
    pub(super) missing: u64,
}

/// Facts about a series, from its distinct intervals.
#[derive(Debug, Default, Serialize)]
pub(super) struct Statistics {
    pub(super) intervals: u64,
    /// Exact, in the unit; absent for registers, which must not be summed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sum: Option<String>,
    /// For registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_value: Option<String>,
    /// For registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_value: Option<String>,
    pub(super) first_start: Option<Timestamp>,
    pub(super) last_start: Option<Timestamp>,
    /// End of the last interval.
    pub(super) end: Option<Timestamp>,
    pub(super) gap_count: u64,
    pub(super) missing_intervals: u64,
    /// The first hundred.
    pub(super) gaps: Vec<Gap>,
    /// By code, those without one first. A reading with several codes counts under each.
    pub(super) quality: Vec<QualityCount>,
}

/// How many readings state a quality.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct QualityCount {
    /// `null` where neither the reading nor its type states one.
    pub(super) code: Option<u16>,
    pub(super) name: Option<String>,
    pub(super) readings: u64,
}

impl Statistics {
    /// `intervals` are distinct and sorted by start and duration.
    pub(super) fn of(reading_type: Option<&ReadingType>, intervals: &[Interval<'_>]) -> Self {
        let mut found = Self {
            intervals: count(intervals.len()),
            ..Self::default()
        };
        let (first, last) = (intervals.first(), intervals.last());
        found.first_start = first.map(|interval| interval.reading.start);
        found.last_start = last.map(|interval| interval.reading.start);
        found.end = last.and_then(|interval| end(interval.reading));
        if reading_type.is_some_and(ReadingType::is_register) {
            found.first_value = first.map(Interval::value);
            found.last_value = last.map(Interval::value);
        } else {
            found.sum = Some(sum(intervals));
        }
        let readings = || intervals.iter().map(|interval| interval.reading);
        found.count_qualities(reading_type, readings());
        found.find_gaps(reading_type, readings());
        found
    }

    fn count_qualities<'a>(
        &mut self,
        reading_type: Option<&ReadingType>,
        readings: impl Iterator<Item = &'a Reading>,
    ) {
        let default = reading_type.and_then(|kind| kind.default_quality);
        let mut counts: BTreeMap<Option<u16>, u64> = BTreeMap::new();
        for reading in readings {
            let stated = reading.quality.iter().copied().map(Some);
            let unstated = reading.quality.is_empty().then_some(default);
            for code in stated.chain(unstated) {
                *counts.entry(code).or_default() += 1;
            }
        }
        let named = |(code, readings): (Option<u16>, u64)| QualityCount {
            code,
            name: code.map(|code| quality_word(code).into_owned()),
            readings,
        };
        self.quality = counts.into_iter().map(named).collect();
    }

    /// A gap is at least half an interval: a second that is missing because a length is given as
    /// 899 is none, and neither is the hour that a daily interval lacks when clocks change.
    fn find_gaps<'a>(
        &mut self,
        reading_type: Option<&ReadingType>,
        readings: impl Iterator<Item = &'a Reading>,
    ) {
        let usual = reading_type
            .and_then(|kind| kind.interval_length)
            .unwrap_or(0);
        let mut covered: Option<(Timestamp, i64)> = None;
        for reading in readings {
            let length = if reading.duration == 0 {
                usual
            } else {
                reading.duration
            };
            if let Some((from, before)) = covered {
                self.note_gap(from, reading.start, before);
            }
            let Ok(end) = Timestamp::from_second(reading.start.as_second() + i64::from(length))
            else {
                return;
            };
            if covered.is_none_or(|(from, _)| from < end) {
                covered = Some((end, i64::from(length)));
            }
        }
    }

    fn note_gap(&mut self, from: Timestamp, to: Timestamp, length: i64) {
        let seconds = to.as_second() - from.as_second();
        if length == 0 || seconds <= 0 {
            return;
        }
        let missing = (seconds + length / 2) / length;
        let missing = u64::try_from(missing).unwrap_or(0);
        if missing == 0 {
            return;
        }
        self.gap_count += 1;
        self.missing_intervals += missing;
        if self.gaps.len() < LISTED_GAPS {
            self.gaps.push(Gap { from, to, missing });
        }
    }
}

fn end(reading: &Reading) -> Option<Timestamp> {
    Timestamp::from_second(reading.start.as_second() + i64::from(reading.duration)).ok()
}

/// The exact sum, whatever the multipliers: everything is brought to the smallest of them.
fn sum(intervals: &[Interval<'_>]) -> String {
    let mut sums: BTreeMap<i8, i128> = BTreeMap::new();
    for interval in intervals {
        *sums.entry(interval.multiplier).or_default() += i128::from(interval.reading.value);
    }
    let smallest = sums.keys().next().copied().unwrap_or(0);
    let together = sums.iter().try_fold(0_i128, |total, (multiplier, sum)| {
        let shift = i32::from(*multiplier) - i32::from(smallest);
        let factor = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
        total.checked_add(sum.checked_mul(factor)?)
    });
    // Beyond 38 digits only the pieces are exact.
    let pieces = || {
        sums.iter()
            .map(|(multiplier, sum)| decimal(*sum, *multiplier))
    };
    together.map_or_else(
        || pieces().collect::<Vec<_>>().join(" + "),
        |total| decimal(total, smallest),
    )
}

impl Interval<'_> {
    fn value(&self) -> String {
        decimal(i128::from(self.reading.value), self.multiplier)
    }
}

/// `value × 10^multiplier` in plain notation; with an exponent only where an exact decimal has
/// too few digits for it.
fn decimal(value: i128, multiplier: i8) -> String {
    espi::scale::scaled_wide(value, multiplier).map_or_else(
        || format!("{value}e{multiplier}"),
        |exact| exact.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use espi::AccumulationBehaviour;

    use super::*;

    fn reading(start: i64, duration: u32, value: i64) -> Reading {
        Reading {
            start: Timestamp::from_second(start).unwrap(),
            duration,
            value,
            quality: [].into(),
            tou: None,
            cpp: None,
            cost: None,
        }
    }

    fn of(kind: &ReadingType, readings: &[Reading]) -> Statistics {
        let multiplier = kind.power_of_ten_multiplier.unwrap_or(0);
        let interval = |reading| Interval {
            reading,
            multiplier,
        };
        let intervals: Vec<_> = readings.iter().map(interval).collect();
        Statistics::of(Some(kind), &intervals)
    }

    #[test]
    fn gaps_are_counted_in_intervals() {
        let readings = [
            reading(0, 900, 1),
            reading(900, 900, 1),
            reading(3600, 900, 1),
            reading(4500, 900, 1),
            reading(6300, 900, 1),
        ];
        let found = of(&ReadingType::default(), &readings);
        assert_eq!((found.gap_count, found.missing_intervals), (2, 3));
        assert_eq!(found.gaps[0].missing, 2);
        assert_eq!(found.gaps[0].from, Timestamp::from_second(1800).unwrap());
        assert_eq!(found.gaps[1].to, Timestamp::from_second(6300).unwrap());
        assert_eq!(found.end, Some(Timestamp::from_second(7200).unwrap()));
    }

    #[test]
    fn a_missing_second_or_a_changed_clock_is_no_gap() {
        let short = [
            reading(0, 899, 1),
            reading(900, 899, 1),
            reading(1800, 899, 1),
        ];
        assert_eq!(of(&ReadingType::default(), &short).gap_count, 0);
        let autumn = [reading(0, 86_400, 1), reading(90_000, 86_400, 1)];
        assert_eq!(of(&ReadingType::default(), &autumn).gap_count, 0);
        let overlapping = [
            reading(0, 3600, 1),
            reading(0, 900, 1),
            reading(3600, 900, 1),
        ];
        assert_eq!(of(&ReadingType::default(), &overlapping).gap_count, 0);
    }

    #[test]
    fn readings_without_length_use_the_types() {
        let kind = ReadingType {
            interval_length: Some(60),
            ..ReadingType::default()
        };
        let readings = [reading(0, 0, 1), reading(60, 0, 1), reading(240, 0, 1)];
        let found = of(&kind, &readings);
        assert_eq!((found.gap_count, found.missing_intervals), (1, 2));
        assert_eq!(of(&ReadingType::default(), &readings).gap_count, 0);
    }

    #[test]
    fn many_gaps_are_counted_and_the_first_hundred_listed() {
        let readings: Vec<Reading> = (0..500).map(|n| reading(n * 7200, 3600, 1)).collect();
        let found = of(&ReadingType::default(), &readings);
        assert_eq!((found.gap_count, found.gaps.len()), (499, LISTED_GAPS));
        assert_eq!(found.missing_intervals, 499);
    }

    #[test]
    fn sums_are_exact_and_registers_have_none() {
        let mut kind = ReadingType {
            power_of_ten_multiplier: Some(-8),
            ..ReadingType::default()
        };
        let readings = [reading(0, 900, 103_659_540), reading(900, 900, -1)];
        assert_eq!(of(&kind, &readings).sum.as_deref(), Some("1.03659539"));
        kind.accumulation_behaviour = Some(AccumulationBehaviour::Cumulative);
        let register = of(&kind, &readings);
        assert_eq!(register.sum, None);
        assert_eq!(register.first_value.as_deref(), Some("1.0365954"));
        assert_eq!(register.last_value.as_deref(), Some("-0.00000001"));
        assert_eq!(decimal(i128::MAX, 3), format!("{}e3", i128::MAX));
    }

    #[test]
    fn sums_over_several_multipliers_are_exact() {
        let readings = [
            reading(0, 900, 1_234),
            reading(900, 900, 5),
            reading(1800, 900, -7),
        ];
        let multipliers = [-3, 0, 2];
        let of = |readings: &[Reading]| {
            let pairs = readings.iter().zip(multipliers);
            let intervals: Vec<_> = pairs
                .map(|(reading, multiplier)| Interval {
                    reading,
                    multiplier,
                })
                .collect();
            sum(&intervals)
        };
        assert_eq!(of(&readings), "-693.766");
        assert_eq!(of(&[]), "0");
    }

    #[test]
    fn qualities_not_stated_are_the_types() {
        let mut readings = vec![reading(0, 900, 1), reading(900, 900, 1)];
        readings[1].quality = [8, 19].into();
        let counts = |kind: &ReadingType| -> Vec<(Option<u16>, u64)> {
            let quality = of(kind, &readings).quality;
            quality.into_iter().map(|q| (q.code, q.readings)).collect()
        };
        let mut kind = ReadingType::default();
        assert_eq!(counts(&kind), [(None, 1), (Some(8), 1), (Some(19), 1)]);
        kind.default_quality = Some(19);
        assert_eq!(counts(&kind), [(Some(8), 1), (Some(19), 2)]);
    }
}
