//! What homes send, in the words of each schema; and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "tests fail loudly"
)]

mod support;

use jiff::Timestamp;
use permission::message::{MessageError, Named, Reading, Record, StatusMessage};
use permission::{DataNeedId, PermissionId, Schema, Status};
use serde_json::{Value, json};
use support::{NEED, OTHER, PERMISSION, nested, permission, raw};

fn read(schema: Schema, payload: &Value) -> Result<Record, MessageError> {
    Record::parse(schema, payload.to_string().as_bytes())
}

/// Readings as lines: time, code, value, unit, quality.
fn lines(record: &Record) -> String {
    let line = |reading: &Reading| {
        let quality = reading.quality.as_deref().unwrap_or("-");
        let (at, value) = (reading.measured_at, reading.value);
        format!("{at} {} {value} {:?} {quality}", reading.obis, reading.unit)
    };
    record
        .readings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn named(permission: &str, connection: &str) -> Named {
    Named {
        permissions: vec![permission.parse().unwrap()],
        connection_id: Some(connection.to_owned()),
        data_need: Some(NEED.parse().unwrap()),
    }
}

#[test]
fn a_raw_record() {
    let record = read(
        Schema::SmartMeterP1Raw,
        &raw(&json!("2025-10-08T07:40:38.711Z")),
    )
    .unwrap();
    assert_eq!(record.sent_at, at("2025-10-08T07:40:38.711Z"));
    assert_eq!(record.named.permissions, [permission()]);
    assert_eq!(
        record.skipped, 2,
        "the meter's id, and a tag that is no OBIS code"
    );
    insta::assert_snapshot!(lines(&record), @r#"
    2025-10-08T07:40:38.711Z 1-0:1.7.0 995 "kW" -
    2025-10-08T07:40:38.711Z 1-0:1.8.0 12345678.901234567890 "kWh" -
    "#);
}

#[test]
fn a_raw_record_of_older_homes_names_no_permission() {
    let mut payload = raw(&json!("2025-10-08T07:40:38.711Z"));
    payload.as_object_mut().unwrap().remove("permissionId");
    let record = read(Schema::SmartMeterP1Raw, &payload).unwrap();
    assert_eq!(record.named, Named::default());
    assert_eq!(record.readings.len(), 2);
}

#[test]
fn a_value_that_is_a_text_by_its_nature_is_passed_over() {
    let one = |tag: &str, text: &str, unit: Value| {
        let payload = json!({"timestamp": 0, "values": [
            {"dataTag": tag, "value": text, "unitOfMeasurement": unit}
        ]});
        read(Schema::SmartMeterP1Raw, &payload)
            .map(|record| (record.readings.len(), record.skipped))
    };
    assert_eq!(one("0-0:96.1.0", "KFM-77", json!("none")), Ok((0, 1)));
    assert_eq!(one("0-0:1.0.0", "251008074038S", json!(null)), Ok((0, 1)));
    assert_eq!(one("1-0:13.7.0", "0.99", json!("none")), Ok((1, 0)));
    assert_eq!(one("1-0:13.7.0", "good", json!("none")), Ok((0, 1)));
    assert_eq!(
        one("1-0:1.7.0", "much", json!("kW")),
        Err(MessageError::Number("value"))
    );
    assert_eq!(
        one("1-0:1.7.0", "1", json!("k\u{0}W")),
        Err(MessageError::Text("unitOfMeasurement"))
    );
    assert_eq!(
        one("1-0:1.7.0", "1", json!("x".repeat(300))),
        Err(MessageError::Text("unitOfMeasurement"))
    );
}

#[test]
fn a_near_real_time_document_of_version_1_12() {
    let quantities: Vec<Value> = (0..=36)
        .map(|kind| json!({"quantity": 0.5, "type": kind.to_string(), "quality": "AS_PROVIDED"}))
        .collect();
    let mut document = nested(&json!(quantities));
    document["MarketDocument"]["TimeSeries"][0]["Quantity"][1] =
        json!({"quantity": 2, "type": 1, "quality": "A03"});
    document["MarketDocument"]["TimeSeries"][0]["Quantity"][2] =
        json!({"type": "2", "quality": "A02"});
    let record = read(Schema::SmartMeterP1CimV112, &document).unwrap();
    assert_eq!(record.sent_at, at("2026-06-03T10:00:01Z"));
    assert_eq!(record.named, named(PERMISSION, "customer-17"));
    assert_eq!(record.skipped, 1);
    insta::assert_snapshot!(lines(&record).replace("2026-06-03T10:00:00Z ", ""), @r#"
    1-0:1.8.0 0.5 "kWh" AS_PROVIDED
    1-0:2.8.0 2 "kWh" ESTIMATED
    1-0:2.7.0 0.5 "kW" AS_PROVIDED
    1-0:32.7.0 0.5 "V" AS_PROVIDED
    1-0:52.7.0 0.5 "V" AS_PROVIDED
    1-0:72.7.0 0.5 "V" AS_PROVIDED
    1-0:31.7.0 0.5 "A" AS_PROVIDED
    1-0:51.7.0 0.5 "A" AS_PROVIDED
    1-0:71.7.0 0.5 "A" AS_PROVIDED
    1-0:13.7.0 0.5 "" AS_PROVIDED
    1-0:21.8.0 0.5 "kWh" AS_PROVIDED
    1-0:41.8.0 0.5 "kWh" AS_PROVIDED
    1-0:61.8.0 0.5 "kWh" AS_PROVIDED
    1-0:22.8.0 0.5 "kWh" AS_PROVIDED
    1-0:42.8.0 0.5 "kWh" AS_PROVIDED
    1-0:62.8.0 0.5 "kWh" AS_PROVIDED
    1-0:21.7.0 0.5 "kW" AS_PROVIDED
    1-0:41.7.0 0.5 "kW" AS_PROVIDED
    1-0:61.7.0 0.5 "kW" AS_PROVIDED
    quantity:20 0.5 "" AS_PROVIDED
    quantity:21 0.5 "" AS_PROVIDED
    quantity:22 0.5 "" AS_PROVIDED
    quantity:23 0.5 "" AS_PROVIDED
    quantity:24 0.5 "" AS_PROVIDED
    quantity:25 0.5 "V" AS_PROVIDED
    quantity:26 0.5 "A" AS_PROVIDED
    quantity:27 0.5 "A" AS_PROVIDED
    quantity:28 0.5 "A" AS_PROVIDED
    quantity:29 0.5 "A" AS_PROVIDED
    quantity:30 0.5 "A" AS_PROVIDED
    quantity:31 0.5 "A" AS_PROVIDED
    quantity:32 0.5 "" AS_PROVIDED
    quantity:33 0.5 "" AS_PROVIDED
    quantity:34 0.5 "" AS_PROVIDED
    1-0:14.7.0 0.5 "Hz" AS_PROVIDED
    quantity:36 0.5 "" AS_PROVIDED
    "#);
}

#[test]
fn near_real_time_documents_of_version_1_04_in_both_spellings() {
    let quantity = json!([{"quantity": 25.10, "type": "0", "quality": "AS_PROVIDED"}]);
    let header = json!({
        "messageDocumentHeader.creationDateTime": "2025-12-01T09:44:00Z",
        "messageDocumentHeader.metaInformation.connectionId": "customer-17",
        "messageDocumentHeader.metaInformation.dataNeedId": NEED,
        "messageDocumentHeader.metaInformation.documentType": "near-real-time-market-document",
        "messageDocumentHeader.metaInformation.permissionId": PERMISSION,
        "messageDocumentHeader.metaInformation.region.connector": "aiida",
        "messageDocumentHeader.metaInformation.region.country": "NAT"
    });
    let market = [
        (
            "MarketDocument",
            json!({"mRID": OTHER, "TimeSeries": [
                {"version": "1.0", "dateAndOrTime.dateTime": "2025-12-01T09:43:59Z", "Quantity": quantity}
            ]}),
        ),
        (
            "marketDocument",
            json!({"mrid": OTHER, "timeSeries": [
                {"version": "1.0", "dateAndOrTimeDateTime": "2025-12-01T09:43:59Z", "quantities": quantity}
            ]}),
        ),
    ];
    for (key, market) in market {
        let mut document = header.clone();
        document[key] = market;
        let record = read(Schema::SmartMeterP1CimV104, &document).unwrap();
        assert_eq!(record.sent_at, at("2025-12-01T09:44:00Z"));
        assert_eq!(record.named, named(PERMISSION, "customer-17"));
        assert_eq!(
            lines(&record),
            r#"2025-12-01T09:43:59Z 1-0:1.8.0 25.1 "kWh" AS_PROVIDED"#
        );
        assert!(read(Schema::SmartMeterP1CimV112, &document).is_err());
    }
    assert!(read(Schema::SmartMeterP1CimV104, &nested(&json!([]))).is_err());
}

#[test]
fn acknowledgements_and_envelopes_have_names_and_a_time_but_no_readings() {
    let mut document = nested(&json!([]));
    document["MarketDocument"] = json!({"mRID": OTHER, "received_MarketDocument.mRID": NEED});
    for schema in [
        Schema::AcknowledgementCimV112,
        Schema::MinMaxEnvelopeCimV112,
    ] {
        let record = read(schema, &document).unwrap();
        assert_eq!(record.sent_at, at("2026-06-03T10:00:01Z"));
        assert_eq!(record.named, named(PERMISSION, "customer-17"));
        assert!(record.readings.is_empty());
        let timeless = json!({"MessageDocumentHeader": {}, "MarketDocument": {}});
        assert_eq!(read(schema, &timeless).unwrap().sent_at, None);
        for junk in [
            json!([]),
            json!({}),
            json!({"MessageDocumentHeader": {}}),
            json!({"MarketDocument": {}}),
        ] {
            assert!(read(schema, &junk).is_err(), "{junk}");
        }
    }
}

#[test]
fn opaque_payloads_are_taken_whatever_they_are() {
    let parse = |payload: &[u8]| Record::parse(Schema::Opaque, payload).unwrap();
    let nothing = parse(b"");
    assert_eq!((nothing.sent_at, nothing.named), (None, Named::default()));
    for payload in [
        &b"\xff\x00"[..],
        b"[1,2]",
        b"\"text\"",
        br#"{"permissionId":7}"#,
        br#"{"permissionId":"x"}"#,
    ] {
        assert_eq!(parse(payload).named, Named::default());
    }
    let both =
        json!({"permissionId": PERMISSION, "requestPermissionId": OTHER, "timestamp": {"x": 1}});
    let record = parse(both.to_string().as_bytes());
    let ids: [PermissionId; 2] = [permission(), OTHER.parse().unwrap()];
    assert_eq!(record.named.permissions, ids);
    let timed = parse(br#"{"timestamp":"2026-06-03T10:00:01Z","payload":"x"}"#);
    assert_eq!(timed.sent_at, at("2026-06-03T10:00:01Z"));
}

#[test]
fn a_payload_that_names_another_permission_contradicts_its_topic() {
    let need: DataNeedId = NEED.parse().unwrap();
    let check = |named: &Named| named.contradiction(permission(), need, "customer-17");
    assert_eq!(check(&Named::default()), None);
    assert_eq!(check(&named(PERMISSION, "customer-17")), None);
    assert_eq!(check(&named(OTHER, "customer-17")), Some("permissionId"));
    assert_eq!(
        check(&named(PERMISSION, "customer-18")),
        Some("connectionId")
    );
    let mut two = named(PERMISSION, "customer-17");
    two.permissions.push(OTHER.parse().unwrap());
    assert_eq!(check(&two), Some("permissionId"));
    two.permissions.pop();
    two.data_need = Some(OTHER.parse().unwrap());
    assert_eq!(check(&two), Some("dataNeedId"));
}

#[test]
fn status_messages() {
    let message = |status: &str| {
        let payload = json!({
            "connectionId": "customer-17", "dataNeedId": NEED, "timestamp": "2026-06-03T10:00:01Z",
            "status": status, "permissionId": PERMISSION, "eddieId": OTHER
        });
        StatusMessage::parse(payload.to_string().as_bytes())
    };
    let acted_on = [
        Status::Revoked,
        Status::ExternallyTerminated,
        Status::Fulfilled,
    ];
    for status in Status::ALL {
        let message = message(status.name()).unwrap();
        assert_eq!(message.status, status);
        assert_eq!(message.named, named(PERMISSION, "customer-17"));
        assert_eq!(message.at, at("2026-06-03T10:00:01Z"));
        assert_eq!(message.is_acted_on(), acted_on.contains(&status));
    }
    assert_eq!(message("Revoked"), Err(MessageError::Status));
    let parse = |text: &str| StatusMessage::parse(text.as_bytes());
    assert_eq!(parse("{}"), Err(MessageError::Missing("status")));
    assert!(matches!(parse(""), Err(MessageError::Json { .. })));
    let odd = parse(r#"{"status":"REVOKED","timestamp":"yesterday"}"#).unwrap();
    assert_eq!((odd.status, odd.at), (Status::Revoked, None));
    assert_eq!(
        parse(r#"{"status":"REVOKED","permissionId":"1"}"#),
        Err(MessageError::Id("permissionId"))
    );
}
