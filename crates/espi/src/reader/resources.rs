//! The resources an entry's content may hold, other than blocks of readings. Numbers that do not
//! decide what a reading means are `None` where they cannot be understood.

use super::interval_block::interval_block;
use super::{ReadError, ReadErrorKind, described};
use crate::authorization::{Authorization, AuthorizationStatus, Period, timestamp_by_magnitude};
use crate::codes::ServiceKind;
use crate::local_time::{DstRule, LocalTimeParameters};
use crate::model::{
    ApplicationInformation, Content, Customer, LineItem, MeterReading, ReadingType,
    SummaryMeasurement, UsagePoint, UsageSummary,
};
use crate::xml::{Cursor, Ns};
use std::io::BufRead;

type Read<T> = Result<T, ReadError>;

/// The content element the cursor stands on: one resource, or several blocks of readings.
pub(super) fn content<R: BufRead>(cursor: &mut Cursor<R>, readings: &mut u64) -> Read<Content> {
    let mut content = Content::Empty;
    while let Some(ns) = cursor.child()? {
        if ns == Ns::Espi && cursor.name() == "IntervalBlock" {
            match &mut content {
                Content::IntervalBlocks(blocks) => blocks.push(interval_block(cursor, readings)?),
                Content::Empty => {
                    content = Content::IntervalBlocks(vec![interval_block(cursor, readings)?]);
                }
                other => return Err(several(cursor, ns, static_name(other))),
            }
        } else if matches!(content, Content::Empty) {
            content = resource(cursor, ns)?;
        } else {
            return Err(several(cursor, ns, static_name(&content)));
        }
    }
    Ok(content)
}

fn static_name(content: &Content) -> &'static str {
    match content {
        Content::IntervalBlocks(_) => "an IntervalBlock",
        _ => "another resource",
    }
}

fn several<R: BufRead>(cursor: &Cursor<R>, ns: Ns, first: &'static str) -> ReadError {
    let second = described(cursor, ns);
    cursor.error(ReadErrorKind::SeveralResources { first, second })
}

fn resource<R: BufRead>(cursor: &mut Cursor<R>, ns: Ns) -> Read<Content> {
    match (ns, cursor.name()) {
        (Ns::Espi, "UsagePoint") => usage_point(cursor).map(Content::UsagePoint),
        (Ns::Espi, "MeterReading") => {
            cursor.skip()?;
            Ok(Content::MeterReading(MeterReading))
        }
        (Ns::Espi, "ReadingType") => reading_type(cursor).map(Content::ReadingType),
        (Ns::Espi, "LocalTimeParameters") => {
            local_time_parameters(cursor).map(Content::LocalTimeParameters)
        }
        // Before ESPI 1.1 the summary had a longer name; its fields are the same.
        (Ns::Espi, "UsageSummary" | "ElectricPowerUsageSummary") => {
            usage_summary(cursor).map(Content::UsageSummary)
        }
        (Ns::Espi, "Authorization") => authorization(cursor).map(Content::Authorization),
        (Ns::Espi, "ApplicationInformation") => {
            application_information(cursor).map(Content::ApplicationInformation)
        }
        (ns, "IntervalBlock") => {
            let found = described(cursor, ns);
            let expected = crate::ESPI;
            Err(cursor.error(ReadErrorKind::WrongNamespace { found, expected }))
        }
        (Ns::Customer, "Customer") => customer(cursor).map(Content::Customer),
        (_, name) => {
            let name = name.to_owned();
            let namespace = match ns {
                Ns::Atom => crate::ATOM,
                Ns::Espi => crate::ESPI,
                Ns::Customer => crate::CUSTOMER,
                Ns::Foreign => cursor.foreign_namespace(),
            };
            let namespace = namespace.to_owned();
            cursor.skip()?;
            Ok(Content::Other { namespace, name })
        }
    }
}

/// Goes through the children of the current element that are in a namespace; what the closure
/// does not take (`false`) is passed over.
fn children<R: BufRead>(
    cursor: &mut Cursor<R>,
    namespace: Ns,
    mut take: impl FnMut(&mut Cursor<R>) -> Read<bool>,
) -> Read<()> {
    while let Some(ns) = cursor.child()? {
        if ns != namespace || !take(cursor)? {
            cursor.skip()?;
        }
    }
    Ok(())
}

