//! What holds of every record that a home sends, whatever its schema.

use std::collections::VecDeque;

use permission::message::{MAX_PAYLOAD, MAX_VALUES, MessageError, Record};
use permission::{ObisCode, Schema};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exact::Exact;

/// Reads a payload and checks what came of it.
pub fn check(schema: Schema, payload: &[u8]) -> Option<Record> {
    let read = Record::parse(schema, payload);
    // White space around JSON means nothing.
    let mut spaced = b" \n\t".to_vec();
    spaced.extend_from_slice(payload);
    spaced.push(b'\r');
    if spaced.len() <= MAX_PAYLOAD {
        let again = Record::parse(schema, &spaced);
        assert_eq!(again.is_ok(), read.is_ok());
        if read.is_ok() {
            assert_eq!(again, read);
        }
    }
    match read {
        Ok(record) => {
            check_record(&record);
            Some(record)
        }
        Err(error) => {
            assert!(
                schema != Schema::Opaque || payload.len() > MAX_PAYLOAD,
                "{error}"
            );
            check_error(&error, payload);
            None
        }
    }
}

/// An error says where, in few words, and nothing of the payload.
pub fn check_error(error: &MessageError, payload: &[u8]) {
    assert!(!error.reason().is_empty());
    assert!(error.to_string().len() < 120, "{error}");
    if let MessageError::Json { line, column, .. } = error {
        let lines = payload.split(|byte| *byte == b'\n').count();
        assert!(*line <= lines && *column <= payload.len() + 1, "{error}");
    }
}

fn check_record(record: &Record) {
    assert!(record.readings.len() <= MAX_VALUES);
    assert!(record.named.permissions.len() <= 2);
    for reading in &record.readings {
        let code = reading.obis.strip_prefix("quantity:");
        let known = code.is_some_and(|code| code.parse::<u16>().is_ok());
        assert!(
            known || reading.obis.parse::<ObisCode>().is_ok(),
            "{}",
            reading.obis
        );
        for text in [Some(&reading.unit), reading.quality.as_ref()]
            .into_iter()
            .flatten()
        {
            assert!(
                text.len() <= 256 && !text.contains(char::is_control),
                "{text:?}"
            );
        }
    }
    let connection = record.named.connection_id.as_deref().unwrap_or_default();
    assert!(connection.len() <= 256 && !connection.contains(char::is_control));
}

/// Every value of the record stands in the payload, in this order, to the last digit.
pub fn check_values(record: &Record, written: &[&RawValue]) {
    assert!(record.readings.len() + record.skipped == written.len());
    let mut written: VecDeque<Exact> = written.iter().filter_map(|raw| number(raw)).collect();
    for reading in &record.readings {
        let value = Exact::read(&reading.value.to_string());
        let value = value.expect("a decimal is a number");
        while written.pop_front().expect("a value that was not sent") != value {}
    }
}

/// The number in a JSON number, or in a JSON string.
fn number(raw: &RawValue) -> Option<Exact> {
    match serde_json::from_str::<String>(raw.get()) {
        Ok(text) => Exact::read(&text),
        Err(_) => Exact::read(raw.get()),
    }
}

/// `values[].value` of a raw record, null where it is missing.
pub fn raw_values(payload: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        values: Vec<Value<'a>>,
    }
    #[derive(Deserialize)]
    struct Value<'a> {
        #[serde(borrow, default = "null")]
        value: &'a RawValue,
    }
    let raw: Raw<'_> = serde_json::from_slice(payload).ok()?;
    Some(raw.values.into_iter().map(|it| it.value).collect())
}

/// `…TimeSeries[].Quantity[].quantity` of a CIM document of either version, null where it is missing.
pub fn cim_values(payload: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Cim<'a> {
        #[serde(borrow, rename = "MarketDocument", alias = "marketDocument")]
        market: Market<'a>,
    }
    #[derive(Deserialize)]
    struct Market<'a> {
        #[serde(borrow, rename = "TimeSeries", alias = "timeSeries")]
        series: Option<Vec<Series<'a>>>,
    }
    #[derive(Deserialize)]
    struct Series<'a> {
        #[serde(borrow, rename = "Quantity", alias = "quantities")]
        quantities: Option<Vec<Quantity<'a>>>,
    }
    #[derive(Deserialize)]
    struct Quantity<'a> {
        #[serde(borrow, default = "null")]
        quantity: &'a RawValue,
    }
    let cim: Cim<'_> = serde_json::from_slice(payload).ok()?;
    let series = cim.market.series.unwrap_or_default().into_iter();
    let amounts = series.flat_map(|series| series.quantities.unwrap_or_default());
    Some(amounts.map(|amount| amount.quantity).collect())
}

fn null() -> &'static RawValue {
    serde_json::from_str("null").expect("null is JSON")
}
