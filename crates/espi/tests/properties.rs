//! Properties: what is written is read back, nothing panics, nothing is silently shorter.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

mod support;

use espi::local_time::{DstRule, LocalTimeParameters};
use espi::writer::{self, Feed};
use espi::{
    ApplicationInformation, Authorization, AuthorizationStatus, Binder, Content, Customer, Entry,
    FeedHeader, IntervalBlock, IntervalReading, LineItem, Links, MeterReading, Period, Qualities,
    ReadingType, SummaryMeasurement, UsagePoint, UsageSummary, client_token, notification,
    service_status,
};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use support::entries;

/// Text that survives: no white space at its ends, which readers trim.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9<>&'\"äß€😀,;=/][ -~\\t\\näß€😀]{0,20}[a-z<>&'\"€]".prop_map(|t| t)
}

/// A link that promises nothing about the content.
fn href() -> impl Strategy<Value = String> {
    "(https://custodian\\.example)?/[a-zA-Z0-9/=&?,'<]{0,30}x"
}

/// Seconds after 1973, where milliseconds can be told from seconds.
fn instant() -> impl Strategy<Value = Timestamp> {
    (100_000_001_i64..4_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap())
}

fn published() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

const BITS48: std::ops::RangeInclusive<i64> = -(1 << 47)..=((1 << 47) - 1);

fn reading() -> impl Strategy<Value = IntervalReading> {
    let codes = (of(any::<u16>()), of(any::<u16>()), of(any::<u16>()));
    let quality = vec(any::<u16>(), 0..6);
    (
        of(instant()),
        of(any::<u32>()),
        BITS48,
        quality,
        codes,
        of(BITS48),
    )
        .prop_map(
            |(start, duration, value, quality, (tou, cpp, tier), cost)| IntervalReading {
                start,
                duration,
                value,
                quality: Qualities::from(quality),
                tou,
                cpp,
                cost,
                consumption_tier: tier,
            },
        )
}

fn blocks() -> impl Strategy<Value = Content> {
    let block = (of(instant()), of(any::<u32>()), vec(reading(), 0..5)).prop_map(
        |(start, duration, readings)| IntervalBlock {
            start,
            duration,
            readings,
        },
    );
    vec(block, 1..4).prop_map(Content::IntervalBlocks)
}

fn reading_type() -> impl Strategy<Value = Content> {
    let codes = vec(of(any::<u16>()), 13);
    (codes, of(any::<u32>()), of(any::<i8>())).prop_map(|(codes, length, multiplier)| {
        Content::ReadingType(ReadingType {
            accumulation_behaviour: codes[0].map(Into::into),
            commodity: codes[1].map(Into::into),
            consumption_tier: codes[2],
            currency: codes[3],
            data_qualifier: codes[4],
            default_quality: codes[5],
            flow_direction: codes[6].map(Into::into),
            interval_length: length,
            kind: codes[7].map(Into::into),
            phase: codes[8],
            power_of_ten_multiplier: multiplier,
            time_attribute: codes[9],
            tou: codes[10],
            uom: codes[11].map(Into::into),
            cpp: codes[12],
            measuring_period: codes[0],
        })
    })
}

fn usage_point() -> impl Strategy<Value = Content> {
    (of(any::<u16>()), of(any::<u16>()), vec(of(text()), 4)).prop_map(|(kind, status, texts)| {
        Content::UsagePoint(UsagePoint {
            service_kind: kind.map(Into::into),
            status,
            role_flags: texts[0].clone(),
            service_delivery_point: texts[1].clone(),
            tariff_profile: texts[2].clone(),
            read_cycle: texts[3].clone(),
        })
    })
}

fn period() -> impl Strategy<Value = Period> {
    (instant(), of(0_i64..4_000_000_000)).prop_map(|(start, duration)| Period {
        start: Some(start),
        duration,
    })
}

fn authorization() -> impl Strategy<Value = Content> {
    (
        of(period()),
        of(period()),
        of(0_u16..9),
        of(instant()),
        vec(of(text()), 6),
    )
        .prop_map(
            |(authorized_period, published_period, status, expires_at, texts)| {
                Content::Authorization(Authorization {
                    authorized_period,
                    published_period,
                    status: status.map(AuthorizationStatus::from_code),
                    expires_at,
                    scope: texts[0].clone(),
                    token_type: texts[1].clone(),
                    resource_uri: texts[2].clone(),
                    authorization_uri: texts[3].clone(),
                    customer_resource_uri: texts[4].clone(),
                    error: texts[5].clone(),
                })
            },
        )
}

