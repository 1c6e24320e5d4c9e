//! Binding beyond the fixtures: late and missing entries, opaque links, blocks held back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

mod support;

use espi::{
    BindError, Binder, Content, Entry, FlowDirection, IntervalBlock, IntervalReading, Links,
    MeterReading, ReadingType, Series, ServiceKind, UsagePoint, UsagePointId,
};
use jiff::Timestamp;

fn at(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}

fn links(own: Option<&str>, up: &[&str], related: &[&str]) -> Links {
    let owned = |hrefs: &[&str]| hrefs.iter().map(|href| (*href).to_owned()).collect();
    Links {
        self_href: own.map(str::to_owned),
        up: owned(up),
        related: owned(related),
    }
}

fn entry(links: Links, content: Content) -> Entry {
    Entry {
        links,
        content,
        offset: 77,
        ..Entry::default()
    }
}

fn kind(flow: u16, interval_length: Option<u32>) -> Content {
    Content::ReadingType(ReadingType {
        flow_direction: Some(FlowDirection::from_code(flow)),
        interval_length,
        ..ReadingType::default()
    })
}

fn meter() -> Content {
    Content::MeterReading(MeterReading)
}

fn point(kind: ServiceKind) -> Content {
    Content::UsagePoint(UsagePoint {
        service_kind: Some(kind),
        ..UsagePoint::default()
    })
}

/// Two readings; with times of their own or without.
fn block(times: bool) -> Content {
    let readings = (0..2).map(|n| IntervalReading {
        start: if times { at(1000 + n * 60) } else { None },
        duration: times.then_some(60),
        value: n,
        ..IntervalReading::default()
    });
    Content::IntervalBlocks(vec![IntervalBlock {
        start: at(1000),
        duration: None,
        readings: readings.collect(),
    }])
}

/// Binds; gives how many blocks each push brought, the series of each block, all series.
fn run(entries: Vec<Entry>) -> (Vec<usize>, Vec<usize>, Vec<Series>) {
    let mut binder = Binder::new();
    let (mut counts, mut of_blocks) = (Vec::new(), Vec::new());
    for entry in entries {
        let blocks = binder.push(entry).unwrap();
        counts.push(blocks.len());
        of_blocks.extend(blocks.iter().map(|b| b.series.index()));
    }
    let bound = binder.finish().unwrap();
    of_blocks.extend(bound.blocks.iter().map(|b| b.series.index()));
    (counts, of_blocks, bound.series)
}

fn flow(series: &Series) -> Option<u16> {
    series.flow_direction().map(FlowDirection::code)
}

#[test]
fn blocks_wait_for_their_own_type_only() {
    let (counts, of_blocks, series) = run(vec![
        entry(links(Some("m/1"), &[], &["b/1", "t/1"]), meter()),
        entry(links(None, &["b/1"], &[]), block(false)),
        entry(links(Some("m/2"), &[], &["b/2", "t/2"]), meter()),
        entry(links(None, &["b/2"], &[]), block(false)),
        entry(links(Some("t/2"), &[], &[]), kind(19, Some(60))),
        entry(links(Some("t/1"), &[], &[]), kind(1, Some(60))),
    ]);
    assert_eq!(counts, [0, 0, 0, 0, 1, 1]);
    assert_eq!(of_blocks, [1, 0]);
    let flows: Vec<_> = series.iter().map(flow).collect();
    assert_eq!(flows, [Some(1), Some(19)]);
    assert_eq!(series[0].reading_type_href.as_deref(), Some("t/1"));
}

