//! Documents read back.

use custodian::model::FlowTruth;
use espi::{Binder, Content, Entry, Reader};

/// The entries of a document that is read to its end.
pub(crate) fn entries(bytes: &[u8]) -> Vec<Entry> {
    Reader::new(bytes).collect::<Result<_, _>>().unwrap()
}

/// What a feed says, in the terms of the truth. Order: usage point and flow as they appear.
pub(crate) fn read(bytes: &[u8]) -> Vec<FlowTruth> {
    let mut binder = Binder::new();
    let mut blocks = Vec::new();
    for entry in Reader::new(bytes) {
        blocks.extend(binder.push(entry.unwrap()).unwrap());
    }
    let bound = binder.finish().unwrap();
    blocks.extend(bound.blocks);
    let mut flows = Vec::new();
    for (index, series) in bound.series.iter().enumerate() {
        let kind = series.reading_type.as_ref().expect("a reading type");
        let mut readings: Vec<_> = blocks
            .iter()
            .filter(|b| b.series.index() == index)
            .flat_map(|b| &b.readings)
            .collect();
        readings.sort_by_key(|reading| reading.start);
        let costs: Vec<i64> = readings.iter().filter_map(|reading| reading.cost).collect();
        flows.push(FlowTruth {
            usage_point: series
                .usage_point
                .as_ref()
                .expect("a usage point")
                .as_str()
                .to_owned(),
            commodity: kind.commodity.unwrap().code(),
            flow: kind.flow_direction.unwrap().code(),
            unit: kind.uom.unwrap().code(),
            multiplier: kind.multiplier(),
            count: u64::try_from(readings.len()).unwrap(),
            sum: readings.iter().map(|reading| reading.value).sum(),
            cost: (!costs.is_empty()).then(|| costs.iter().sum()),
            first: readings.first().map(|reading| reading.start.as_second()),
            last: readings.last().map(|reading| reading.start.as_second()),
        });
    }
    flows
}

/// The name of each entry's resource, in document order; equal neighbours once.
pub(crate) fn outline(entries: &[Entry]) -> Vec<&'static str> {
    let mut names: Vec<_> = entries
        .iter()
        .map(|entry| match &entry.content {
            Content::UsagePoint(_) => "UsagePoint",
            Content::MeterReading(_) => "MeterReading",
            Content::ReadingType(_) => "ReadingType",
            Content::IntervalBlocks(_) => "IntervalBlock",
            Content::LocalTimeParameters(_) => "LocalTimeParameters",
            Content::UsageSummary(_) => "UsageSummary",
            _ => "other",
        })
        .collect();
    names.dedup();
    names
}
