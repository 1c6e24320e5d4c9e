//! `SMART-METER-P1-RAW`: the meter's values, each a string under an OBIS code.

use jiff::Timestamp;
use serde::Deserialize;

use super::scalar::Scalar;
use super::{MAX_VALUES, MessageError, Named, Reading, Record};
use crate::json::Object;
use crate::obis::{self, ObisCode};

/// The payload. Homes before 2026-02-13 do not name the permission.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    permission_id: Scalar<'a>,
    #[serde(borrow, default)]
    connection_id: Scalar<'a>,
    #[serde(borrow, default)]
    data_need_id: Scalar<'a>,
    #[serde(borrow)]
    values: Option<Vec<Object<Entry<'a>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow, default)]
    raw_tag: Scalar<'a>,
    #[serde(borrow, default)]
    data_tag: Scalar<'a>,
    #[serde(borrow, default)]
    value: Scalar<'a>,
    #[serde(borrow, default)]
    unit_of_measurement: Scalar<'a>,
}

pub(super) fn parse(payload: &[u8]) -> Result<Record, MessageError> {
    let Object(payload): Object<Payload<'_>> = serde_json::from_slice(payload)?;
    let sent_at = payload
        .timestamp
        .time("timestamp")?
        .ok_or(MessageError::Missing("timestamp"))?;
    let values = payload.values.ok_or(MessageError::Missing("values"))?;
    if values.len() > MAX_VALUES {
        return Err(MessageError::Values);
    }
    let total = values.len();
    let mut readings = Vec::with_capacity(total);
    for Object(entry) in &values {
        readings.extend(reading(entry, sent_at)?);
    }
    let connection = payload.connection_id.text("connectionId")?;
    Ok(Record {
        sent_at: Some(sent_at),
        named: Named {
            permissions: payload
                .permission_id
                .permission("permissionId")?
                .into_iter()
                .collect(),
            connection_id: connection.map(Into::into),
            data_need: payload.data_need_id.data_need("dataNeedId")?,
        },
        skipped: total - readings.len(),
        readings,
    })
}

/// The reading in a value. None when it is a text, is not there, or stands under no OBIS code.
fn reading(entry: &Entry<'_>, measured_at: Timestamp) -> Result<Option<Reading>, MessageError> {
    let unit = entry.unit_of_measurement.text("unitOfMeasurement")?;
    let unit = unit.unwrap_or_default();
    if entry.value.is_none() {
        return Ok(None);
    }
    let Some(obis) = tag(entry)? else {
        return Ok(None);
    };
    let number = match entry.value.decimal("value") {
        Ok(Some(number)) if !obis::is_textual(obis.as_str()) => number,
        // A serial number of digits is an id all the same.
        Ok(_) => return Ok(None),
        Err(_) if obis::is_textual(obis.as_str()) || is_no_unit(&unit) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Reading {
        measured_at,
        obis: obis.as_str().to_owned(),
        value: number,
        unit: unit.into_owned(),
        quality: None,
    }))
}

/// The OBIS code: that of the home, or the meter's own where the home has no word for it.
fn tag(entry: &Entry<'_>) -> Result<Option<ObisCode>, MessageError> {
    for (scalar, field) in [(entry.data_tag, "dataTag"), (entry.raw_tag, "rawTag")] {
        if let Some(code) = scalar.text(field)?.and_then(|text| text.parse().ok()) {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

/// How homes mark a value that is no measurement.
fn is_no_unit(unit: &str) -> bool {
    matches!(unit.to_ascii_lowercase().as_str(), "" | "none" | "unknown")
}