fn measurement() -> impl Strategy<Value = SummaryMeasurement> {
    (
        of(any::<i8>()),
        of(instant()),
        of(any::<u16>()),
        of(BITS48),
        of(text()),
    )
        .prop_map(
            |(power_of_ten_multiplier, time_stamp, uom, value, reading_type_ref)| {
                SummaryMeasurement {
                    power_of_ten_multiplier,
                    time_stamp,
                    uom: uom.map(Into::into),
                    value,
                    reading_type_ref,
                }
            },
        )
}

fn summary() -> impl Strategy<Value = Content> {
    let line = (of(BITS48), of(text()), of(measurement()), of(any::<u16>())).prop_map(
        |(amount, note, measurement, item_kind)| LineItem {
            amount,
            note,
            measurement,
            item_kind,
        },
    );
    let money = (of(BITS48), of(BITS48), of(any::<u16>()));
    let rest = (
        of(any::<u16>()),
        of(any::<u16>()),
        of(instant()),
        of(text()),
        of(text()),
    );
    (
        of(period()),
        vec(line, 0..3),
        of(measurement()),
        of(measurement()),
        money,
        rest,
    )
        .prop_map(|(billing_period, lines, last, current, money, rest)| {
            Content::UsageSummary(UsageSummary {
                billing_period,
                bill_last_period: money.0,
                bill_to_date: money.1,
                cost_additional_detail_last_period: lines,
                currency: money.2,
                overall_consumption_last_period: last,
                current_billing_period_overall_consumption: current,
                quality_of_reading: rest.0,
                status_time_stamp: rest.2,
                commodity: rest.1.map(Into::into),
                tariff_profile: rest.3,
                read_cycle: rest.4,
            })
        })
}

fn local_time() -> impl Strategy<Value = Content> {
    let rule = || of(any::<u32>().prop_map(DstRule::from_raw));
    (rule(), rule(), of(any::<i32>()), of(any::<i32>())).prop_map(
        |(dst_start_rule, dst_end_rule, dst_offset, tz_offset)| {
            Content::LocalTimeParameters(LocalTimeParameters {
                dst_end_rule,
                dst_offset,
                dst_start_rule,
                tz_offset,
            })
        },
    )
}

fn application() -> impl Strategy<Value = Content> {
    let lists = (vec(text(), 0..3), vec(text(), 0..3));
    (vec(of(text()), 8), of(any::<u16>()), lists).prop_map(|(texts, status, lists)| {
        Content::ApplicationInformation(ApplicationInformation {
            data_custodian_id: texts[0].clone(),
            data_custodian_application_status: status,
            third_party_notify_uri: texts[1].clone(),
            authorization_endpoint: texts[2].clone(),
            token_endpoint: texts[3].clone(),
            bulk_request_uri: texts[4].clone(),
            resource_endpoint: texts[5].clone(),
            client_id: texts[6].clone(),
            client_name: texts[7].clone(),
            redirect_uris: lists.0,
            scopes: lists.1,
        })
    })
}

fn content() -> impl Strategy<Value = Content> {
    let other = ("urn:[a-z]{1,9}", "[A-Z][a-z]{1,9}")
        .prop_map(|(namespace, name)| Content::Other { namespace, name });
    prop_oneof![
        blocks(),
        blocks(),
        reading_type(),
        usage_point(),
        Just(Content::MeterReading(MeterReading)),
        local_time(),
        summary(),
        authorization(),
        application(),
        of(text()).prop_map(|name| Content::Customer(Customer { name })),
        other,
        Just(Content::Empty),
    ]
}

