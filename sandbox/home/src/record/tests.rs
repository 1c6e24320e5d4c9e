//! Payloads against the shapes of the published facts.

use serde_json::{Value, json};

use super::*;
use crate::meter::Meter;

const AT: &str = "2026-06-02T10:00:00.711Z";

fn origin(generation: Generation) -> Origin {
    Origin {
        generation,
        times: TimeStyle::Text,
        permission: Uuid::from_u128(2),
        connection: "flat 7".to_owned(),
        data_need: Uuid::from_u128(4),
        aiida: Uuid::from_u128(5),
        user: Uuid::from_u128(6),
        source: Uuid::from_u128(7),
        asset: "SUBMETER".to_owned(),
        meter: Some("meter 1".to_owned()),
        tags: ["1-0:1.8.0", "1-0:1.7.0", "1-0:21.7.0"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn reading() -> Reading {
    Meter::new(1).read(AT.parse().unwrap())
}

fn written(schema: Schema, origin: &Origin) -> Value {
    let payload = write(schema, origin, &reading(), Uuid::from_u128(9)).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

#[test]
fn raw_records_carry_text_and_name_the_permission_only_later() {
    let record = written(Schema::Raw, &origin(Generation::February2026));
    let values = reading().values(&origin(Generation::February2026).tags);
    assert_eq!(record["timestamp"], AT);
    assert_eq!(record["permissionId"], id(2));
    assert_eq!(record["values"].as_array().unwrap().len(), 3);
    assert_eq!(
        record["values"][1],
        json!({
            "rawTag": "1-0:1.7.0", "dataTag": "1-0:1.7.0",
            "rawValue": values[1].number, "rawUnitOfMeasurement": "kW",
            "value": values[1].number, "unitOfMeasurement": "kW"
        })
    );
    let old = written(Schema::Raw, &origin(Generation::November2025));
    assert_eq!(
        keys(&old),
        [
            "asset",
            "dataSourceId",
            "meterId",
            "operatorId",
            "timestamp",
            "userId",
            "values"
        ]
    );
}

#[test]
fn raw_times_may_be_seconds() {
    let mut origin = origin(Generation::June2026);
    origin.times = TimeStyle::EpochSeconds;
    let payload = write(Schema::Raw, &origin, &reading(), Uuid::nil()).unwrap();
    let text = String::from_utf8(payload).unwrap();
    assert!(
        text.starts_with("{\"timestamp\":1780394400.711000000,"),
        "{text}"
    );
}

#[test]
fn unknown_tags_leave_the_values_empty() {
    let mut origin = origin(Generation::June2026);
    origin.tags = vec!["1-0:99.99.9".to_owned()];
    assert_eq!(written(Schema::Raw, &origin)["values"], json!([]));
}

#[test]
fn cim_1_04_is_flat_and_cut_to_seconds() {
    for schema in [Schema::Cim, Schema::CimV104] {
        let document = written(schema, &origin(Generation::November2025));
        let prefix = "messageDocumentHeader.metaInformation";
        assert_eq!(document[format!("{prefix}.permissionId")], id(2));
        assert_eq!(document[format!("{prefix}.region.connector")], "aiida");
        assert_eq!(
            document["messageDocumentHeader.creationDateTime"],
            "2026-06-02T10:00:00Z"
        );
        let series = &document["MarketDocument"]["TimeSeries"][0];
        assert_eq!(series["dateAndOrTime.dateTime"], "2026-06-02T10:00:00Z");
        let types: Vec<&Value> = series["Quantity"]
            .as_array()
            .unwrap()
            .iter()
            .map(|quantity| &quantity["type"])
            .collect();
        assert_eq!(types, ["0", "2"], "no type for the power of one phase");
    }
}

#[test]
fn cim_1_12_is_nested_and_writes_every_digit() {
    let origin = origin(Generation::June2026);
    let payload = write(Schema::CimV112, &origin, &reading(), Uuid::from_u128(9)).unwrap();
    let counter = &reading().values(&origin.tags)[0].number;
    let text = String::from_utf8(payload).unwrap();
    assert!(
        text.contains(&format!(
            "{{\"quantity\":{counter},\"type\":\"0\",\"quality\":\"AS_PROVIDED\"}}"
        )),
        "{text}"
    );
    let document: Value = serde_json::from_str(&text).unwrap();
    let meta = &document["MessageDocumentHeader"]["MetaInformation"];
    assert_eq!(
        keys(meta),
        [
            "Asset",
            "connectionId",
            "dataNeedId",
            "dataSourceId",
            "documentType",
            "finalCustomerId",
            "regionConnector",
            "regionCountry",
            "requestPermissionId"
        ]
    );
    assert_eq!(
        meta["Asset"],
        json!({"type": "SUBMETER", "operatorId": null, "meterId": "meter 1"})
    );
    let series = &document["MarketDocument"]["TimeSeries"][0];
    assert_eq!(series["Quantity"][2]["type"], "17");
    assert_eq!(
        series["registeredResource.mRID"],
        json!({"value": id(7), "codingScheme": "NAT"})
    );
}

#[test]
fn envelopes_are_acknowledged_with_what_they_were() {
    let origin = origin(Generation::June2026);
    let now = AT.parse().unwrap();
    let envelope = written(Schema::MinMaxEnvelope, &origin).to_string();
    let answer = acknowledge(
        Schema::MinMaxEnvelope,
        &origin,
        envelope.as_bytes(),
        now,
        Uuid::from_u128(10),
    );
    let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
    assert_eq!(
        answer["MarketDocument"]["received_MarketDocument.mRID"],
        id(9)
    );
    assert_eq!(answer["MarketDocument"]["Reason"], json!([{"code": "A01"}]));
    assert_eq!(
        answer["MessageDocumentHeader"]["MetaInformation"]["requestPermissionId"],
        id(2)
    );
    let opaque = written(Schema::Opaque, &origin).to_string();
    let answer = acknowledge(
        Schema::Opaque,
        &origin,
        opaque.as_bytes(),
        now,
        Uuid::from_u128(10),
    );
    let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
    assert_eq!(
        answer["MarketDocument"]["received_MarketDocument.mRID"],
        id(9)
    );
    let none = acknowledge(Schema::Opaque, &origin, b"not json", now, Uuid::nil());
    assert_eq!(none, None);
}
