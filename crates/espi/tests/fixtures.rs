//! Our own documents in `tests/fixtures`: every peculiarity seen in the wild, made up small.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

mod support;

use espi::local_time::LocalTimeParameters;
use espi::{
    AuthorizationStatus, Binder, Commodity, Content, FlowDirection, ReadErrorKind, Reader,
    ReadingType, ServiceKind, UnitOfMeasure, UsagePointId, scaled,
};
use jiff::Timestamp;
use support::{bind, bind_with, entries, per_day};

const TWO_POINTS: &[u8] = include_bytes!("fixtures/pge-two-points.xml");
const CLOCKS: &[u8] = include_bytes!("fixtures/clock-changes.xml");
const BLOCKS_ONLY: &[u8] = include_bytes!("fixtures/blocks-only.xml");
const NO_TIMES: &[u8] = include_bytes!("fixtures/no-time-periods.xml");
const NO_LINKS: &[u8] = include_bytes!("fixtures/no-links.xml");
const ODD_RULES: &[u8] = include_bytes!("fixtures/odd-rules.xml");
const CUSTOMER: &[u8] = include_bytes!("fixtures/customer.xml");
const AUTHORIZATION: &[u8] = include_bytes!("fixtures/authorization.xml");
const SUMMARY: &[u8] = include_bytes!("fixtures/usage-summary.xml");

/// 2026-03-16 00:00 in California.
const MIDNIGHT: i64 = 1_773_644_400;

#[test]
fn links_bind_both_flows_and_gas_also_when_the_type_comes_later() {
    let (blocks, bound) = bind(TWO_POINTS);
    let what: Vec<_> = bound
        .series
        .iter()
        .map(|s| {
            (
                s.usage_point.as_ref().unwrap().as_str(),
                s.service_kind.unwrap(),
                s.flow_direction().unwrap(),
                s.unit().unwrap(),
                s.multiplier(),
            )
        })
        .collect();
    assert_eq!(
        what,
        [
            (
                "5000000001",
                ServiceKind::Electricity,
                FlowDirection::Delivered,
                UnitOfMeasure::WattHour,
                -3
            ),
            (
                "5000000001",
                ServiceKind::Electricity,
                FlowDirection::Received,
                UnitOfMeasure::WattHour,
                -3
            ),
            (
                "5000000002",
                ServiceKind::Gas,
                FlowDirection::Delivered,
                UnitOfMeasure::Therm,
                -8
            ),
        ],
        "the repeated MeterReading and ReadingType at the end change nothing"
    );
    let of_blocks: Vec<_> = blocks.iter().map(|b| b.series.index()).collect();
    assert_eq!(of_blocks, [0, 1, 2]);
    let delivered: Vec<_> = blocks[0].readings.iter().take(2).map(|r| r.start).collect();
    let received: Vec<_> = blocks[1].readings.iter().map(|r| r.start).collect();
    assert_eq!(delivered, received, "export has the same starts");
    assert_eq!(bound.local_time, Some(LocalTimeParameters::PACIFIC));
    assert_eq!(bound.usage_points.len(), 2);
}

#[test]
fn values_qualities_costs_and_buckets_are_per_reading() {
    let (blocks, _) = bind(TWO_POINTS);
    let [a, b, c, d] = blocks[0].readings.as_slice() else {
        panic!("four readings expected")
    };
    assert_eq!((a.value, &*a.quality), (1_060_900, &[17][..]));
    assert_eq!((a.tou, a.cpp, a.cost), (Some(1), None, None));
    assert_eq!((b.value, &*b.quality), (0, &[][..]));
    assert_eq!((b.tou, b.cpp), (Some(1), Some(2)));
    assert_eq!((c.value, &*c.quality), (-(1 << 47), &[8, 9, 18, 19][..]));
    assert_eq!((c.cost, d.cost), (Some(-2500), Some((1 << 47) - 1)));
    assert_eq!(a.start.as_second(), MIDNIGHT);
    let published: Timestamp = "2026-03-20T10:00:00.123Z".parse().unwrap();
    assert_eq!(blocks[0].published, Some(published));
}

#[test]
fn gas_starts_a_second_late_and_is_scaled_exactly() {
    let (blocks, bound) = bind(TWO_POINTS);
    let gas = &blocks[2].readings[0];
    assert_eq!(
        (gas.start.as_second(), gas.duration),
        (MIDNIGHT + 1, 86_400)
    );
    let series = &bound.series[2];
    assert_eq!(series.commodity(), Some(Commodity::NaturalGas));
    let therms = scaled(gas.value, series.multiplier()).unwrap();
    assert_eq!(therms.to_string(), "1.0365954");
}