#[test]
fn everything_in_reverse_order_with_opaque_links() {
    let (counts, of_blocks, series) = run(vec![
        entry(links(None, &["b/1"], &[]), block(false)),
        entry(links(None, &["b/2"], &[]), block(false)),
        entry(links(None, &["b/1"], &[]), block(true)),
        entry(links(Some("t/2"), &[], &[]), kind(19, Some(60))),
        entry(links(Some("t/1"), &[], &[]), kind(1, Some(60))),
        entry(links(Some("m/2"), &["p/9/m"], &["b/2", "t/2"]), meter()),
        entry(links(Some("m/1"), &["p/9/m"], &["b/1", "t/1"]), meter()),
        entry(
            links(Some("x/UsagePoint/9"), &[], &["p/9/m"]),
            point(ServiceKind::Gas),
        ),
    ]);
    assert_eq!(counts, [0, 0, 1, 0, 0, 1, 1, 0]);
    assert_eq!(of_blocks, [0, 1, 0]);
    for (series, expected) in series.iter().zip([1, 19]) {
        assert_eq!(flow(series), Some(expected));
        assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "9");
        assert_eq!(series.service_kind, Some(ServiceKind::Gas));
    }
}

#[test]
fn a_block_before_its_meter_reading_is_not_given_to_the_one_before() {
    let (_, of_blocks, series) = run(vec![
        entry(links(Some("t/1"), &[], &[]), kind(1, None)),
        entry(links(Some("m/1"), &[], &["b/1", "t/1"]), meter()),
        entry(links(None, &["b/1"], &[]), block(true)),
        entry(links(None, &["b/2"], &[]), block(true)),
        entry(links(Some("t/2"), &[], &[]), kind(19, None)),
        entry(links(Some("m/2"), &[], &["b/2", "t/2"]), meter()),
    ]);
    assert_eq!(of_blocks, [0, 1]);
    let flows: Vec<_> = series.iter().map(flow).collect();
    assert_eq!(flows, [Some(1), Some(19)]);
}

#[test]
fn a_block_may_point_at_its_meter_reading_itself() {
    let (_, of_blocks, series) = run(vec![
        entry(links(Some("m/1"), &[], &["t/1"]), meter()),
        entry(links(Some("m/2"), &[], &["t/1"]), meter()),
        entry(links(None, &["nowhere"], &["m/1"]), block(true)),
    ]);
    assert_eq!((of_blocks, series.len()), (vec![0], 2));
}

#[test]
fn the_path_of_a_block_finds_a_meter_reading_that_does_not_mention_it() {
    let base = "https://a.example/x/resource/Subscription/1/UsagePoint/2/MeterReading";
    let (_, of_blocks, series) = run(vec![
        entry(
            links(Some(&format!("{base}/3")), &[], &["/ReadingType/1"]),
            meter(),
        ),
        entry(
            links(
                Some("/Subscription/1/UsagePoint/2/MeterReading/3/IntervalBlock/9"),
                &[],
                &[],
            ),
            block(true),
        ),
    ]);
    assert_eq!((of_blocks, series.len()), (vec![0], 1));
    assert_eq!(series[0].usage_point.as_ref().unwrap().as_str(), "2");
    assert_eq!(series[0].reading_type, None);
    assert_eq!(
        series[0].reading_type_href.as_deref(),
        Some("/ReadingType/1")
    );
}

#[test]
fn the_same_id_under_two_customers_stays_two_series() {
    let block_of = |customer: &str| {
        let up = format!("RetailCustomer/{customer}/UsagePoint/01/MeterReading/01/IntervalBlock");
        entry(links(None, &[&up], &[]), block(true))
    };
    let (_, of_blocks, series) = run(vec![block_of("1"), block_of("2"), block_of("1")]);
    assert_eq!((of_blocks, series.len()), (vec![0, 1, 0], 2));
}

#[test]
fn one_type_for_several_meter_readings_without_links() {
    let none = || links(None, &[], &[]);
    let (_, of_blocks, series) = run(vec![
        entry(none(), kind(1, None)),
        entry(none(), meter()),
        entry(none(), block(true)),
        entry(none(), meter()),
        entry(none(), block(true)),
    ]);
    assert_eq!(of_blocks, [0, 1]);
    assert!(series.iter().all(|s| flow(s) == Some(1)));
}

#[test]
fn a_link_to_a_type_that_is_not_there_is_never_answered_by_another() {
    let (_, _, series) = run(vec![
        entry(links(Some("/ReadingType/1"), &[], &[]), kind(1, None)),
        entry(links(Some("m"), &[], &["b", "/ReadingType/2"]), meter()),
        entry(links(None, &["b"], &[]), block(true)),
    ]);
    assert_eq!(flow(&series[0]), None);
    assert_eq!(
        series[0].reading_type_href.as_deref(),
        Some("/ReadingType/2")
    );
}

