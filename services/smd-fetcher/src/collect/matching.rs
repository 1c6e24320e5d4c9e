//! Which windows an announced feed answers, by the interval times inside what it brings. Pure.

use jiff::{SignedDuration, Timestamp};
use storage::smd::plan::Pull;

/// What a feed brought of one usage point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    first: Timestamp,
    last: Timestamp,
    /// Readings.
    pub(super) rows: usize,
}

impl Extent {
    /// From the first to the last start of an interval.
    pub(super) const fn of(first: Timestamp, last: Timestamp, rows: usize) -> Self {
        Self { first, last, rows }
    }

    /// Another series of the same usage point.
    pub(super) fn include(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.rows += other.rows;
    }

    /// It reaches over at least half of the window.
    pub(super) fn is_most_of(self, pull: &Pull) -> bool {
        self.within(pull) >= pull.until.duration_since(pull.from) / 2
    }

    /// How much of the window it reaches over; zero or less when it lies elsewhere.
    fn within(self, pull: &Pull) -> SignedDuration {
        // One interval has a length too.
        let end = self.last + SignedDuration::from_secs(1);
        end.min(pull.until)
            .duration_since(self.first.max(pull.from))
    }
}

/// Of all windows of a usage point, those that a feed answers: the one it reaches over most, and each
/// that it reaches over at least half. Custodians answer by whole days and may bring a day of the
/// neighbour too; an answer that comes late must not fill the window that is waited for now with it.
pub(super) fn answered<'a>(
    pulls: impl Iterator<Item = &'a Pull> + Clone,
    extent: Extent,
) -> impl Iterator<Item = &'a Pull> {
    let most = pulls.clone().map(|pull| extent.within(pull)).max();
    pulls.filter(move |pull| {
        let within = extent.within(pull);
        within > SignedDuration::ZERO && (Some(within) == most || extent.is_most_of(pull))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(number: i32, from: &str, until: &str) -> Pull {
        Pull {
            usage_point: "1000000001".to_owned(),
            number,
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            accepted: 1,
            accepted_ms_ago: Some(0),
            requested: true,
            received: false,
        }
    }

    fn windows() -> Vec<Pull> {
        let edges = ["2026-06-01", "2026-06-29", "2026-07-27", "2026-08-24"]
            .map(|day| format!("{day}T07:00:00Z"));
        (0..)
            .zip(edges.windows(2))
            .map(|(nr, pair)| pull(nr, &pair[0], &pair[1]))
            .collect()
    }

    fn numbers(first: &str, last: &str) -> Vec<i32> {
        let extent = Extent::of(first.parse().unwrap(), last.parse().unwrap(), 1);
        answered(windows().iter(), extent)
            .map(|pull| pull.number)
            .collect()
    }

    #[test]
    fn a_whole_window_is_answered() {
        assert_eq!(numbers("2026-06-29T07:00:00Z", "2026-07-27T06:45:00Z"), [1]);
    }

    #[test]
    fn the_neighbours_day_that_comes_along_answers_nothing() {
        assert_eq!(numbers("2026-06-28T07:00:00Z", "2026-07-28T06:45:00Z"), [1]);
        // The custodian counts its days in UTC.
        assert_eq!(numbers("2026-06-29T00:00:00Z", "2026-07-27T23:45:00Z"), [1]);
    }

    #[test]
    fn a_window_that_is_filled_in_part_is_answered() {
        assert_eq!(numbers("2026-07-20T07:00:00Z", "2026-07-27T06:45:00Z"), [1]);
        assert_eq!(numbers("2026-07-20T07:00:01Z", "2026-07-20T07:00:01Z"), [1]);
    }

    #[test]
    fn a_feed_of_several_windows_answers_all_of_them() {
        assert_eq!(
            numbers("2026-06-01T07:00:00Z", "2026-08-20T06:45:00Z"),
            [0, 1, 2]
        );
    }

    #[test]
    fn a_feed_of_another_time_answers_none() {
        assert!(numbers("2025-06-01T07:00:00Z", "2025-06-20T06:45:00Z").is_empty());
    }
}
