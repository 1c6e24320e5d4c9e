//! CIM documents: near-real-time market documents of v1.12 (nested) and v1.04 (flat header), and the headers of
//! acknowledgements and min-max envelopes.

use serde::Deserialize;

use super::scalar::Scalar;
use super::{MAX_VALUES, MessageError, Named, Reading, Record};
use crate::json::Object;
use crate::quantity;

/// A document of v1.12.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Nested<'a, D> {
    #[serde(borrow)]
    message_document_header: Option<Object<Header<'a>>>,
    market_document: Option<Object<D>>,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow, default, rename = "creationDateTime")]
    creation_date_time: Scalar<'a>,
    #[serde(borrow, rename = "MetaInformation")]
    meta_information: Option<Object<Meta<'a>>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "connectionId")]
    connection: Scalar<'a>,
    #[serde(borrow, default, rename = "requestPermissionId")]
    requested: Scalar<'a>,
    #[serde(borrow, default, rename = "permissionId")]
    permission: Scalar<'a>,
    #[serde(borrow, default, rename = "dataNeedId")]
    data_need: Scalar<'a>,
}

/// A document of v1.04. Its generator wrote the inner names in two spellings over time.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow, default, rename = "messageDocumentHeader.creationDateTime")]
    creation_date_time: Scalar<'a>,
    #[serde(
        borrow,
        default,
        rename = "messageDocumentHeader.metaInformation.connectionId"
    )]
    connection_id: Scalar<'a>,
    #[serde(
        borrow,
        default,
        rename = "messageDocumentHeader.metaInformation.permissionId"
    )]
    permission_id: Scalar<'a>,
    #[serde(
        borrow,
        default,
        rename = "messageDocumentHeader.metaInformation.dataNeedId"
    )]
    data_need_id: Scalar<'a>,
    #[serde(borrow, rename = "MarketDocument", alias = "marketDocument")]
    market_document: Option<Object<Market<'a>>>,
}

#[derive(Deserialize)]
struct Market<'a> {
    #[serde(borrow, rename = "TimeSeries", alias = "timeSeries")]
    time_series: Option<Vec<Object<TimeSeries<'a>>>>,
}

#[derive(Deserialize)]
struct TimeSeries<'a> {
    #[serde(
        borrow,
        default,
        rename = "dateAndOrTime.dateTime",
        alias = "dateAndOrTimeDateTime"
    )]
    time: Scalar<'a>,
    #[serde(borrow, rename = "Quantity", alias = "quantities")]
    quantities: Option<Vec<Object<Amount<'a>>>>,
}

#[derive(Deserialize)]
struct Amount<'a> {
    #[serde(borrow, default, rename = "quantity")]
    value: Scalar<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    quality: Scalar<'a>,
}

/// What is in it is of no interest.
#[derive(Deserialize)]
struct Anything {}

/// v1.12.
pub(super) fn nested(payload: &[u8]) -> Result<Record, MessageError> {
    let Object(document): Object<Nested<'_, Market<'_>>> = serde_json::from_slice(payload)?;
    let mut record = record(document.message_document_header)?;
    let Object(market) = document
        .market_document
        .ok_or(MessageError::Missing("MarketDocument"))?;
    series(market, &mut record)?;
    Ok(record)
}

/// v1.04.
pub(super) fn flat(payload: &[u8]) -> Result<Record, MessageError> {
    let Object(document): Object<Flat<'_>> = serde_json::from_slice(payload)?;
    // A document of v1.12 on this topic would name its permission where nobody looks.
    if document.creation_date_time.is_none() {
        return Err(MessageError::Missing(
            "messageDocumentHeader.creationDateTime",
        ));
    }
    let meta = Meta {
        connection: document.connection_id,
        requested: Scalar::default(),
        permission: document.permission_id,
        data_need: document.data_need_id,
    };
    let mut record = record(Some(Object(Header {
        creation_date_time: document.creation_date_time,
        meta_information: Some(Object(meta)),
    })))?;
    let Object(market) = document
        .market_document
        .ok_or(MessageError::Missing("MarketDocument"))?;
    series(market, &mut record)?;
    Ok(record)
}

/// Acknowledgements and min-max envelopes: no readings.
pub(super) fn header_only(payload: &[u8]) -> Result<Record, MessageError> {
    let Object(document): Object<Nested<'_, Anything>> = serde_json::from_slice(payload)?;
    let record = record(document.message_document_header)?;
    match document.market_document {
        Some(Object(Anything {})) => Ok(record),
        None => Err(MessageError::Missing("MarketDocument")),
    }
}

fn record(header: Option<Object<Header<'_>>>) -> Result<Record, MessageError> {
    let Object(header) = header.ok_or(MessageError::Missing("MessageDocumentHeader"))?;
    let meta = header.meta_information.as_ref();
    let named = meta.map(|Object(meta)| named(meta)).transpose()?;
    Ok(Record {
        sent_at: header.creation_date_time.time("creationDateTime")?,
        named: named.unwrap_or_default(),
        readings: Vec::new(),
        skipped: 0,
    })
}

fn named(meta: &Meta<'_>) -> Result<Named, MessageError> {
    let ids = [
        meta.requested.permission("requestPermissionId")?,
        meta.permission.permission("permissionId")?,
    ];
    let connection = meta.connection.text("connectionId")?;
    Ok(Named {
        permissions: ids.into_iter().flatten().collect(),
        connection_id: connection.map(Into::into),
        data_need: meta.data_need.data_need("dataNeedId")?,
    })
}

/// Reads the values into the record; its time is that of the first series where the header has none.
fn series(market: Market<'_>, record: &mut Record) -> Result<(), MessageError> {
    let all = market.time_series.unwrap_or_default();
    let total: usize = all
        .iter()
        .map(|Object(series)| series.quantities.as_ref().map_or(0, Vec::len))
        .sum();
    if total > MAX_VALUES || all.len() > MAX_VALUES {
        return Err(MessageError::Values);
    }
    for Object(series) in all {
        let field = "dateAndOrTime.dateTime";
        let measured_at = series
            .time
            .time(field)?
            .ok_or(MessageError::Missing(field))?;
        record.sent_at.get_or_insert(measured_at);
        for Object(amount) in series.quantities.unwrap_or_default() {
            let Some(value) = amount.value.decimal("quantity")? else {
                record.skipped += 1;
                continue;
            };
            let kind = amount.kind.text("type")?;
            let kind = kind.ok_or(MessageError::Missing("type"))?;
            let kind = quantity::of_type(&kind).ok_or(MessageError::Number("type"))?;
            let quality = amount.quality.text("quality")?;
            record.readings.push(Reading {
                measured_at,
                obis: kind.obis,
                value,
                unit: kind.unit.to_owned(),
                quality: quality.map(|word| quantity::quality(&word).to_owned()),
            });
        }
    }
    record
        .sent_at
        .map(|_| ())
        .ok_or(MessageError::Missing("creationDateTime"))
}
