//! From stored rows to what the tables are made of.

use espi::{
    AccumulationBehaviour, Commodity, FlowDirection, MeasurementKind, Reading, ReadingType,
    UnitOfMeasure,
};
use storage::smd::reading::{StoredReading, StoredSeries};

use super::ExportError;
use crate::table::Series;

pub(super) fn to_reading(stored: &StoredReading) -> Result<(usize, Reading), ExportError> {
    let code = |code: i32| u16::try_from(code).map_err(|_| ExportError::OutOfRange);
    let optional = |stored: Option<i32>| stored.map(code).transpose();
    let mut quality = espi::Qualities::new();
    for stored in &stored.quality {
        quality.push(code(*stored)?);
    }
    let reading = Reading {
        start: stored.starts_at,
        duration: u32::try_from(stored.duration).map_err(|_| ExportError::OutOfRange)?,
        value: stored.value,
        quality,
        tou: optional(stored.tou)?,
        cpp: optional(stored.cpp)?,
        cost: stored.cost,
    };
    Ok((
        usize::try_from(stored.series).map_err(|_| ExportError::OutOfRange)?,
        reading,
    ))
}

/// A stored series as the tables know it: 0 means that the feed said nothing.
pub(super) fn series(stored: &StoredSeries) -> Series {
    let codes = &stored.codes;
    let said = |code: i32| u16::try_from(code).ok().filter(|code| *code != 0);
    Series {
        usage_point: codes.usage_point_id.parse().ok(),
        service_kind: None,
        reading_type: Some(ReadingType {
            accumulation_behaviour: said(codes.accumulation).map(AccumulationBehaviour::from_code),
            commodity: said(codes.commodity).map(Commodity::from_code),
            currency: said(codes.currency),
            data_qualifier: said(codes.qualifier),
            default_quality: said(codes.default_quality),
            flow_direction: said(codes.flow).map(FlowDirection::from_code),
            kind: said(codes.kind).map(MeasurementKind::from_code),
            phase: said(codes.phase),
            power_of_ten_multiplier: i8::try_from(stored.multiplier).ok(),
            tou: said(codes.tou),
            uom: said(codes.unit).map(UnitOfMeasure::from_code),
            ..ReadingType::default()
        }),
    }
}
