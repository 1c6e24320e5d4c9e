//! Which months are shown: all of a year or a little more, else the last twelve-month pieces.

use jiff::tz::TimeZone;

use crate::collect::Point;
use crate::collect::calendar::Month;
use crate::words;

/// Older readings are in the CSV only.
pub(super) const MOST: i16 = 3;

const YEAR: usize = 12;

/// The months from the first to the last reading, and whether older ones are left out.
pub(super) fn months(point: &Point, zone: &TimeZone) -> (Vec<Month>, bool) {
    let Some(span) = point.span() else {
        return (Vec::new(), false);
    };
    let most = usize::try_from(MOST).unwrap_or(1) * YEAR + 1;
    let last = words::last_day(span.until, zone);
    let first = words::day_of(span.from, zone);
    let oldest = last
        .checked_sub(jiff::Span::new().years(MOST))
        .unwrap_or(first);
    let mut months = Vec::new();
    let mut month = Month::of(first.max(oldest));
    while month.first() <= last && months.len() < most {
        months.push(month);
        let Some(next) = month.next() else {
            break;
        };
        month = next;
    }
    (months, oldest > first)
}

/// The months in pieces of twelve from the end. A year that begins inside of a month touches thirteen: one piece.
pub(super) fn pieces(months: &[Month]) -> Vec<&[Month]> {
    if months.len() <= YEAR + 1 {
        return vec![months];
    }
    let mut pieces: Vec<&[Month]> = months.rchunks(YEAR).collect();
    pieces.reverse();
    pieces
}
