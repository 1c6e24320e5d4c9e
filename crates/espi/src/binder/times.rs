//! The times of readings: as written, or computed where a reading has no `timePeriod`.

use super::{BindError, Reading};
use crate::model::{IntervalBlock, IntervalReading};
use jiff::{SignedDuration, Timestamp};

/// Whether every reading says when it was and how long.
pub(super) fn is_complete(block: &IntervalBlock) -> bool {
    block
        .readings
        .iter()
        .all(|r| r.start.is_some() && r.duration.is_some())
}

/// Fills in times. `interval_length` is the reading type's; where it is not known, the block's
/// duration is shared out evenly, if it can be.
pub(super) fn complete(
    block: IntervalBlock,
    interval_length: Option<u32>,
    offset: u64,
) -> Result<Vec<Reading>, BindError> {
    let length = interval_length
        .filter(|length| *length > 0)
        .or_else(|| even_share(&block));
    let block_start = block.start;
    block
        .readings
        .into_iter()
        .enumerate()
        .map(|(index, reading)| {
            place(reading, index, block_start, length).ok_or(BindError::NoTime { offset, index })
        })
        .collect()
}

fn place(
    reading: IntervalReading,
    index: usize,
    block_start: Option<Timestamp>,
    length: Option<u32>,
) -> Option<Reading> {
    let start = if let Some(start) = reading.start {
        start
    } else {
        let before = i64::from(length?).checked_mul(i64::try_from(index).ok()?)?;
        let before = SignedDuration::from_secs(before);
        block_start?.checked_add(before).ok()?
    };
    Some(Reading {
        start,
        duration: reading.duration.or(length)?,
        value: reading.value,
        quality: reading.quality,
        tou: reading.tou,
        cpp: reading.cpp,
        cost: reading.cost,
    })
}

fn even_share(block: &IntervalBlock) -> Option<u32> {
    let count = u32::try_from(block.readings.len()).ok()?;
    let duration = block.duration?;
    let even = count > 0 && duration >= count && duration.is_multiple_of(count);
    even.then(|| duration / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(count: usize, duration: Option<u32>) -> IntervalBlock {
        IntervalBlock {
            start: Timestamp::from_second(1000).ok(),
            duration,
            readings: vec![IntervalReading::default(); count],
        }
    }

    fn starts(readings: &[Reading]) -> Vec<(i64, u32)> {
        readings
            .iter()
            .map(|r| (r.start.as_second(), r.duration))
            .collect()
    }

    #[test]
    fn the_reading_type_decides_before_the_block() {
        let readings = complete(block(3, Some(30)), Some(900), 0).unwrap();
        assert_eq!(starts(&readings), [(1000, 900), (1900, 900), (2800, 900)]);
    }

    #[test]
    fn a_block_is_shared_out_when_it_divides_evenly() {
        for length in [None, Some(0)] {
            let readings = complete(block(3, Some(30)), length, 0).unwrap();
            assert_eq!(starts(&readings), [(1000, 10), (1010, 10), (1020, 10)]);
        }
        for duration in [None, Some(31), Some(0), Some(2)] {
            assert!(matches!(
                complete(block(3, duration), None, 7),
                Err(BindError::NoTime {
                    offset: 7,
                    index: 0
                })
            ));
        }
    }

    #[test]
    fn what_is_written_is_kept() {
        let mut one = block(2, None);
        one.readings[1].start = Timestamp::from_second(5).ok();
        one.readings[1].duration = Some(3);
        assert!(!is_complete(&one));
        let readings = complete(one, Some(60), 0).unwrap();
        assert_eq!(starts(&readings), [(1000, 60), (5, 3)]);
    }

    #[test]
    fn no_start_anywhere_is_an_error() {
        let mut one = block(1, Some(60));
        one.start = None;
        assert!(complete(one, Some(60), 0).is_err());
        assert!(complete(block(0, None), None, 0).unwrap().is_empty());
    }
}
