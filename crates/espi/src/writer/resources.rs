//! The resources, element by element, in PG&E's order where it is known.

use super::sink::Sink;
use crate::authorization::{Authorization, AuthorizationStatus, Period};
use crate::local_time::LocalTimeParameters;
use crate::model::{
    ApplicationInformation, Content, Customer, IntervalBlock, IntervalReading, LineItem,
    ReadingType, SummaryMeasurement, UsagePoint, UsageSummary,
};
use jiff::Timestamp;
use std::io::{self, Write};

const OPEN_ESPI: &str = r#" xmlns:ns0="http://naesb.org/espi">"#;

pub(super) fn content<W: Write>(out: &mut Sink<W>, content: &Content) -> io::Result<()> {
    match content {
        Content::UsagePoint(point) => root(out, "UsagePoint", |out| usage_point(out, point)),
        Content::MeterReading(_) => {
            out.raw(r#"<ns0:MeterReading xmlns:ns0="http://naesb.org/espi"/>"#)
        }
        Content::ReadingType(kind) => root(out, "ReadingType", |out| reading_type(out, kind)),
        Content::IntervalBlocks(blocks) => {
            for block in blocks {
                root(out, "IntervalBlock", |out| interval_block(out, block))?;
            }
            Ok(())
        }
        Content::LocalTimeParameters(parameters) => root(out, "LocalTimeParameters", |out| {
            local_time(out, parameters)
        }),
        Content::UsageSummary(summary) => {
            root(out, "UsageSummary", |out| usage_summary(out, summary))
        }
        Content::Authorization(found) => {
            root(out, "Authorization", |out| authorization(out, found))
        }
        Content::ApplicationInformation(found) => {
            root(out, "ApplicationInformation", |out| application(out, found))
        }
        Content::Customer(found) => customer(out, found),
        Content::Other { namespace, name } => {
            out.raw("<")?;
            out.raw(name)?;
            out.raw(r#" xmlns=""#)?;
            out.text(namespace)?;
            out.raw(r#""/>"#)
        }
        Content::Empty => Ok(()),
    }
}

/// A resource in the usage namespace, which is declared again as PG&E does.
fn root<W: Write>(
    out: &mut Sink<W>,
    name: &str,
    inside: impl FnOnce(&mut Sink<W>) -> io::Result<()>,
) -> io::Result<()> {
    out.raw("<ns0:")?;
    out.raw(name)?;
    out.raw(OPEN_ESPI)?;
    inside(out)?;
    out.raw("</ns0:")?;
    out.raw(name)?;
    out.raw(">")
}

fn usage_point<W: Write>(out: &mut Sink<W>, point: &UsagePoint) -> io::Result<()> {
    out.string("roleFlags", point.role_flags.as_ref())?;
    out.element("ServiceCategory", |out| {
        out.number("kind", point.service_kind.map(u16::from))
    })?;
    out.number("status", point.status)?;
    if point.service_delivery_point.is_some() || point.tariff_profile.is_some() {
        out.element("ServiceDeliveryPoint", |out| {
            out.string("name", point.service_delivery_point.as_ref())?;
            out.string("tariffProfile", point.tariff_profile.as_ref())
        })?;
    }
    out.string("readCycle", point.read_cycle.as_ref())
}

fn reading_type<W: Write>(out: &mut Sink<W>, kind: &ReadingType) -> io::Result<()> {
    let accumulation = kind.accumulation_behaviour.map(u16::from);
    out.number("accumulationBehaviour", accumulation)?;
    out.number("commodity", kind.commodity.map(u16::from))?;
    out.number("consumptionTier", kind.consumption_tier)?;
    out.number("currency", kind.currency)?;
    out.number("dataQualifier", kind.data_qualifier)?;
    out.number("defaultQuality", kind.default_quality)?;
    out.number("flowDirection", kind.flow_direction.map(u16::from))?;
    out.number("intervalLength", kind.interval_length)?;
    out.number("kind", kind.kind.map(u16::from))?;
    out.number("phase", kind.phase)?;
    out.number("powerOfTenMultiplier", kind.power_of_ten_multiplier)?;
    out.number("timeAttribute", kind.time_attribute)?;
    out.number("tou", kind.tou)?;
    out.number("uom", kind.uom.map(u16::from))?;
    out.number("cpp", kind.cpp)?;
    out.number("measuringPeriod", kind.measuring_period)
}

fn interval_block<W: Write>(out: &mut Sink<W>, block: &IntervalBlock) -> io::Result<()> {
    span(out, "interval", block.start, block.duration)?;
    for reading in &block.readings {
        out.element("IntervalReading", |out| interval_reading(out, reading))?;
    }
    Ok(())
}

fn interval_reading<W: Write>(out: &mut Sink<W>, reading: &IntervalReading) -> io::Result<()> {
    out.number("cost", reading.cost)?;
    for quality in &reading.quality {
        out.element("ReadingQuality", |out| out.number("quality", Some(quality)))?;
    }
    span(out, "timePeriod", reading.start, reading.duration)?;
    out.number("value", Some(reading.value))?;
    out.number("consumptionTier", reading.consumption_tier)?;
    out.number("tou", reading.tou)?;
    out.number("cpp", reading.cpp)
}

/// Whole seconds; nothing at all when neither is known.
fn span<W: Write>(
    out: &mut Sink<W>,
    name: &str,
    start: Option<Timestamp>,
    duration: Option<u32>,
) -> io::Result<()> {
    if start.is_none() && duration.is_none() {
        return Ok(());
    }
    out.element(name, |out| {
        out.number("duration", duration)?;
        out.number("start", start.map(Timestamp::as_second))
    })
}

fn local_time<W: Write>(out: &mut Sink<W>, found: &LocalTimeParameters) -> io::Result<()> {
    let (start, end) = (found.dst_start_rule, found.dst_end_rule);
    out.number("dstEndRule", end.map(crate::local_time::DstRule::to_hex))?;
    out.number("dstOffset", found.dst_offset)?;
    out.number(
        "dstStartRule",
        start.map(crate::local_time::DstRule::to_hex),
    )?;
    out.number("tzOffset", found.tz_offset)
}

fn usage_summary<W: Write>(out: &mut Sink<W>, summary: &UsageSummary) -> io::Result<()> {
    period(out, "billingPeriod", summary.billing_period.as_ref(), false)?;
    out.number("billLastPeriod", summary.bill_last_period)?;
    out.number("billToDate", summary.bill_to_date)?;
    for line in &summary.cost_additional_detail_last_period {
        out.element("costAdditionalDetailLastPeriod", |out| line_item(out, line))?;
    }
    out.number("currency", summary.currency)?;
    let last = summary.overall_consumption_last_period.as_ref();
    measurement(out, "overallConsumptionLastPeriod", last)?;
    let current = summary.current_billing_period_overall_consumption.as_ref();
    measurement(out, "currentBillingPeriodOverAllConsumption", current)?;
    out.number("qualityOfReading", summary.quality_of_reading)?;
    out.number("statusTimeStamp", summary.status_time_stamp.map(large))?;
    out.number("commodity", summary.commodity.map(u16::from))?;
    out.string("tariffProfile", summary.tariff_profile.as_ref())?;
    out.string("readCycle", summary.read_cycle.as_ref())
}

fn line_item<W: Write>(out: &mut Sink<W>, line: &LineItem) -> io::Result<()> {
    out.number("amount", line.amount)?;
    out.string("note", line.note.as_ref())?;
    measurement(out, "measurement", line.measurement.as_ref())?;
    out.number("itemKind", line.item_kind)
}

fn measurement<W: Write>(
    out: &mut Sink<W>,
    name: &str,
    measured: Option<&SummaryMeasurement>,
) -> io::Result<()> {
    let Some(measured) = measured else {
        return Ok(());
    };
    out.element(name, |out| {
        out.number("powerOfTenMultiplier", measured.power_of_ten_multiplier)?;
        out.number("timeStamp", measured.time_stamp.map(small))?;
        out.number("uom", measured.uom.map(u16::from))?;
        out.number("value", measured.value)?;
        out.string("readingTypeRef", measured.reading_type_ref.as_ref())
    })
}

/// Milliseconds as PG&E writes them, where a reader can tell them from seconds (after 1973).
fn large(instant: Timestamp) -> i64 {
    let milliseconds = instant.as_millisecond();
    if crate::authorization::is_milliseconds(milliseconds) {
        milliseconds
    } else {
        instant.as_second()
    }
}

fn authorization<W: Write>(out: &mut Sink<W>, found: &Authorization) -> io::Result<()> {
    period(
        out,
        "authorizedPeriod",
        found.authorized_period.as_ref(),
        true,
    )?;
    period(
        out,
        "publishedPeriod",
        found.published_period.as_ref(),
        true,
    )?;
    out.number("status", found.status.map(AuthorizationStatus::code))?;
    out.number("expires_at", found.expires_at.map(small))?;
    out.string("scope", found.scope.as_ref())?;
    out.string("token_type", found.token_type.as_ref())?;
    out.string("error", found.error.as_ref())?;
    out.string("resourceURI", found.resource_uri.as_ref())?;
    out.string("authorizationURI", found.authorization_uri.as_ref())?;
    out.string("customerResourceURI", found.customer_resource_uri.as_ref())
}

/// Seconds, where a reader takes them for seconds (before 5138) and there is no fraction to lose.
fn small(instant: Timestamp) -> i64 {
    let seconds = instant.as_second();
    if instant.subsec_nanosecond() == 0 && !crate::authorization::is_milliseconds(seconds) {
        seconds
    } else {
        large(instant)
    }
}

/// A period: both numbers in milliseconds, as PG&E writes an authorization's, or both in seconds; in
/// any case so that a reader, who goes by their size, understands what was meant.
fn period<W: Write>(
    out: &mut Sink<W>,
    name: &str,
    period: Option<&Period>,
    milliseconds: bool,
) -> io::Result<()> {
    let Some(period) = period else {
        return Ok(());
    };
    let in_seconds = (period.start.map(Timestamp::as_second), period.duration);
    let in_milliseconds = (
        period.start.map(Timestamp::as_millisecond),
        period.duration.map(|seconds| seconds.saturating_mul(1000)),
    );
    let wishes = if milliseconds {
        [in_milliseconds, in_seconds]
    } else {
        [in_seconds, in_milliseconds]
    };
    let understood = |(start, duration): &(_, _)| Period::from_raw(*start, *duration) == *period;
    let (start, duration) = wishes.into_iter().find(understood).unwrap_or(in_seconds);
    out.element(name, |out| {
        out.number("duration", duration)?;
        out.number("start", start)
    })
}

fn application<W: Write>(out: &mut Sink<W>, found: &ApplicationInformation) -> io::Result<()> {
    out.string("dataCustodianId", found.data_custodian_id.as_ref())?;
    let status = found.data_custodian_application_status;
    out.number("dataCustodianApplicationStatus", status)?;
    out.string("thirdPartyNotifyUri", found.third_party_notify_uri.as_ref())?;
    let authorize = found.authorization_endpoint.as_ref();
    out.string("authorizationServerAuthorizationEndpoint", authorize)?;
    let token = found.token_endpoint.as_ref();
    out.string("authorizationServerTokenEndpoint", token)?;
    out.string(
        "dataCustodianBulkRequestURI",
        found.bulk_request_uri.as_ref(),
    )?;
    out.string(
        "dataCustodianResourceEndpoint",
        found.resource_endpoint.as_ref(),
    )?;
    out.string("client_name", found.client_name.as_ref())?;
    for uri in &found.redirect_uris {
        out.string("redirect_uri", Some(uri))?;
    }
    out.string("client_id", found.client_id.as_ref())?;
    for scope in &found.scopes {
        out.string("scope", Some(scope))?;
    }
    Ok(())
}

fn customer<W: Write>(out: &mut Sink<W>, found: &Customer) -> io::Result<()> {
    out.raw(r#"<Customer xmlns="http://naesb.org/espi/customer">"#)?;
    if let Some(name) = &found.name {
        out.raw("<name>")?;
        out.text(name)?;
        out.raw("</name>")?;
    }
    out.raw("</Customer>")
}
