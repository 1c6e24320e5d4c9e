//! Times and numbers in every spelling, bounds, and junk in every field of what homes send.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "tests fail loudly"
)]

mod support;

use jiff::Timestamp;
use permission::Schema;
use permission::message::{MAX_PAYLOAD, MAX_VALUES, MessageError, Record, StatusMessage};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::{OTHER, PERMISSION, nested, raw, value};

fn read(schema: Schema, payload: &Value) -> Result<Record, MessageError> {
    Record::parse(schema, payload.to_string().as_bytes())
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
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

/// Found by fuzzing: serde takes an array for a struct, its fields in the order of our source.
#[test]
fn an_array_stands_for_no_object() {
    let refused = |schema, payload: &Value| read(schema, payload).unwrap_err();
    let form = |error| matches!(error, MessageError::Json { what: "form", .. });
    let array = json!([0, null, null, null, []]);
    assert!(form(refused(Schema::SmartMeterP1Raw, &array)));
    let values = json!({"timestamp": 0, "values": [[null, "1-0:1.8.0", "5", "kWh"]]});
    assert!(form(refused(Schema::SmartMeterP1Raw, &values)));
    let mut document = nested(&json!([["5", "0", null]]));
    for schema in [Schema::SmartMeterP1CimV112, Schema::SmartMeterP1CimV104] {
        assert!(form(refused(schema, &json!([]))));
    }
    assert!(form(refused(Schema::SmartMeterP1CimV112, &document)));
    document["MarketDocument"] = json!([]);
    assert!(form(refused(Schema::AcknowledgementCimV112, &document)));
    let status = json!(["REVOKED", PERMISSION, null, null, null]).to_string();
    assert!(form(StatusMessage::parse(status.as_bytes()).unwrap_err()));
    // What is opaque may be an array, and its second element is then no permission.
    let opaque = json!(["2026-06-03T10:00:00Z", OTHER]);
    let record = read(Schema::Opaque, &opaque).unwrap();
    assert_eq!((record.sent_at, record.named.permissions), (None, vec![]));
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