#[test]
fn the_feeds_head_and_the_entries_offsets() {
    let mut reader = Reader::new(TWO_POINTS);
    let first = reader.next().unwrap().unwrap();
    let header = reader.header();
    assert_eq!(header.id, "feed");
    assert_eq!(header.title.as_deref(), Some("Green Button Usage Feed"));
    let own = header.links.self_href.as_deref().unwrap();
    assert!(own.ends_with("/Batch/Subscription/700001"));
    for entry in std::iter::once(first).chain(reader.map(Result::unwrap)) {
        let at = usize::try_from(entry.offset).unwrap();
        assert!(TWO_POINTS[at..].starts_with(b"<ns1:entry "));
    }
}

#[test]
fn days_of_23_and_25_hours() {
    let (blocks, bound) = bind(CLOCKS);
    let days = per_day(&blocks, "America/Los_Angeles");
    assert_eq!(days["2026-03-08"], 23);
    assert_eq!(days["2026-11-01"], 25);
    assert_eq!(days.len(), 2);
    let zone = bound.local_time.unwrap().time_zone().unwrap();
    let hours: Vec<i8> = blocks[1]
        .readings
        .iter()
        .map(|r| r.start.to_zoned(zone.clone()).hour())
        .collect();
    assert_eq!(hours[..4], [0, 1, 1, 2]);
}

#[test]
fn blocks_alone_know_where_their_type_would_be_asked_for() {
    let (blocks, bound) = bind(BLOCKS_ONLY);
    assert_eq!((blocks.len(), bound.series.len()), (2, 1));
    let series = &bound.series[0];
    assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "5000000001");
    assert_eq!(
        (&series.reading_type, &series.reading_type_href),
        (&None, &None)
    );
    assert!(
        series
            .meter_reading
            .as_ref()
            .unwrap()
            .ends_with("UsagePoint/5000000001/MeterReading/QUFB")
    );
}

#[test]
fn readings_without_times_wait_for_the_interval_length() {
    let (blocks, bound) = bind(NO_TIMES);
    let readings: Vec<_> = blocks[0]
        .readings
        .iter()
        .map(|r| (r.start.as_second() - MIDNIGHT, r.duration, r.value))
        .collect();
    assert_eq!(readings, [(0, 899, 10), (899, 899, 20), (1798, 899, 30)]);
    let series = &bound.series[0];
    assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "01");
    assert_eq!(series.service_kind, None, "an empty kind is none");
    let kind = series.reading_type.as_ref().unwrap();
    assert_eq!((kind.kind, kind.commodity, kind.tou), (None, None, None));
    assert_eq!(series.reading_type_href.as_deref(), Some("ReadingType/07"));
}

#[test]
fn a_type_given_beforehand_spares_the_wait() {
    let kind = ReadingType {
        interval_length: Some(60),
        ..ReadingType::default()
    };
    let mut binder =
        Binder::new().with_reading_type("https://any.example/resource/ReadingType/07", kind);
    let mut at_once = 0;
    for entry in entries(NO_TIMES).unwrap() {
        at_once += binder.push(entry).unwrap().len();
    }
    assert_eq!(at_once, 1);
    assert!(binder.finish().unwrap().blocks.is_empty());
}

#[test]
fn document_order_binds_what_has_no_links() {
    let (blocks, bound) = bind(NO_LINKS);
    let series = |n: usize| &bound.series[blocks[n].series.index()];
    assert_eq!(bound.series.len(), 4);
    assert_eq!(series(0).unit(), Some(UnitOfMeasure::WattHour));
    assert_eq!(
        series(1).unit(),
        Some(UnitOfMeasure::Watt),
        "W and Wh twins"
    );
    assert!(
        series(2).is_register(),
        "the type came after its MeterReading"
    );
    let registers: Vec<_> = (0..4).map(|n| series(n).is_register()).collect();
    assert_eq!(registers, [false, false, true, false]);
    assert_eq!(series(3).service_kind, Some(ServiceKind::Electricity));
    let points: Vec<_> = (0..4).map(|n| series(n).usage_point.clone()).collect();
    assert_eq!(points[0], None);
    assert_ne!(points[0], points[3], "two usage points do not become one");
}

#[test]
fn a_default_usage_point_is_used_where_links_do_not_tell() {
    let id = UsagePointId::parse("5000000009").unwrap();
    let (_, bound) = bind_with(Binder::new().with_usage_point(id.clone()), NO_LINKS).unwrap();
    assert_eq!(bound.series[0].usage_point, Some(id.clone()));
    let (_, bound) = bind_with(Binder::new().with_usage_point(id), BLOCKS_ONLY).unwrap();
    let told = bound.series[0].usage_point.as_ref().unwrap();
    assert_eq!(told.as_str(), "5000000001");
}

