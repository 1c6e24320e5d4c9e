//! What a home sends through the broker, and what it is sent: records of every schema, statuses, commands.

use std::collections::VecDeque;

use permission::message::{MAX_PAYLOAD, MAX_VALUES, MessageError, Record, StatusMessage};
use permission::{Command, CommandKind, ObisCode, PermissionId, Schema, Status};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::exact::Exact;

/// A record of each schema: the readings are those of the payload, where the schema has any.
pub fn check_records(payload: &[u8]) {
    for schema in Schema::ALL {
        let Some(record) = read(schema, payload) else {
            continue;
        };
        let written = match schema {
            Schema::SmartMeterP1Raw => raw_values(payload),
            Schema::SmartMeterP1CimV104 | Schema::SmartMeterP1CimV112 => cim_values(payload),
            Schema::MinMaxEnvelopeCimV112 | Schema::Opaque | Schema::AcknowledgementCimV112 => {
                assert!(record.readings.is_empty() && record.skipped == 0);
                continue;
            }
        };
        assert!(record.sent_at.is_some());
        if let Some(written) = written {
            check_values(&record, &written);
        }
    }
}

/// What a home says about a permission.
pub fn check_status(bytes: &[u8]) {
    match StatusMessage::parse(bytes) {
        Ok(message) => {
            assert!(message.named.permissions.len() <= 1);
            let acted_on = [
                Status::Revoked,
                Status::ExternallyTerminated,
                Status::Fulfilled,
            ];
            assert_eq!(message.is_acted_on(), acted_on.contains(&message.status));
            let mut spaced = bytes.to_vec();
            spaced.push(b'\n');
            if let Ok(again) = StatusMessage::parse(&spaced) {
                assert_eq!(again, message);
            }
        }
        Err(error) => check_error(&error, bytes),
    }
}

/// A command for a home, from the API or as it is on the wire.
pub fn check_command(bytes: &[u8]) {
    let Ok(command) = Command::parse(bytes) else {
        return;
    };
    let permission: PermissionId = "0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2".parse().unwrap();
    let payload = command.payload(permission);
    assert_eq!(Command::parse(&payload).unwrap(), command);
    let wire: Value = serde_json::from_slice(&payload).unwrap();
    let keys = match command.kind() {
        CommandKind::Terminate => 3,
        CommandKind::UpdateTransmissionSchedule | CommandKind::SetTransmissionEnabled => 4,
    };
    assert_eq!(wire.as_object().unwrap().len(), keys);
    assert_eq!(wire["permissionId"], permission.to_string());
    assert_eq!(wire["action"], command.name());
}

/// Reads a payload and checks what came of it, whatever its schema.
fn read(schema: Schema, payload: &[u8]) -> Option<Record> {
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
fn check_error(error: &MessageError, payload: &[u8]) {
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
fn check_values(record: &Record, written: &[&RawValue]) {
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
fn raw_values(payload: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        values: Vec<Amount<'a>>,
    }
    #[derive(Deserialize)]
    struct Amount<'a> {
        #[serde(borrow, default = "null")]
        value: &'a RawValue,
    }
    let raw: Raw<'_> = serde_json::from_slice(payload).ok()?;
    Some(raw.values.into_iter().map(|it| it.value).collect())
}

/// `…TimeSeries[].Quantity[].quantity` of a CIM document of either version, null where it is missing.
fn cim_values(payload: &[u8]) -> Option<Vec<&RawValue>> {
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
