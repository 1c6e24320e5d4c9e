//! Feeds made up from the fuzzer's bytes: everything that the writer can be asked to write and that means the same
//! when it is read (text without white space at its ends, times of whole seconds after 1973, where the reader can tell
//! milliseconds from seconds).

use espi::local_time::{DstRule, LocalTimeParameters};
use espi::{
    ApplicationInformation, Authorization, AuthorizationStatus, Content, Customer, Entry,
    FeedHeader, IntervalBlock, IntervalReading, LineItem, Links, MeterReading, Period, Qualities,
    ReadingType, SummaryMeasurement, UsagePoint, UsageSummary,
};
use jiff::Timestamp;
use libfuzzer_sys::arbitrary::{Result, Unstructured};

type Bytes<'a, 'b> = &'b mut Unstructured<'a>;

fn option<'a, T>(
    bytes: Bytes<'a, '_>,
    make: impl FnOnce(Bytes<'a, '_>) -> Result<T>,
) -> Result<Option<T>> {
    if bytes.arbitrary()? {
        make(bytes).map(Some)
    } else {
        Ok(None)
    }
}

fn list<'a, T>(
    bytes: Bytes<'a, '_>,
    most: usize,
    mut make: impl FnMut(Bytes<'a, '_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = bytes.int_in_range(0..=most)?;
    (0..count).map(|_| make(bytes)).collect()
}

/// Any text that XML can hold, trimmed; never empty.
pub fn text(bytes: Bytes<'_, '_>) -> Result<String> {
    let text: &str = bytes.arbitrary()?;
    let allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    let text: String = text.chars().filter(allowed).take(60).collect();
    let text = text.trim();
    Ok(if text.is_empty() {
        "x".to_owned()
    } else {
        text.to_owned()
    })
}

fn instant(bytes: Bytes<'_, '_>) -> Result<Timestamp> {
    let seconds = bytes.int_in_range(100_000_001_i64..=200_000_000_000)?;
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

fn published(bytes: Bytes<'_, '_>) -> Result<Timestamp> {
    let nanoseconds =
        bytes.int_in_range(-4_000_000_000_000_000_000_i128..=9_000_000_000_000_000_000)?;
    Ok(Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MIN))
}

fn code<T: From<u16>>(bytes: Bytes<'_, '_>) -> Result<Option<T>> {
    Ok(bytes.arbitrary::<Option<u16>>()?.map(T::from))
}

fn reading(bytes: Bytes<'_, '_>) -> Result<IntervalReading> {
    Ok(IntervalReading {
        start: option(bytes, |it| {
            let second = it.int_in_range(-377_705_023_201_i64..=253_402_207_200)?;
            Ok(Timestamp::from_second(second).unwrap_or(Timestamp::MAX))
        })?,
        duration: bytes.arbitrary()?,
        value: bytes.arbitrary()?,
        quality: Qualities::from(list(bytes, 6, |it| it.arbitrary::<u16>())?),
        tou: bytes.arbitrary()?,
        cpp: bytes.arbitrary()?,
        cost: bytes.arbitrary()?,
        consumption_tier: bytes.arbitrary()?,
    })
}

fn block(bytes: Bytes<'_, '_>) -> Result<IntervalBlock> {
    Ok(IntervalBlock {
        start: option(bytes, instant)?,
        duration: bytes.arbitrary()?,
        readings: list(bytes, 6, reading)?,
    })
}

/// What a series of readings means.
pub fn reading_type(bytes: Bytes<'_, '_>) -> Result<ReadingType> {
    Ok(ReadingType {
        accumulation_behaviour: code(bytes)?,
        commodity: code(bytes)?,
        consumption_tier: bytes.arbitrary()?,
        currency: bytes.arbitrary()?,
        data_qualifier: bytes.arbitrary()?,
        default_quality: bytes.arbitrary()?,
        flow_direction: code(bytes)?,
        interval_length: bytes.arbitrary()?,
        kind: code(bytes)?,
        phase: bytes.arbitrary()?,
        power_of_ten_multiplier: bytes.arbitrary()?,
        time_attribute: bytes.arbitrary()?,
        tou: bytes.arbitrary()?,
        uom: code(bytes)?,
        cpp: bytes.arbitrary()?,
        measuring_period: bytes.arbitrary()?,
    })
}

fn period(bytes: Bytes<'_, '_>) -> Result<Period> {
    Ok(Period {
        start: Some(instant(bytes)?),
        duration: option(bytes, |it| it.int_in_range(0..=4_000_000_000_i64))?,
    })
}

fn measurement(bytes: Bytes<'_, '_>) -> Result<SummaryMeasurement> {
    Ok(SummaryMeasurement {
        power_of_ten_multiplier: bytes.arbitrary()?,
        time_stamp: option(bytes, early)?,
        uom: code(bytes)?,
        value: bytes.arbitrary()?,
        reading_type_ref: option(bytes, text)?,
    })
}

