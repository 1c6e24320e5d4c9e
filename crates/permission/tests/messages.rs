//! What homes send, in the words of each schema; and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod support;

use jiff::Timestamp;
use permission::message::{MAX_PAYLOAD, MAX_VALUES, MessageError, Named, Record, StatusMessage};
use permission::{DataNeedId, PermissionId, Schema, Status};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::{NEED, OTHER, PERMISSION, permission};

fn read(schema: Schema, payload: &Value) -> Result<Record, MessageError> {
    Record::parse(schema, payload.to_string().as_bytes())
}

/// Readings as lines: time, code, value, unit, quality.
fn lines(record: &Record) -> String {
    let line = |reading: &permission::message::Reading| {
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

fn raw(timestamp: &Value) -> Value {
    json!({
        "timestamp": timestamp,
        "permissionId": PERMISSION,
        "userId": OTHER,
        "dataSourceId": NEED,
        "asset": "CONNECTION-AGREEMENT-POINT",
        "meterId": null,
        "operatorId": null,
        "values": [
            value("1-0:1.7.0", &json!("995"), "kW"),
            value("1-0:1.8.0", &json!("12345678.901234567890"), "kWh"),
            value("0-0:96.1.0", &json!("90296857"), "none"),
            value("UNKNOWN", &json!("3"), "unknown"),
        ]
    })
}

fn value(tag: &str, value: &Value, unit: &str) -> Value {
    json!({
        "rawTag": "meter's own", "dataTag": tag, "rawValue": value, "rawUnitOfMeasurement": unit,
        "value": value, "unitOfMeasurement": unit
    })
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
fn times_in_every_spelling() {
    let parse = |json: &str| {
        let payload = format!(r#"{{"timestamp":{json},"values":[]}}"#);
        Record::parse(Schema::SmartMeterP1Raw, payload.as_bytes()).map(|record| record.sent_at)
    };
    let expected = Ok(at("2025-10-08T07:40:38.711Z"));
    for json in [
        r#""2025-10-08T07:40:38.711Z""#,
        r#""2025-10-08T09:40:38.711+02:00""#,
        r#""2025-10-08T09:40:38.711+02:00[Europe/Vienna]""#,
        "1759909238.711",
        "1759909238.711000000",
        "1.759909238711E9",
        r#""1759909238.711""#,
    ] {
        assert_eq!(parse(json), expected, "{json}");
    }
    assert_eq!(parse("0"), Ok(at("1970-01-01T00:00:00Z")));
    assert_eq!(parse("-1.5"), Ok(at("1969-12-31T23:59:58.5Z")));
    assert_eq!(
        parse(r#""2025-10-08T07:40Z""#),
        Ok(at("2025-10-08T07:40:00Z"))
    );
    // Milliseconds are no seconds: the year would be 57,741.
    for json in [
        "1759909238711",
        r#""""#,
        r#""now""#,
        "true",
        "{}",
        "[]",
        "1e40",
        r#""2025-10-08T07:40:38""#,
    ] {
        assert_eq!(parse(json), Err(MessageError::Time("timestamp")), "{json}");
    }
    assert_eq!(parse("null"), Err(MessageError::Missing("timestamp")));
}

#[test]
fn numbers_are_kept_to_the_last_digit_or_refused() {
    let parse = |json: &str| {
        let payload = format!(
            r#"{{"timestamp":0,"values":[{{"dataTag":"1-0:1.8.0","value":{json},"unitOfMeasurement":"kWh"}}]}}"#
        );
        let record = Record::parse(Schema::SmartMeterP1Raw, payload.as_bytes())?;
        Ok::<_, MessageError>(record.readings[0].value.to_string())
    };
    let exact = [
        (r#""0.1""#, "0.1"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740993", "9007199254740993"),
        (r#""-12.50""#, "-12.50"),
        ("1.5E3", "1500"),
        ("1.5e-3", "0.0015"),
        ("15e-1", "1.5"),
        ("0e9", "0"),
        (
            "79228162514264337593543950335",
            "79228162514264337593543950335",
        ),
    ];
    for (json, text) in exact {
        assert_eq!(parse(json).as_deref(), Ok(text), "{json}");
    }
    for json in [
        "79228162514264337593543950336",
        "0.12345678901234567890123456789",
        "1e29",
        "1e-29",
        "1e999999999999",
        r#""1_000""#,
        r#""+1""#,
        r#""0,5""#,
        r#""NaN""#,
        r#"" 1""#,
        r#"".5""#,
        r#""5.""#,
        r#""1e""#,
        "true",
        "{}",
    ] {
        assert_eq!(parse(json), Err(MessageError::Number("value")), "{json}");
    }
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

fn nested(quantities: &Value) -> Value {
    json!({
        "MessageDocumentHeader": {
            "creationDateTime": "2026-06-03T10:00:01Z",
            "MetaInformation": {
                "connectionId": "customer-17", "requestPermissionId": PERMISSION, "dataNeedId": NEED,
                "documentType": "near-real-time-market-document", "finalCustomerId": OTHER,
                "dataSourceId": OTHER, "regionConnector": "aiida", "regionCountry": "AT",
                "Asset": {"type": "CONNECTION-AGREEMENT-POINT", "operatorId": null, "meterId": "1"}
            }
        },
        "MarketDocument": {
            "mRID": OTHER, "createdDateTime": "2026-06-03T10:00:01Z",
            "TimeSeries": [{
                "version": "1.0", "dateAndOrTime.dateTime": "2026-06-03T10:00:00Z",
                "Quantity": quantities,
                "registeredResource.mRID": {"value": OTHER, "codingScheme": "NAT"}
            }]
        }
    })
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

#[test]
fn bounds() {
    let large = vec![b' '; MAX_PAYLOAD + 1];
    for schema in Schema::ALL {
        assert_eq!(Record::parse(schema, &large), Err(MessageError::Large));
    }
    assert_eq!(StatusMessage::parse(&large), Err(MessageError::Large));
    let many = json!({"timestamp": 0, "values": vec![json!({}); MAX_VALUES + 1]});
    assert_eq!(
        read(Schema::SmartMeterP1Raw, &many),
        Err(MessageError::Values)
    );
    let many = nested(&json!(vec![
        json!({"quantity": 1, "type": "0"});
        MAX_VALUES + 1
    ]));
    assert_eq!(
        read(Schema::SmartMeterP1CimV112, &many),
        Err(MessageError::Values)
    );
    // Deep, under a key that is passed over, under one that is not, and alone.
    let deep = "[".repeat(100_000);
    for payload in [
        deep.clone(),
        format!(r#"{{"x":{deep}"#),
        format!(r#"{{"timestamp":{deep}"#),
        format!(r#"{{"status":{deep}"#),
        format!(r#"{{"values":{deep}"#),
        format!(r#"{{"MessageDocumentHeader":{deep}"#),
    ] {
        for schema in Schema::ALL {
            let refused = Record::parse(schema, payload.as_bytes()).is_err();
            assert!(refused || schema == Schema::Opaque);
        }
        assert!(StatusMessage::parse(payload.as_bytes()).is_err());
    }
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let payload = format!(
        r#"{{"timestamp":0,"permissionId":"{PERMISSION}","permissionId":"{OTHER}","values":[]}}"#
    );
    assert!(matches!(
        Record::parse(Schema::SmartMeterP1Raw, payload.as_bytes()),
        Err(MessageError::Json { what: "form", .. })
    ));
}

#[test]
fn errors_keep_nothing_of_the_payload() {
    let secret = "AT0031000SECRET";
    for payload in [
        json!({"timestamp": secret, "values": []}),
        json!({"timestamp": 0, "permissionId": secret, "values": []}),
        json!({"timestamp": 0, "values": secret}),
        json!({"timestamp": 0, "values": [value("1-0:1.8.0", &json!(secret), "kWh")]}),
        json!({"status": secret}),
        json!(secret),
    ] {
        let error = read(Schema::SmartMeterP1Raw, &payload).unwrap_err();
        let status = StatusMessage::parse(payload.to_string().as_bytes()).unwrap_err();
        for error in [error, status] {
            assert!(
                !format!("{error} {error:?}").contains("SECRET"),
                "{error:?}"
            );
            assert!(!error.reason().is_empty());
        }
    }
}

proptest! {
    #[test]
    fn numbers_come_out_as_they_went_in(mantissa in any::<i64>(), scale in 0_u32..=28, exponent in -9_i32..9) {
        let number = Decimal::from_i128_with_scale(i128::from(mantissa), scale);
        let text = format!("{number}e{exponent}");
        let payload = format!(r#"{{"timestamp":0,"values":[{{"dataTag":"1-0:1.8.0","value":{text},"unitOfMeasurement":"kWh"}}]}}"#);
        if let Ok(record) = Record::parse(Schema::SmartMeterP1Raw, payload.as_bytes()) {
            let mut power = Decimal::ONE;
            for _ in 0..exponent.unsigned_abs() {
                power *= Decimal::TEN;
            }
            let value = record.readings[0].value;
            let (left, right) = if exponent < 0 {
                (value.checked_mul(power), Some(number))
            } else {
                (Some(value), number.checked_mul(power))
            };
            prop_assert_eq!(left, right, "{}", text);
        } else {
            prop_assert!(i64::from(scale) - i64::from(exponent) > 28 || exponent > 0, "{}", text);
        }
    }

    #[test]
    fn junk_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "\\PC{0,60}") {
        for payload in [&bytes[..], text.as_bytes()] {
            for schema in Schema::ALL {
                let taken = Record::parse(schema, payload).is_ok();
                prop_assert_eq!(taken, schema == Schema::Opaque);
            }
            prop_assert!(StatusMessage::parse(payload).is_err());
        }
    }

    #[test]
    fn junk_in_any_field_never_panics(
        junk in "null|true|-?[0-9]{1,40}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?|\"[a-zA-Z0-9:.TZ+ä-]{0,40}\"|\\[\\]|\\{\\}|\\[[0-9\\[\\]{},]{0,9}\\]",
        nr in 0_usize..40,
    ) {
        let documents = [
            raw(&json!(0)),
            nested(&json!([{"quantity": 1, "type": "0", "quality": "A04"}])),
        ];
        for document in documents {
            let text = document.to_string();
            let keys: Vec<_> = text.match_indices("\":").map(|(place, _)| place + 2).collect();
            let place = keys[nr % keys.len()];
            let mut payload = text[..place].to_owned();
            payload.push_str(&junk);
            let rest = text[place..].find([',', '}']).unwrap();
            payload.push_str(&text[place + rest..]);
            for schema in Schema::ALL {
                if let Ok(record) = Record::parse(schema, payload.as_bytes()) {
                    prop_assert!(record.readings.len() <= MAX_VALUES);
                }
            }
            let _ = StatusMessage::parse(payload.as_bytes());
        }
    }
}
