//! Overlapping documents: each interval once, later publication wins, nothing else is lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

use espi::merge::Merge;
use espi::{
    AccumulationBehaviour, Binder, BoundBlock, Content, Entry, FlowDirection, IntervalBlock, Links,
    Reading, ReadingType, Series, SeriesIndex, UnitOfMeasure, UsagePointId,
};
use jiff::Timestamp;

fn series(flow: FlowDirection, multiplier: i8, accumulation: u16) -> Series {
    Series {
        usage_point: UsagePointId::parse("1").ok(),
        reading_type: Some(ReadingType {
            flow_direction: Some(flow),
            uom: Some(UnitOfMeasure::WattHour),
            power_of_ten_multiplier: Some(multiplier),
            accumulation_behaviour: Some(AccumulationBehaviour::from_code(accumulation)),
            ..ReadingType::default()
        }),
        ..Series::default()
    }
}

fn reading(start: i64, duration: u32, value: i64) -> Reading {
    Reading {
        start: Timestamp::from_second(start).unwrap(),
        duration,
        value,
        quality: [17].into(),
        tou: None,
        cpp: None,
        cost: None,
    }
}

/// A series index can only come from a binder; this asks one for the `n`th.
fn index(n: usize) -> SeriesIndex {
    let mut binder = Binder::new();
    let blocks = (0..=n).flat_map(|at| {
        let entry = Entry {
            links: Links {
                up: vec![format!("b/{at}")],
                ..Links::default()
            },
            content: Content::IntervalBlocks(vec![IntervalBlock::default()]),
            ..Entry::default()
        };
        binder.push(entry).unwrap()
    });
    blocks.last().unwrap().series
}

fn block(n: usize, published: i64, readings: Vec<Reading>) -> BoundBlock {
    BoundBlock {
        series: index(n),
        published: Timestamp::from_second(published).ok(),
        readings,
    }
}

fn values(merge: Merge) -> Vec<Vec<i64>> {
    let values = |series: espi::merge::MergedSeries| {
        let values = series.readings.iter().map(|merged| merged.reading.value);
        values.collect()
    };
    merge.finish().into_iter().map(values).collect()
}

#[test]
fn later_publication_wins_in_whatever_order_files_come() {
    let delivered = [series(FlowDirection::Delivered, 0, 4)];
    for order in [[(100, 1), (200, 2)], [(200, 2), (100, 1)]] {
        let mut merge = Merge::new();
        for (published, value) in order {
            merge.add(block(0, published, vec![reading(0, 900, value)]));
            merge.end_of_document(&delivered);
        }
        assert_eq!(merge.repeated(), 1);
        assert_eq!(values(merge), [[2]]);
    }
}

#[test]
fn of_equal_publications_the_later_seen_wins_within_a_file_too() {
    let delivered = [series(FlowDirection::Delivered, 0, 4)];
    let mut merge = Merge::new();
    merge.add(block(0, 100, vec![reading(0, 900, 1), reading(0, 900, 2)]));
    merge.end_of_document(&delivered);
    merge.add(block(0, 100, vec![reading(0, 900, 3)]));
    merge.end_of_document(&delivered);
    assert_eq!(values(merge), [[3]]);
}

#[test]
fn no_publication_loses_against_any() {
    let delivered = [series(FlowDirection::Delivered, 0, 4)];
    let mut merge = Merge::new();
    merge.add(block(0, 100, vec![reading(0, 900, 1)]));
    let mut unknown = block(0, 0, vec![reading(0, 900, 2)]);
    unknown.published = None;
    merge.add(unknown);
    merge.end_of_document(&delivered);
    assert_eq!(values(merge), [[1]]);
}

#[test]
fn directions_durations_and_registers_stay_apart() {
    let all = [
        series(FlowDirection::Delivered, 0, 4),
        series(FlowDirection::Received, 0, 4),
        series(FlowDirection::Delivered, 0, 1),
    ];
    let mut merge = Merge::new();
    for n in 0..3 {
        let value = i64::try_from(n).unwrap();
        merge.add(block(
            n,
            0,
            vec![reading(0, 900, value), reading(0, 3600, value)],
        ));
    }
    merge.end_of_document(&all);
    assert_eq!(merge.repeated(), 0);
    let merged = merge.finish();
    assert_eq!(merged.len(), 3);
    for one in &merged {
        assert_eq!(one.readings.len(), 2);
        assert_eq!(one.total().is_none(), one.series.is_register());
    }
}

#[test]
fn files_with_different_multipliers_sum_exactly() {
    let mut merge = Merge::new();
    merge.add(block(0, 0, vec![reading(0, 900, 1_500_001)]));
    merge.end_of_document(&[series(FlowDirection::Delivered, -3, 4)]);
    merge.add(block(0, 0, vec![reading(900, 900, 2)]));
    merge.end_of_document(&[series(FlowDirection::Delivered, 3, 4)]);
    let merged = merge.finish();
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].total().unwrap().to_string(), "3500.001");
}
