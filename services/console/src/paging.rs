//! Places in lists, as they stand in addresses: a time and an id of ours, nothing of a customer's.

use jiff::Timestamp;
use serde::Deserialize;
use storage::console::Place;
use storage::console::jobs::Turn;

/// Rows of a page: with them it stays below 60 kB, and a telephone has not too far to scroll.
pub(crate) const ROWS: i64 = 30;

/// `?after=`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct After {
    #[serde(default)]
    pub(crate) after: String,
}

/// As [`read_place`] takes it; in microseconds, as the database keeps times.
pub(crate) fn write_place(place: Place) -> String {
    format!("{}.{}", place.at.as_microsecond(), place.id.simple())
}

/// Anything else is the beginning.
pub(crate) fn read_place(text: &str) -> Option<Place> {
    let (at, id) = text.split_once('.')?;
    Some(Place {
        at: Timestamp::from_microsecond(at.parse().ok()?).ok()?,
        id: id.parse().ok()?,
    })
}

/// As [`read_turn`] takes it.
pub(crate) fn write_turn(turn: Turn) -> String {
    format!(
        "{}.{}.{}",
        turn.priority,
        turn.run_at.as_microsecond(),
        turn.id
    )
}

/// Anything else is the beginning.
pub(crate) fn read_turn(text: &str) -> Option<Turn> {
    let mut parts = text.splitn(3, '.');
    Some(Turn {
        priority: parts.next()?.parse().ok()?,
        run_at: Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?,
        id: parts.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back() {
        let at: Timestamp = "2026-11-22T09:00:00.123456Z".parse().unwrap();
        let place = Place {
            at,
            id: uuid::Uuid::from_u128(7),
        };
        assert_eq!(read_place(&write_place(place)), Some(place));
        let turn = Turn {
            priority: -3,
            run_at: at,
            id: 9,
        };
        assert_eq!(read_turn(&write_turn(turn)), Some(turn));
        for nonsense in ["", "1", "1.x", "x.1", "99999999999999999999.1", "1.2.3.4"] {
            assert_eq!(read_place(nonsense), None, "{nonsense}");
            assert_eq!(read_turn(nonsense), None, "{nonsense}");
        }
    }
}