#[test]
fn readings_without_times_and_without_a_type_are_an_error_at_the_end() {
    let mut binder = Binder::new();
    let pushed = binder.push(entry(links(None, &["b"], &[]), block(false)));
    assert!(pushed.unwrap().is_empty());
    let error = binder.finish().unwrap_err();
    assert!(
        matches!(
            error,
            BindError::NoTime {
                offset: 77,
                index: 0
            }
        ),
        "{error}"
    );
}

#[test]
fn a_block_that_divides_evenly_needs_no_type() {
    let mut even = entry(links(None, &["b"], &[]), block(false));
    if let Content::IntervalBlocks(blocks) = &mut even.content {
        blocks[0].duration = Some(120);
    }
    let mut binder = Binder::new();
    assert!(binder.push(even).unwrap().is_empty());
    let bound = binder.finish().unwrap();
    let starts: Vec<_> = bound.blocks[0]
        .readings
        .iter()
        .map(|r| (r.start.as_second(), r.duration))
        .collect();
    assert_eq!(starts, [(1000, 60), (1060, 60)]);
}

#[test]
fn what_is_held_back_is_bounded_and_released() {
    let mut binder = Binder::new().max_held_readings(4);
    for _ in 0..3 {
        let meter = entry(links(Some("m"), &[], &["b", "t"]), meter());
        binder.push(meter).unwrap();
        for _ in 0..2 {
            let held = binder.push(entry(links(None, &["b"], &[]), block(false)));
            assert!(held.unwrap().len() <= 1);
        }
        let kind = entry(links(Some("t"), &[], &[]), kind(1, Some(60)));
        binder.push(kind).unwrap();
    }
    let mut binder = Binder::new().max_held_readings(3);
    let push = |binder: &mut Binder| binder.push(entry(links(None, &["b"], &[]), block(false)));
    push(&mut binder).unwrap();
    let error = push(&mut binder).unwrap_err();
    assert!(
        matches!(error, BindError::TooManyHeld { max: 3 }),
        "{error}"
    );
    assert!(error.to_string().contains("Binder::max_held_readings"));
}

#[test]
fn an_unsafe_usage_point_id_is_an_error() {
    let up = "x/UsagePoint/../MeterReading/1/IntervalBlock";
    let error = Binder::new()
        .push(entry(links(None, &[up], &[]), block(true)))
        .unwrap_err();
    assert!(
        matches!(error, BindError::UsagePoint { offset: 77, .. }),
        "{error}"
    );
}

#[test]
fn a_linked_usage_point_beats_the_default_and_the_path_beats_both() {
    let id = |text: &str| UsagePointId::parse(text).unwrap();
    let mut binder = Binder::new().with_usage_point(id("default"));
    for one in [
        entry(links(Some("m/1"), &["p/1"], &["b/1"]), meter()),
        entry(links(Some("m/2"), &[], &["b/2"]), meter()),
        entry(links(None, &["b/1"], &[]), block(true)),
        entry(links(None, &["b/2"], &[]), block(true)),
        entry(
            links(None, &["UsagePoint/path/MeterReading/1/IntervalBlock"], &[]),
            block(true),
        ),
        entry(
            links(Some("UsagePoint/linked"), &[], &["p/1"]),
            point(ServiceKind::Gas),
        ),
    ] {
        binder.push(one).unwrap();
    }
    let bound = binder.finish().unwrap();
    let ids: Vec<_> = bound.series.iter().map(|s| s.usage_point.clone()).collect();
    assert_eq!(
        ids,
        [Some(id("linked")), Some(id("default")), Some(id("path"))]
    );
    assert_eq!(bound.entries, 6);
}

/// `support` is shared; this file needs none of its readers beyond a whole document.
#[test]
fn an_empty_feed_binds_to_nothing() {
    let (blocks, bound) = support::bind(br#"<feed xmlns="http://www.w3.org/2005/Atom"/>"#);
    assert!(blocks.is_empty() && bound.series.is_empty());
}
