//! Data needs: every field, every refusal, and the dates they come to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod support;

use jiff::civil::date;
use permission::data_need::Asset;
use permission::{CommandKind, DataNeed, Direction, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{NEED, document, outbound, with};

fn refusal(changes: Value) -> String {
    match DataNeed::from_value(with(changes.clone())) {
        Ok(need) => panic!("{changes} is taken as {need:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_field_is_read_and_written_back() {
    let need = outbound();
    assert_eq!(need.id.to_string(), NEED);
    assert_eq!(need.direction, Direction::Outbound);
    assert_eq!(need.name, "Live consumption");
    assert_eq!(
        need.description.as_deref(),
        Some("What the house draws, every five seconds")
    );
    assert_eq!(need.purpose, "Show the household what it draws");
    assert_eq!(need.policy_link, "https://example.org/policy");
    assert!(need.enabled);
    assert_eq!(need.transmission_schedule.as_str(), "*/5 * * * * *");
    assert_eq!(
        need.allowed_permission_commands,
        [CommandKind::UpdateTransmissionSchedule]
    );
    assert!(!need.acknowledgement_required);
    assert_eq!(
        need.schemas,
        [Schema::SmartMeterP1Raw, Schema::SmartMeterP1CimV104]
    );
    assert_eq!(need.asset, Asset::ConnectionAgreementPoint);
    assert_eq!(need.data_tags.len(), 2);
    assert!(need.contexts.is_empty());
    assert_eq!(need.to_value(), document());
    let json = serde_json::to_string(&need).unwrap();
    assert_eq!(serde_json::from_str::<DataNeed>(&json).unwrap(), need);
}

#[test]
fn what_may_be_missing_has_a_default() {
    for absent in [Value::Null, json!("absent")] {
        let mut document = document();
        let fields = document.as_object_mut().unwrap();
        for key in [
            "description",
            "enabled",
            "allowedPermissionCommands",
            "acknowledgementRequired",
            "dataTags",
            "contexts",
        ] {
            if absent.is_null() {
                fields.insert(key.into(), Value::Null);
            } else {
                fields.remove(key);
            }
        }
        let need = DataNeed::from_value(document).unwrap();
        assert!(need.enabled && !need.acknowledgement_required);
        assert!(need.description.is_none() && need.data_tags.is_empty());
        assert!(need.allowed_permission_commands.is_empty());
    }
}

#[test]
fn a_missing_field_is_named() {
    for field in [
        "type",
        "id",
        "name",
        "purpose",
        "policyLink",
        "duration",
        "transmissionSchedule",
        "asset",
    ] {
        assert_eq!(
            refusal(json!({field: null})),
            format!("`{field}` is missing")
        );
    }
    assert_eq!(
        refusal(json!({"schemas": null})),
        "`schemas` is empty: name at least one"
    );
    assert_eq!(
        refusal(json!({"schemas": []})),
        "`schemas` is empty: name at least one"
    );
    for field in [
        "name",
        "purpose",
        "policyLink",
        "transmissionSchedule",
        "asset",
    ] {
        assert_eq!(
            refusal(json!({field: " "})),
            format!("`{field}` must not be blank")
        );
        assert_eq!(
            refusal(json!({field: 7})),
            format!("`{field}` must be a text")
        );
    }
}

#[test]
fn refusals_name_the_field_and_what_is_wrong() {
    let long = "x".repeat(4001);
    let many = vec!["1-0:1.8.0"; 201];
    let messages = [
        refusal(json!({"type": "account"})),
        refusal(json!({"id": "17"})),
        refusal(json!({"dataTag": []})),
        refusal(json!({"policyLink": "javascript:alert(1)"})),
        refusal(json!({"enabled": "yes"})),
        refusal(json!({"name": long})),
        refusal(json!({"asset": "HOUSE"})),
        refusal(json!({"contexts": ["X"]})),
        refusal(json!({"allowedPermissionCommands": ["TERMINATE"]})),
        refusal(json!({"schemas": "OPAQUE"})),
        refusal(json!({"schemas": ["P1"]})),
        refusal(json!({"schemas": ["OPAQUE", "OPAQUE"]})),
        refusal(json!({"schemas": ["SMART-METER-P1-CIM", "SMART-METER-P1-CIM-V1-04"]})),
        refusal(json!({"type": "inbound-aiida"})),
        refusal(json!({"schemas": ["ACKNOWLEDGEMENT-CIM-V1-12"]})),
        refusal(json!({"dataTags": ["1.8.0"]})),
        refusal(json!({"dataTags": many})),
        refusal(json!({"transmissionSchedule": "*/5 * * * *"})),
        refusal(json!({"duration": "P1D"})),
        refusal(json!({"duration": {"type": "forever"}})),
        refusal(json!({"duration": {"type": "relativeDuration", "end": "10 days"}})),
        refusal(json!({"duration": {"type": "relativeDuration", "start": "P5D", "end": "P4D"}})),
        refusal(json!({"duration": {"type": "absoluteDuration", "start": "2026-2-1"}})),
        refusal(
            json!({"duration": {"type": "absoluteDuration", "start": "2026-02-02", "end": "2026-02-01"}}),
        ),
        refusal(json!({"duration": {"type": "absoluteDuration", "stop": "2026-02-01"}})),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r#"
    `type` is "account": this service knows `outbound-aiida` and `inbound-aiida`; take the data need out
    `id` is no UUID
    `dataTag` is no field of a data need: correct or remove it
    `policyLink` must begin with https:// or http://
    `enabled` must be true or false
    `name` has more than 4000 bytes
    `asset` says "HOUSE": it must be one of CONNECTION-AGREEMENT-POINT, CONTROLLABLE-UNIT, DEDICATED-MEASUREMENT-DEVICE, SUBMETER
    `contexts` says "X": it must be one of FLEXIBLE-CONNECTION-AGREEMENT
    `allowedPermissionCommands` says "TERMINATE": it must be one of UPDATE_TRANSMISSION_SCHEDULE, SET_TRANSMISSION_ENABLED
    `schemas` must be a list of texts
    `schemas` says "P1": it must be one of SMART-METER-P1-RAW, SMART-METER-P1-CIM-V1-04, SMART-METER-P1-CIM-V1-12, MIN-MAX-ENVELOPE-CIM-V1-12, OPAQUE, ACKNOWLEDGEMENT-CIM-V1-12
    `schemas` has "OPAQUE" twice
    `schemas` has "SMART-METER-P1-CIM-V1-04" twice
    `schemas` has SMART-METER-P1-RAW, which a data need of type inbound-aiida does not support
    `schemas` has ACKNOWLEDGEMENT-CIM-V1-12, which a data need of type outbound-aiida does not support
    `dataTags` has "1.8.0", which is no OBIS code: write it as in `1-0:1.8.0`
    `dataTags` has more than 200 entries
    `transmissionSchedule`: a transmission schedule has six fields, the seconds first, as in `*/5 * * * * *`
    `duration` must be an object
    `duration.type` is "forever": it must be `relativeDuration` or `absoluteDuration`
    `duration.end`: "10 days" is no period of days, weeks, months or years to come: write it as in P10D or P1Y
    `duration`: the end, after P4D, can come before the start, after P5D
    `duration.start` says "2026-2-1": it must be a date as in 2026-01-31
    `duration`: the end 2026-02-01 is before the start 2026-02-02
    `stop` is no field of a data need: correct or remove it
    "#);
}

#[test]
fn the_file_is_an_array_and_its_errors_name_the_place() {
    let parse = |value: Value| DataNeed::parse_array(value.to_string().as_bytes());
    let second = with(json!({"id": "7a1d9e40-03bc-4f6e-8b7a-5c2f4e6d8a90"}));
    assert_eq!(parse(json!([document(), second])).unwrap().len(), 2);
    assert_eq!(parse(json!([])).unwrap(), []);
    let messages = [
        parse(json!([document(), document()]))
            .unwrap_err()
            .to_string(),
        parse(document()).unwrap_err().to_string(),
        parse(json!([document(), 7])).unwrap_err().to_string(),
        parse(json!([with(json!({"asset": null}))]))
            .unwrap_err()
            .to_string(),
        DataNeed::parse_array(b"[{").unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r#"
    the data need 5dc71d7e-e8cd-4403-a3a8-d3c095c97a84 is there twice: ids must differ
    the data needs must be a JSON array of objects
    data need 2: a data need must be a JSON object
    data need 1 (5dc71d7e-e8cd-4403-a3a8-d3c095c97a84): `asset` is missing
    the data need is not JSON: EOF while parsing an object at line 1 column 2
    "#);
}

#[test]
fn schemas_flow_where_the_framework_says() {
    let mut flows = Vec::new();
    for schema in Schema::ALL {
        flows.push(Direction::ALL.map(|direction| schema.flows(direction)));
        assert_eq!(schema.topic_name(), schema.name().to_lowercase());
        assert_eq!(schema.name().parse(), Ok(schema));
        assert_eq!(schema.topic_name().parse(), Ok(schema));
    }
    let (out, both, none) = ([true, false], [true, true], [false, false]);
    assert_eq!(flows, [out, out, out, both, both, none]);
}

/// Any JSON.
fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "[P0-9TYMWD.-]{0,12}".prop_map(Value::from),
        "[0-9*/,?#LW -]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{0,8}|type|start|end", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn junk_in_a_field_is_refused_or_written_back_as_it_was(value in junk(), field in 0_usize..15) {
        let mut document = document();
        let key = document.as_object().unwrap().keys().nth(field).unwrap().clone();
        document[&key] = value;
        if let Ok(need) = DataNeed::from_value(document.clone()) {
            let written = need.to_value();
            prop_assert_eq!(&DataNeed::from_value(written.clone()).unwrap(), &need);
            if document[&key].is_string() {
                prop_assert_eq!(&written[&key], &document[&key]);
            }
            if let Ok(frame) = need.resolve(date(2026, 11, 21)) {
                prop_assert!(frame.start >= date(2026, 11, 21));
                prop_assert!(frame.end.is_none_or(|end| end >= frame.start));
            }
        }
    }

    #[test]
    fn junk_is_no_data_need(bytes in prop::collection::vec(any::<u8>(), 0..60), value in junk()) {
        prop_assert!(DataNeed::parse(&bytes).is_err());
        prop_assert!(DataNeed::from_value(value).is_err());
    }
}
