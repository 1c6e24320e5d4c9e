//! Stretches of time, such as gaps: joined where they touch, and not more of them than anybody reads.

use jiff::Timestamp;

/// So many stretches are kept, the first ones; the rest is counted.
const KEPT: usize = 200;

/// From a moment to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Start.
    pub from: Timestamp,
    /// End, exclusive.
    pub until: Timestamp,
    /// Intervals in it.
    pub intervals: u64,
}

/// Stretches in order of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    pub(crate) kept: Vec<Span>,
    /// Stretches that are not among those kept.
    pub(crate) more: u64,
    /// Intervals in all of them.
    pub(crate) intervals: u64,
    /// Seconds in all of them.
    pub(crate) seconds: i64,
    last: Option<Timestamp>,
}

impl Runs {
    pub(crate) fn add(&mut self, span: Span) {
        self.intervals += span.intervals;
        self.seconds += span.until.duration_since(span.from).as_secs();
        let joined = self.last == Some(span.from);
        self.last = Some(span.until);
        if joined && self.more == 0 {
            if let Some(last) = self.kept.last_mut() {
                last.until = span.until;
                last.intervals += span.intervals;
            }
        } else if self.kept.len() < KEPT {
            self.kept.push(span);
        } else if !joined {
            self.more += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.intervals == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, until: i64) -> Span {
        Span {
            from: Timestamp::from_second(from).unwrap(),
            until: Timestamp::from_second(until).unwrap(),
            intervals: 1,
        }
    }

    #[test]
    fn what_touches_is_one_stretch() {
        let mut runs = Runs::default();
        for from in [0, 10, 20, 50] {
            runs.add(span(from, from + 10));
        }
        assert_eq!(runs.kept.len(), 2);
        assert_eq!(runs.kept[0].intervals, 3);
        assert_eq!((runs.intervals, runs.seconds), (4, 40));
    }

    #[test]
    fn stretches_are_bounded_and_the_rest_is_counted() {
        let mut runs = Runs::default();
        for from in 0..1_000 {
            runs.add(span(from * 20, from * 20 + 10));
            runs.add(span(from * 20 + 10, from * 20 + 12));
        }
        assert_eq!(runs.kept.len(), KEPT);
        assert_eq!(runs.more, 800);
        assert_eq!(runs.intervals, 2_000);
    }
}
