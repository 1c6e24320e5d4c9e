//! SMART-METER-P1-RAW.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Origin;
use crate::TimeStyle;
use crate::meter::{Reading, Value};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    timestamp: Box<RawValue>,
    /// Only from 2026-02-13 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_id: Option<Uuid>,
    user_id: Uuid,
    data_source_id: Uuid,
    asset: &'a str,
    meter_id: Option<&'a str>,
    operator_id: Option<&'a str>,
    values: Vec<RecordValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordValue<'a> {
    raw_tag: &'a str,
    data_tag: &'a str,
    raw_value: &'a str,
    raw_unit_of_measurement: &'static str,
    value: &'a str,
    unit_of_measurement: &'static str,
}

impl<'a> From<&'a Value> for RecordValue<'a> {
    fn from(value: &'a Value) -> Self {
        Self {
            raw_tag: &value.tag,
            data_tag: &value.tag,
            raw_value: &value.number,
            raw_unit_of_measurement: value.unit,
            value: &value.number,
            unit_of_measurement: value.unit,
        }
    }
}

pub(super) fn write(origin: &Origin, reading: &Reading) -> serde_json::Result<Vec<u8>> {
    let values = reading.values(&origin.tags);
    serde_json::to_vec(&Record {
        timestamp: timestamp(origin.times, reading.at)?,
        permission_id: origin
            .generation
            .names_permission_in_raw()
            .then_some(origin.permission),
        user_id: origin.user,
        data_source_id: origin.source,
        asset: &origin.asset,
        meter_id: origin.meter.as_deref(),
        operator_id: None,
        values: values.iter().map(RecordValue::from).collect(),
    })
}

fn timestamp(style: TimeStyle, at: Timestamp) -> serde_json::Result<Box<RawValue>> {
    let text = match style {
        TimeStyle::Text => format!("\"{at:.3}\""),
        TimeStyle::EpochSeconds => {
            format!("{}.{:09}", at.as_second(), at.subsec_nanosecond())
        }
    };
    RawValue::from_string(text)
}
