//! Which readings are written where several tell of the same time.

use std::collections::BTreeMap;

use espi::Reading;

use super::selection::{Chosen, Role};

/// The time of a reading, and what decides whether it counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) series: usize,
    role: Role,
    precedence: usize,
    start: i64,
    duration: i64,
}

/// The readings that are written, of some that were looked at together.
///
/// Of readings of one column that overlap, those of the series that goes first
/// count. Of series that are equals, and within a series, the shorter intervals
/// count if they tell half of the longer one's time or more, else the longer one.
#[derive(Default)]
pub(super) struct Kept {
    /// By length in powers of two, so that a long one makes the short ones no harder to find; then by start and place.
    spans: BTreeMap<u32, BTreeMap<(i64, usize), Span>>,
}

impl Kept {
    /// Decides about readings, each with a place of its own.
    pub(super) fn among(spans: impl Iterator<Item = (usize, Span)>) -> Self {
        let mut line: Vec<_> = spans.collect();
        line.sort_unstable_by_key(|(place, span)| (span.precedence, span.duration, *place));
        let mut kept = Self::default();
        for (place, span) in line {
            kept.offer(place, span);
        }
        kept
    }

    /// Whether this reading is written.
    pub(super) fn holds(&self, place: usize, span: Span) -> bool {
        let alike = self.spans.get(&span.magnitude());
        alike.is_some_and(|spans| spans.contains_key(&(span.start, place)))
    }

    /// Whether what is written in this reading's column tells of half of its time or more; of a net
    /// reading's time any column may.
    pub(super) fn tell_of(&self, span: Span) -> bool {
        let near = self.near(span).into_iter().map(|(_, other)| other);
        let near = near.filter(|other| span.role == Role::Net || span.role == other.role);
        span.told_by(near) * 2 >= span.duration
    }

    fn offer(&mut self, place: usize, span: Span) {
        let mut rivals = self.near(span);
        rivals.retain(|(_, other)| other.rivals(span));
        let others = rivals.iter().map(|(_, other)| *other);
        let outweighs = others.clone().all(|other| span.is_coarser_than(other))
            && span.told_by(others) * 2 < span.duration;
        if !rivals.is_empty() && !outweighs {
            return;
        }
        for (place, rival) in rivals {
            if let Some(alike) = self.spans.get_mut(&rival.magnitude()) {
                alike.remove(&(rival.start, place));
            }
        }
        let alike = self.spans.entry(span.magnitude()).or_default();
        alike.insert((span.start, place), span);
    }

    /// Those that may have time in common with this one, by start, each with its place.
    fn near(&self, span: Span) -> Vec<(usize, Span)> {
        let mut near = Vec::new();
        for (magnitude, alike) in &self.spans {
            let (first, last) = (span.start - (2 << magnitude), span.end());
            let alike = alike.range((first, 0)..=(last, usize::MAX));
            near.extend(alike.map(|((_, place), other)| (*place, *other)));
        }
        near.sort_unstable_by_key(|(_, other)| other.start);
        near
    }
}

impl Span {
    pub(super) fn of(series: usize, chosen: &Chosen, reading: &Reading) -> Self {
        Self {
            series,
            role: chosen.role,
            precedence: chosen.precedence,
            start: reading.start.as_second(),
            duration: i64::from(reading.duration),
        }
    }

    pub(super) const fn end(self) -> i64 {
        self.start + self.duration
    }

    /// The power of two that its length reaches; twice of that it does not.
    fn magnitude(self) -> u32 {
        self.duration.max(1).ilog2()
    }

    /// Whether writing both would count energy twice: most of the shorter one's time is the other's
    /// too. Small overlaps are let through: daily and monthly intervals touch by an hour where
    /// clocks change. So are those of a series whose intervals have one length.
    fn rivals(self, other: Self) -> bool {
        let common = self.end().min(other.end()) - self.start.max(other.start);
        self.role == other.role
            && (self.series, self.duration) != (other.series, other.duration)
            && common >= 0
            && common * 2 >= self.duration.min(other.duration)
    }

    const fn is_coarser_than(self, other: Self) -> bool {
        self.precedence == other.precedence && self.duration > other.duration
    }

    /// How many of its seconds are also those of others, which come by start.
    fn told_by(self, others: impl Iterator<Item = Self>) -> i64 {
        let mut told = 0;
        let mut until = self.start;
        for other in others {
            let from = other.start.max(until);
            until = until.max(other.end().min(self.end()));
            told += (until - from).max(0);
        }
        told
    }
}