/// Before the year 5138, where seconds look like milliseconds.
fn early(bytes: Bytes<'_, '_>) -> Result<Timestamp> {
    let seconds = bytes.int_in_range(100_000_001_i64..=99_999_999_999)?;
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

fn line(bytes: Bytes<'_, '_>) -> Result<LineItem> {
    Ok(LineItem {
        amount: bytes.arbitrary()?,
        note: option(bytes, text)?,
        measurement: option(bytes, measurement)?,
        item_kind: bytes.arbitrary()?,
    })
}

fn summary(bytes: Bytes<'_, '_>) -> Result<UsageSummary> {
    Ok(UsageSummary {
        billing_period: option(bytes, |it| {
            Ok(Period {
                start: Some(early(it)?),
                duration: option(it, |it| it.int_in_range(0..=4_000_000_000_i64))?,
            })
        })?,
        bill_last_period: bytes.arbitrary()?,
        bill_to_date: bytes.arbitrary()?,
        cost_additional_detail_last_period: list(bytes, 3, line)?,
        currency: bytes.arbitrary()?,
        overall_consumption_last_period: option(bytes, measurement)?,
        current_billing_period_overall_consumption: option(bytes, measurement)?,
        quality_of_reading: bytes.arbitrary()?,
        status_time_stamp: option(bytes, instant)?,
        commodity: code(bytes)?,
        tariff_profile: option(bytes, text)?,
        read_cycle: option(bytes, text)?,
    })
}

fn authorization(bytes: Bytes<'_, '_>) -> Result<Authorization> {
    Ok(Authorization {
        authorized_period: option(bytes, period)?,
        published_period: option(bytes, period)?,
        status: bytes
            .arbitrary::<Option<u16>>()?
            .map(AuthorizationStatus::from_code),
        expires_at: option(bytes, early)?,
        scope: option(bytes, text)?,
        token_type: option(bytes, text)?,
        resource_uri: option(bytes, text)?,
        authorization_uri: option(bytes, text)?,
        customer_resource_uri: option(bytes, text)?,
        error: option(bytes, text)?,
    })
}

fn application(bytes: Bytes<'_, '_>) -> Result<ApplicationInformation> {
    Ok(ApplicationInformation {
        data_custodian_id: option(bytes, text)?,
        data_custodian_application_status: bytes.arbitrary()?,
        third_party_notify_uri: option(bytes, text)?,
        authorization_endpoint: option(bytes, text)?,
        token_endpoint: option(bytes, text)?,
        bulk_request_uri: option(bytes, text)?,
        resource_endpoint: option(bytes, text)?,
        client_id: option(bytes, text)?,
        client_name: option(bytes, text)?,
        redirect_uris: list(bytes, 3, text)?,
        scopes: list(bytes, 3, text)?,
    })
}

fn point(bytes: Bytes<'_, '_>) -> Result<UsagePoint> {
    Ok(UsagePoint {
        service_kind: code::<u16>(bytes)?.map(espi::ServiceKind::from_code),
        status: bytes.arbitrary()?,
        role_flags: option(bytes, text)?,
        service_delivery_point: option(bytes, text)?,
        tariff_profile: option(bytes, text)?,
        read_cycle: option(bytes, text)?,
    })
}

fn local_time(bytes: Bytes<'_, '_>) -> Result<LocalTimeParameters> {
    let mut rule = || Ok(bytes.arbitrary::<Option<u32>>()?.map(DstRule::from_raw));
    let (dst_start_rule, dst_end_rule) = (rule()?, rule()?);
    Ok(LocalTimeParameters {
        dst_start_rule,
        dst_end_rule,
        dst_offset: bytes.arbitrary()?,
        tz_offset: bytes.arbitrary()?,
    })
}

fn content(bytes: Bytes<'_, '_>) -> Result<Content> {
    Ok(match bytes.int_in_range(0..=10_u8)? {
        0 => Content::UsagePoint(point(bytes)?),
        1 => Content::MeterReading(MeterReading),
        2 => Content::ReadingType(reading_type(bytes)?),
        3 => Content::LocalTimeParameters(local_time(bytes)?),
        4 => Content::UsageSummary(summary(bytes)?),
        5 => Content::Authorization(authorization(bytes)?),
        6 => Content::ApplicationInformation(application(bytes)?),
        7 => Content::Customer(Customer {
            name: option(bytes, text)?,
        }),
        8 => Content::Empty,
        _ => {
            let mut blocks = list(bytes, 3, block)?;
            blocks.push(block(bytes)?);
            Content::IntervalBlocks(blocks)
        }
    })
}

/// A link. It may only say `IntervalBlock` where there is one.
fn href(bytes: Bytes<'_, '_>) -> Result<String> {
    const SHAPES: [&str; 4] = [
        "/UsagePoint/1",
        "/UsagePoint/1/MeterReading/2",
        "/ReadingType/3",
        "/UsagePoint/1/MeterReading",
    ];
    if bytes.arbitrary()? {
        return Ok((*bytes.choose(&SHAPES)?).to_owned());
    }
    Ok(text(bytes)?.replace("IntervalBlock", "x"))
}

fn links(bytes: Bytes<'_, '_>) -> Result<Links> {
    Ok(Links {
        self_href: option(bytes, href)?,
        up: list(bytes, 2, href)?,
        related: list(bytes, 2, href)?,
    })
}

/// One entry.
pub fn entry(bytes: Bytes<'_, '_>) -> Result<Entry> {
    Ok(Entry {
        id: text(bytes)?,
        title: option(bytes, text)?,
        links: links(bytes)?,
        published: option(bytes, published)?,
        updated: option(bytes, published)?,
        content: content(bytes)?,
        offset: 0,
    })
}

/// A whole feed.
pub fn feed(bytes: Bytes<'_, '_>) -> Result<(FeedHeader, Vec<Entry>)> {
    let header = FeedHeader {
        id: text(bytes)?,
        title: option(bytes, text)?,
        updated: option(bytes, published)?,
        links: links(bytes)?,
    };
    Ok((header, list(bytes, 6, entry)?))
}
