//! Blocks of readings: nearly all of a feed, so nothing in here allocates per reading.

use super::{Limit, ReadError, ReadErrorKind, pass_over};
use crate::model::{IntervalBlock, IntervalReading};
use crate::xml::{Cursor, Ns};
use jiff::Timestamp;
use std::io::BufRead;

/// The `IntervalBlock` the cursor stands on.
pub(super) fn interval_block<R: BufRead>(
    cursor: &mut Cursor<R>,
    readings: &mut u64,
) -> Result<IntervalBlock, ReadError> {
    let mut block = IntervalBlock::default();
    let mut has_interval = false;
    while let Some(ns) = cursor.child()? {
        match (ns, cursor.name()) {
            (Ns::Espi, "IntervalReading") => {
                *readings += 1;
                if *readings > cursor.limits().max_readings {
                    return Err(cursor.over(Limit::Readings, cursor.limits().max_readings));
                }
                block.readings.push(interval_reading(cursor)?);
            }
            (Ns::Espi, "interval") => {
                once(cursor, &mut has_interval, "interval")?;
                (block.start, block.duration) = time_period(cursor)?;
            }
            (Ns::Espi, _) => cursor.skip()?,
            (ns, _) => pass_over(cursor, ns, "IntervalReading", crate::ESPI)?,
        }
    }
    Ok(block)
}

fn interval_reading<R: BufRead>(cursor: &mut Cursor<R>) -> Result<IntervalReading, ReadError> {
    let mut reading = IntervalReading::default();
    let (mut has_value, mut has_period) = (false, false);
    while let Some(ns) = cursor.child()? {
        if ns != Ns::Espi {
            cursor.skip()?;
            continue;
        }
        match cursor.name() {
            "value" => {
                once(cursor, &mut has_value, "value")?;
                reading.value = cursor.integer()?;
            }
            "timePeriod" => {
                once(cursor, &mut has_period, "timePeriod")?;
                (reading.start, reading.duration) = time_period(cursor)?;
            }
            "ReadingQuality" => {
                while let Some(ns) = cursor.child()? {
                    if ns == Ns::Espi && cursor.name() == "quality" {
                        if let Some(code) = cursor.optional()? {
                            reading.quality.push(code);
                        }
                    } else {
                        cursor.skip()?;
                    }
                }
            }
            "cost" => reading.cost = cursor.integer_or_empty()?,
            "tou" => reading.tou = cursor.optional()?,
            "cpp" => reading.cpp = cursor.optional()?,
            "consumptionTier" => reading.consumption_tier = cursor.optional()?,
            _ => cursor.skip()?,
        }
    }
    if has_value {
        Ok(reading)
    } else {
        Err(cursor.error(ReadErrorKind::Missing("value of an IntervalReading")))
    }
}

/// `duration` and `start`, either of which may be missing but neither unreadable.
fn time_period<R: BufRead>(
    cursor: &mut Cursor<R>,
) -> Result<(Option<Timestamp>, Option<u32>), ReadError> {
    let (mut start, mut duration) = (None, None);
    while let Some(ns) = cursor.child()? {
        match (ns, cursor.name()) {
            (Ns::Espi, "start") => start = Some(cursor.instant()?),
            (Ns::Espi, "duration") => duration = Some(cursor.duration()?),
            _ => cursor.skip()?,
        }
    }
    Ok((start, duration))
}

fn once<R: BufRead>(
    cursor: &Cursor<R>,
    seen: &mut bool,
    element: &'static str,
) -> Result<(), ReadError> {
    if std::mem::replace(seen, true) {
        return Err(cursor.error(ReadErrorKind::Repeated(element)));
    }
    Ok(())
}