fn usage_point<R: BufRead>(cursor: &mut Cursor<R>) -> Read<UsagePoint> {
    let mut point = UsagePoint::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "ServiceCategory" => children(cursor, Ns::Espi, |cursor| {
                let wanted = cursor.name() == "kind";
                if wanted {
                    point.service_kind = cursor.optional()?.map(ServiceKind::from_code);
                }
                Ok(wanted)
            })?,
            "ServiceDeliveryPoint" => children(cursor, Ns::Espi, |cursor| {
                match cursor.name() {
                    "name" => point.service_delivery_point = cursor.string()?,
                    "tariffProfile" => point.tariff_profile = cursor.string()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            "status" => point.status = cursor.optional()?,
            "roleFlags" => point.role_flags = cursor.string()?,
            "readCycle" => point.read_cycle = cursor.string()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(point)
}

fn reading_type<R: BufRead>(cursor: &mut Cursor<R>) -> Read<ReadingType> {
    let mut kind = ReadingType::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "accumulationBehaviour" => {
                kind.accumulation_behaviour = cursor.optional::<u16>()?.map(Into::into);
            }
            "commodity" => kind.commodity = cursor.optional::<u16>()?.map(Into::into),
            "consumptionTier" => kind.consumption_tier = cursor.optional()?,
            "currency" => kind.currency = cursor.optional()?,
            "dataQualifier" => kind.data_qualifier = cursor.optional()?,
            "defaultQuality" => kind.default_quality = cursor.optional()?,
            "flowDirection" => kind.flow_direction = cursor.optional::<u16>()?.map(Into::into),
            "intervalLength" => kind.interval_length = cursor.optional()?,
            "kind" => kind.kind = cursor.optional::<u16>()?.map(Into::into),
            "phase" => kind.phase = cursor.optional()?,
            "powerOfTenMultiplier" => kind.power_of_ten_multiplier = multiplier(cursor)?,
            "timeAttribute" => kind.time_attribute = cursor.optional()?,
            "tou" => kind.tou = cursor.optional()?,
            "uom" => kind.uom = cursor.optional::<u16>()?.map(Into::into),
            "cpp" => kind.cpp = cursor.optional()?,
            "measuringPeriod" => kind.measuring_period = cursor.optional()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(kind)
}

/// Empty means none; anything else must be a number, because every value hangs on it.
fn multiplier<R: BufRead>(cursor: &mut Cursor<R>) -> Read<Option<i8>> {
    cursor.integer_or_empty()
}

fn local_time_parameters<R: BufRead>(cursor: &mut Cursor<R>) -> Read<LocalTimeParameters> {
    let mut parameters = LocalTimeParameters::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "dstEndRule" => parameters.dst_end_rule = dst_rule(cursor)?,
            "dstOffset" => parameters.dst_offset = cursor.optional()?,
            "dstStartRule" => parameters.dst_start_rule = dst_rule(cursor)?,
            "tzOffset" => parameters.tz_offset = cursor.optional()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(parameters)
}

fn dst_rule<R: BufRead>(cursor: &mut Cursor<R>) -> Read<Option<DstRule>> {
    Ok(cursor.string()?.as_deref().and_then(DstRule::from_hex))
}

fn usage_summary<R: BufRead>(cursor: &mut Cursor<R>) -> Read<UsageSummary> {
    let mut summary = UsageSummary::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "billingPeriod" => summary.billing_period = Some(period(cursor)?),
            "billLastPeriod" => summary.bill_last_period = cursor.optional()?,
            "billToDate" => summary.bill_to_date = cursor.optional()?,
            "costAdditionalDetailLastPeriod" => {
                let line = line_item(cursor)?;
                summary.cost_additional_detail_last_period.push(line);
            }
            "currency" => summary.currency = cursor.optional()?,
            "overallConsumptionLastPeriod" => {
                summary.overall_consumption_last_period = Some(measurement(cursor)?);
            }
            "currentBillingPeriodOverAllConsumption" => {
                summary.current_billing_period_overall_consumption = Some(measurement(cursor)?);
            }
            "qualityOfReading" => summary.quality_of_reading = cursor.optional()?,
            "statusTimeStamp" => summary.status_time_stamp = moment(cursor)?,
            "commodity" => summary.commodity = cursor.optional::<u16>()?.map(Into::into),
            "tariffProfile" => summary.tariff_profile = cursor.string()?,
            "readCycle" => summary.read_cycle = cursor.string()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(summary)
}

fn line_item<R: BufRead>(cursor: &mut Cursor<R>) -> Read<LineItem> {
    let mut line = LineItem::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "amount" => line.amount = cursor.optional()?,
            "note" => line.note = cursor.string()?,
            "measurement" => line.measurement = Some(measurement(cursor)?),
            "itemKind" => line.item_kind = cursor.optional()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(line)
}

fn measurement<R: BufRead>(cursor: &mut Cursor<R>) -> Read<SummaryMeasurement> {
    let mut measured = SummaryMeasurement::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "powerOfTenMultiplier" => measured.power_of_ten_multiplier = cursor.optional()?,
            "timeStamp" => measured.time_stamp = moment(cursor)?,
            "uom" => measured.uom = cursor.optional::<u16>()?.map(Into::into),
            "value" => measured.value = cursor.optional()?,
            "readingTypeRef" => measured.reading_type_ref = cursor.string()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(measured)
}

/// Seconds or milliseconds since 1970.
fn moment<R: BufRead>(cursor: &mut Cursor<R>) -> Read<Option<jiff::Timestamp>> {
    Ok(cursor.optional()?.and_then(timestamp_by_magnitude))
}

fn period<R: BufRead>(cursor: &mut Cursor<R>) -> Read<Period> {
    let (mut start, mut duration) = (None, None);
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "start" => start = cursor.optional()?,
            "duration" => duration = cursor.optional()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Period::from_raw(start, duration))
}

fn authorization<R: BufRead>(cursor: &mut Cursor<R>) -> Read<Authorization> {
    let mut found = Authorization::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "authorizedPeriod" => found.authorized_period = Some(period(cursor)?),
            "publishedPeriod" => found.published_period = Some(period(cursor)?),
            "status" => found.status = cursor.optional()?.map(AuthorizationStatus::from_code),
            "expires_at" => found.expires_at = moment(cursor)?,
            "scope" => found.scope = cursor.string()?,
            "token_type" => found.token_type = cursor.string()?,
            "resourceURI" => found.resource_uri = cursor.string()?,
            "authorizationURI" => found.authorization_uri = cursor.string()?,
            "customerResourceURI" => found.customer_resource_uri = cursor.string()?,
            "error" => found.error = cursor.string()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

fn application_information<R: BufRead>(cursor: &mut Cursor<R>) -> Read<ApplicationInformation> {
    let mut found = ApplicationInformation::default();
    children(cursor, Ns::Espi, |cursor| {
        match cursor.name() {
            "dataCustodianId" => found.data_custodian_id = cursor.string()?,
            "dataCustodianApplicationStatus" => {
                found.data_custodian_application_status = cursor.optional()?;
            }
            "thirdPartyNotifyUri" => found.third_party_notify_uri = cursor.string()?,
            "authorizationServerAuthorizationEndpoint" => {
                found.authorization_endpoint = cursor.string()?;
            }
            "authorizationServerTokenEndpoint" => found.token_endpoint = cursor.string()?,
            "dataCustodianBulkRequestURI" => found.bulk_request_uri = cursor.string()?,
            "dataCustodianResourceEndpoint" => found.resource_endpoint = cursor.string()?,
            "client_id" => found.client_id = cursor.string()?,
            "client_name" => found.client_name = cursor.string()?,
            "redirect_uri" => found.redirect_uris.extend(cursor.string()?),
            "scope" => found.scopes.extend(cursor.string()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

fn customer<R: BufRead>(cursor: &mut Cursor<R>) -> Read<Customer> {
    let mut found = Customer::default();
    children(cursor, Ns::Customer, |cursor| {
        let wanted = cursor.name() == "name";
        if wanted {
            found.name = cursor.string()?;
        }
        Ok(wanted)
    })?;
    Ok(found)
}