fn any_links() -> impl Strategy<Value = Links> {
    (of(href()), vec(href(), 0..3), vec(href(), 0..3)).prop_map(|(self_href, up, related)| Links {
        self_href,
        up,
        related,
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (
        text(),
        of(text()),
        any_links(),
        of(published()),
        of(published()),
        content(),
    )
        .prop_map(|(id, title, links, published, updated, content)| Entry {
            id,
            title,
            links,
            published,
            updated,
            content,
            offset: 0,
        })
}

fn header() -> impl Strategy<Value = FeedHeader> {
    (text(), of(text()), of(published()), any_links()).prop_map(|(id, title, updated, links)| {
        FeedHeader {
            id,
            title,
            updated,
            links,
        }
    })
}

fn written(header: &FeedHeader, entries: &[Entry]) -> Vec<u8> {
    let mut feed = Feed::new(Vec::new(), header).unwrap();
    for entry in entries {
        feed.entry(entry).unwrap();
    }
    feed.finish().unwrap()
}

fn without_offsets(entries: Vec<Entry>) -> Vec<Entry> {
    let plain = |entry| Entry { offset: 0, ..entry };
    entries.into_iter().map(plain).collect()
}

/// Reads and binds whatever it is; only panics would be wrong.
fn devour(bytes: &[u8]) {
    let mut binder = Binder::new();
    for entry in espi::Reader::new(bytes).flatten() {
        if binder.push(entry).is_err() {
            return;
        }
    }
    drop(binder.finish());
    drop(notification::parse(bytes));
    drop(service_status::parse(bytes));
    drop(client_token::parse(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_feed_is_read_back_as_written(header in header(), all in vec(any_entry(), 0..5)) {
        let bytes = written(&header, &all);
        let mut reader = espi::Reader::new(&bytes[..]);
        let mut back = Vec::new();
        for entry in &mut reader {
            back.push(entry.unwrap());
        }
        prop_assert_eq!(reader.header(), &header);
        prop_assert_eq!(without_offsets(back), all);
    }

    #[test]
    fn an_entry_is_read_back_as_written(one in any_entry()) {
        let bytes = writer::entry(Vec::new(), &one).unwrap();
        prop_assert_eq!(entries(&bytes).unwrap(), vec![one]);
    }

    #[test]
    fn a_notification_is_read_back_as_written(links in vec(text(), 1..5)) {
        let bytes = writer::batch_list(&links);
        prop_assert_eq!(notification::parse(bytes.as_bytes()).unwrap(), links);
    }

    #[test]
    fn a_feed_cut_anywhere_is_refused(all in vec(any_entry(), 1..4), place in any::<prop::sample::Index>()) {
        let bytes = written(&FeedHeader::default(), &all);
        let cut = place.index(bytes.len());
        prop_assert!(entries(&bytes[..cut]).is_err(), "cut at {} of {}", cut, bytes.len());
    }

    #[test]
    fn a_damaged_feed_never_panics(
        all in vec(any_entry(), 1..3),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = written(&FeedHeader::default(), &all);
        for (place, byte) in damage {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        devour(&bytes);
    }

    #[test]
    fn a_feed_with_a_hole_never_panics(
        all in vec(any_entry(), 1..3),
        from in any::<prop::sample::Index>(),
        length in 1_usize..40,
    ) {
        let mut bytes = written(&FeedHeader::default(), &all);
        let from = from.index(bytes.len());
        let to = (from + length).min(bytes.len());
        bytes.drain(from..to);
        devour(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        devour(&bytes);
    }

    #[test]
    fn arbitrary_markup_never_panics(text in "(<[/!?]?[a-z:]{0,3}( xmlns(:[a-z])?=\"[a-z:]{0,9}\")?/?>|[&;a-z\\[\\] -]{0,4}){0,30}") {
        devour(text.as_bytes());
    }

    #[test]
    fn local_time_parameters_never_panic(start in any::<u32>(), end in any::<u32>(), zone in any::<i32>(), added in any::<i32>(), at in -377_705_023_201_i64..253_402_207_200) {
        let parameters = LocalTimeParameters {
            dst_start_rule: Some(DstRule::from_raw(start)),
            dst_end_rule: Some(DstRule::from_raw(end)),
            dst_offset: Some(added),
            tz_offset: Some(zone),
        };
        let offset = parameters.offset_at(Timestamp::from_second(at).unwrap());
        if let (Some(zone), None) = (parameters.time_zone(), offset) {
            prop_assert!(!(-377_000_000_000..=253_000_000_000).contains(&at), "{zone:?}");
        }
    }
}