#[test]
fn nonsense_in_local_time_parameters_never_fails() {
    let all = entries(ODD_RULES).unwrap();
    assert_eq!(all[0].title, None, "markup is passed over");
    for entry in all {
        let Content::LocalTimeParameters(found) = entry.content else {
            panic!("parameters expected")
        };
        assert_eq!(found.offset_at(Timestamp::UNIX_EPOCH), None);
        assert_eq!(found.posix_tz(), None);
    }
}

#[test]
fn the_customers_name_in_the_customer_namespace() {
    let all = entries(CUSTOMER).unwrap();
    let Content::Customer(customer) = &all[0].content else {
        panic!("a customer expected")
    };
    assert_eq!(customer.name.as_deref(), Some("ZAPHOD & SONS <made up>"));
    assert!(!format!("{customer:?}").contains("ZAPHOD"));
    let expected = Content::Other {
        namespace: espi::CUSTOMER.to_owned(),
        name: "CustomerAccount".to_owned(),
    };
    assert_eq!(all[1].content, expected);
}

#[test]
fn an_authorization_entry_with_a_byte_order_mark() {
    let all = entries(AUTHORIZATION).unwrap();
    assert_eq!(all.len(), 1);
    let at = usize::try_from(all[0].offset).unwrap();
    assert!(AUTHORIZATION[at..].starts_with(b"<ns1:entry "));
    let Content::Authorization(found) = &all[0].content else {
        panic!("an authorization expected")
    };
    assert_eq!(found.status, Some(AuthorizationStatus::Active));
    assert_eq!(found.expires_at.unwrap().as_second(), 1_773_648_000);
    let authorized = found.authorized_period.unwrap();
    assert_eq!(authorized.start.unwrap().as_second(), MIDNIGHT);
    assert_eq!(authorized.duration, Some(31_536_000));
    assert_eq!(
        found.published_period.unwrap().end(),
        Some(Timestamp::MAX),
        "eight thousand years"
    );
    assert!(!format!("{found:?}").contains("never kept"));
}

#[test]
fn a_summary_with_thousands_commas_in_its_link() {
    let all = entries(SUMMARY).unwrap();
    let own = all[0].links.self_href.as_deref().unwrap();
    assert!(own.ends_with("/UsageSummary/1,436,684,400,000"));
    let Content::UsageSummary(found) = &all[0].content else {
        panic!("a summary expected")
    };
    assert_eq!(found.bill_last_period, Some(-23_364_000));
    let stamp = found.status_time_stamp.unwrap();
    assert_eq!(stamp.as_millisecond(), 1_440_109_957_976);
    assert_eq!(found.cost_additional_detail_last_period.len(), 1);
    bind(SUMMARY);
}

#[test]
fn every_fixture_cut_anywhere_is_refused() {
    for whole in [
        TWO_POINTS,
        NO_TIMES,
        NO_LINKS,
        ODD_RULES,
        CUSTOMER,
        AUTHORIZATION,
        SUMMARY,
    ] {
        let all = entries(whole).unwrap();
        let end = whole.trim_ascii_end().len();
        // The large one is cut at every eleventh byte: each cut reads all that comes before it.
        let step = if whole.len() > 4_000 { 11 } else { 1 };
        for cut in (0..end).step_by(step) {
            let outcome = entries(&whole[..cut]);
            assert!(outcome.is_err(), "cut at {cut} of {end} was read");
        }
        for cut in end..=whole.len() {
            assert_eq!(entries(&whole[..cut]).unwrap(), all);
        }
    }
}

#[test]
fn a_cut_document_says_where() {
    let cut = TWO_POINTS.len() - "</ns1:content></ns1:entry></ns1:feed>".len();
    let error = entries(&TWO_POINTS[..cut]).unwrap_err();
    assert!(matches!(error.kind, ReadErrorKind::Truncated));
    assert_eq!(error.offset, u64::try_from(cut).unwrap());
    assert_eq!(error.path, "feed/entry/content");
    // Within a tag, too: a connection that ends early ends anywhere.
    for within in ["</ns1:cont", "<ns0:", "<ns1:link "] {
        let text = std::str::from_utf8(TWO_POINTS).unwrap();
        let cut = text.rfind(within).unwrap() + within.len();
        let error = entries(&TWO_POINTS[..cut]).unwrap_err();
        assert!(matches!(error.kind, ReadErrorKind::Truncated), "{error}");
    }
}
