//! Joins the readings of several documents: each interval once, later publication wins.
//!
//! Custodians answer by whole days, so adjacent requests repeat days, and they correct earlier
//! values later. Memory is in proportion to the distinct intervals, not to what was read.

use crate::binder::{BoundBlock, Reading, Series, SeriesIndex};
use crate::codes::{AccumulationBehaviour, FlowDirection, UnitOfMeasure};
use crate::scale::scaled_wide;
use crate::usage_point_id::UsagePointId;
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// What makes two readings of the same time the same reading.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The usage point, when known.
    pub usage_point: Option<UsagePointId>,
    /// The direction, when known.
    pub flow_direction: Option<FlowDirection>,
    /// The unit, when known.
    pub unit: Option<UnitOfMeasure>,
    /// Amount or register, when known.
    pub accumulation: Option<AccumulationBehaviour>,
}

impl SeriesKey {
    /// The key of a series.
    #[must_use]
    pub fn of(series: &Series) -> Self {
        Self {
            usage_point: series.usage_point.clone(),
            flow_direction: series.flow_direction(),
            unit: series.unit(),
            accumulation: series.accumulation(),
        }
    }
}

/// A reading that won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedReading {
    /// The reading.
    pub reading: Reading,
    /// When the document it came from was published.
    pub published: Option<Timestamp>,
    /// Its multiplier: documents of one series may differ in it.
    pub multiplier: i8,
}

/// One series out of all documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedSeries {
    /// What its readings have in common.
    pub key: SeriesKey,
    /// The series as last seen.
    pub series: Series,
    /// Readings by start and duration, each once.
    pub readings: Vec<MergedReading>,
}

impl MergedSeries {
    /// The exact sum in the series' unit. `None` for registers, whose values are never summed,
    /// and for sums beyond 28 digits.
    #[must_use]
    pub fn total(&self) -> Option<Decimal> {
        if self.series.is_register() {
            return None;
        }
        let mut sums: BTreeMap<i8, i128> = BTreeMap::new();
        for merged in &self.readings {
            let sum = sums.entry(merged.multiplier).or_default();
            *sum = sum.checked_add(i128::from(merged.reading.value))?;
        }
        sums.into_iter()
            .try_fold(Decimal::ZERO, |total, (multiplier, sum)| {
                total.checked_add(scaled_wide(sum, multiplier)?)
            })
            .map(|total| total.normalize())
    }
}

type Intervals = BTreeMap<(Timestamp, u32), MergedReading>;

/// Collects documents.
///
/// What a series means is known only at the end of its document, so: [`Self::add`] every block of
/// a document, then [`Self::end_of_document`], then the next.
#[derive(Debug, Default)]
pub struct Merge {
    current: BTreeMap<SeriesIndex, Intervals>,
    merged: BTreeMap<SeriesKey, (Series, Intervals)>,
    replaced: u64,
}

impl Merge {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A block of the current document.
    pub fn add(&mut self, block: BoundBlock) {
        let intervals = self.current.entry(block.series).or_default();
        for reading in block.readings {
            let merged = MergedReading {
                reading,
                published: block.published,
                multiplier: 0,
            };
            self.replaced += u64::from(offer(intervals, merged));
        }
    }

    /// The current document is read; these are its series ([`crate::Bound::series`]).
    pub fn end_of_document(&mut self, series: &[Series]) {
        for (index, intervals) in std::mem::take(&mut self.current) {
            let series = series.get(index.index()).cloned().unwrap_or_default();
            let multiplier = series.multiplier();
            let (known, into) = self
                .merged
                .entry(SeriesKey::of(&series))
                .or_insert_with(|| (Series::default(), Intervals::new()));
            *known = series;
            for mut merged in intervals.into_values() {
                merged.multiplier = multiplier;
                self.replaced += u64::from(offer(into, merged));
            }
        }
    }

    /// Readings that were there more than once so far.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.replaced
    }

    /// All series, ordered by their key. Blocks added after the last
    /// [`Self::end_of_document`] are left out, because nobody said what they mean.
    #[must_use]
    pub fn finish(self) -> Vec<MergedSeries> {
        self.merged
            .into_iter()
            .map(|(key, (series, intervals))| MergedSeries {
                key,
                series,
                readings: intervals.into_values().collect(),
            })
            .collect()
    }
}

/// Puts a reading in its place unless a later publication holds it; equal publication: the later
/// seen wins. Says whether the place was taken already.
fn offer(intervals: &mut Intervals, merged: MergedReading) -> bool {
    use std::collections::btree_map::Entry::{Occupied, Vacant};
    match intervals.entry((merged.reading.start, merged.reading.duration)) {
        Vacant(place) => {
            place.insert(merged);
            false
        }
        Occupied(mut place) => {
            if merged.published >= place.get().published {
                place.insert(merged);
            }
            true
        }
    }
}
