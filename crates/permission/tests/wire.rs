//! Codes, handshake and commands, key by key: homes refuse a code or a command with a key that they do not know.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::date;
use permission::code::{self, Bundle, Single};
use permission::command::{CommandError, Refused, termination_payload};
use permission::data_need::TimeFrame;
use permission::handshake::{Credentials, Details, Operation, Patch, Request};
use permission::{Command, CommandKind, DataNeed, Generation};
use serde_json::{Value, json};
use support::{PERMISSION, inbound, need, other, outbound, permission, request};

fn decoded(text: &str) -> String {
    let value = STANDARD.decode(text).unwrap();
    String::from_utf8(value).unwrap()
}

#[test]
fn code_of_the_current_homes() {
    let code = code::bundle(
        "https://energy.example.org/",
        request(),
        &[permission(), other()],
        "header.claims.signature",
    );
    insta::assert_snapshot!(decoded(&code.to_text()), @r#"{"eddieId":"3c5e7a90-1b2d-4c6f-a8e1-9d0b2f4a6c8e","permissionIds":["0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2","7a1d9e40-03bc-4f6e-8b7a-5c2f4e6d8a90"],"handshakeUrl":"https://energy.example.org/region-connectors/aiida/permission-request/{permissionId}","accessToken":"header.claims.signature"}"#);
    assert_eq!(Bundle::from_text(&code.to_text()).unwrap(), code);
    assert!(!format!("{code:?}").contains("signature"));
}

#[test]
fn code_of_the_older_homes() {
    let code = code::single(
        "https://energy.example.org",
        request(),
        permission(),
        "Live consumption",
        "header.claims.signature",
    );
    insta::assert_snapshot!(decoded(&code.to_text()), @r#"{"eddieId":"3c5e7a90-1b2d-4c6f-a8e1-9d0b2f4a6c8e","permissionId":"0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2","serviceName":"Live consumption","handshakeUrl":"https://energy.example.org/region-connectors/aiida/permission-request/0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2","bearerToken":"header.claims.signature"}"#);
    assert_eq!(Single::from_text(&code.to_text()).unwrap(), code);
    assert!(!format!("{code:?}").contains("signature"));
}

#[test]
fn one_code_does_not_serve_two_generations() {
    let bundle = code::bundle("https://x", request(), &[permission()], "t").to_text();
    let single = code::single("https://x", request(), permission(), "n", "t").to_text();
    assert!(Single::from_text(&bundle).is_err());
    assert!(Bundle::from_text(&single).is_err());
    let more = json!({"eddieId": request(), "permissionIds": [], "handshakeUrl": "", "accessToken": "", "x": 1});
    assert!(Bundle::from_text(&STANDARD.encode(more.to_string())).is_err());
    assert!(Bundle::from_text("%%%").is_err());
    let array = json!([request(), [], "", ""]);
    assert!(Bundle::from_text(&STANDARD.encode(array.to_string())).is_err());
}

fn details(need: &DataNeed, generation: Generation, end: Option<i8>, meter: Option<&str>) -> Value {
    let asked = Request {
        bundle: request(),
        permission: permission(),
        connection_id: "customer-17",
        meter_id: meter,
        data_need: need,
        frame: TimeFrame {
            start: date(2026, 11, 21),
            end: end.map(|day| date(2026, 12, day)),
        },
    };
    serde_json::to_value(Details::new(&asked, generation)).unwrap()
}

#[test]
fn details_for_current_homes() {
    let details = details(&outbound(), Generation::Bundle, Some(1), Some("AT0031000"));
    assert_eq!(
        details,
        json!({
            "eddie_id": request(),
            "permission_request": {
                "permission_id": PERMISSION,
                "connection_id": "customer-17",
                "data_need_id": outbound().id,
                "meter_id": "AT0031000",
                "start": "2026-11-21",
                "end": "2026-12-01"
            },
            "data_need": support::document()
        })
    );
}

#[test]
fn details_for_older_homes_name_the_schemas_as_they_did() {
    let details = details(&outbound(), Generation::Single, Some(1), None);
    let schemas = json!(["SMART-METER-P1-RAW", "SMART-METER-P1-CIM"]);
    assert_eq!(
        details["data_need"],
        support::with(json!({"schemas": schemas}))
    );
}

#[test]
fn every_value_of_the_permission_is_a_string_and_nothing_is_null() {
    let small = need(json!({
        "description": null, "enabled": null, "allowedPermissionCommands": null,
        "acknowledgementRequired": null, "dataTags": null, "contexts": null,
        "duration": {"type": "relativeDuration", "start": null, "end": null}
    }));
    for generation in Generation::ALL {
        let details = details(&small, generation, None, None);
        let asked = details["permission_request"].as_object().unwrap();
        assert!(asked.values().all(Value::is_string), "{asked:?}");
        assert_eq!(asked["end"], "9999-12-31");
        assert!(!asked.contains_key("meter_id"));
        assert!(!details.to_string().contains("null"), "{details}");
        for key in [
            "id",
            "name",
            "purpose",
            "policyLink",
            "transmissionSchedule",
            "asset",
        ] {
            assert!(details["data_need"][key].is_string(), "{key}");
        }
        assert_eq!(details["data_need"]["enabled"], true);
        assert_eq!(details["data_need"]["acknowledgementRequired"], false);
    }
}

#[test]
fn older_homes_are_offered_only_what_they_know() {
    assert!(outbound().serves(Generation::Single));
    assert!(inbound().serves(Generation::Bundle));
    assert!(!inbound().serves(Generation::Single));
    let newer = need(json!({"schemas": ["SMART-METER-P1-RAW", "SMART-METER-P1-CIM-V1-12"]}));
    assert!(!newer.serves(Generation::Single));
}

#[test]
fn credentials_of_an_outbound_permission() {
    let answer = Credentials::new(
        "ssl://mqtt.example.org:8883",
        permission(),
        "secret",
        &outbound(),
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap(), @r#"
    {
      "serverUri": "ssl://mqtt.example.org:8883",
      "username": "0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2",
      "password": "secret",
      "dataTopic": "aiida/v1/0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2/data/outbound",
      "statusTopic": "aiida/v1/0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2/status",
      "commandTopic": "aiida/v1/0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2/command/+",
      "terminationTopic": "aiida/v1/0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2/termination",
      "acknowledgementTopic": null
    }
    "#);
    assert!(!format!("{answer:?}").contains("secret"));
}

#[test]
fn credentials_of_an_inbound_permission_that_acknowledges() {
    let answer = Credentials::new("tcp://127.0.0.1:1883", permission(), "p", &inbound());
    let answer = serde_json::to_value(answer).unwrap();
    let base = format!("aiida/v1/{PERMISSION}");
    assert_eq!(answer["dataTopic"], format!("{base}/data/inbound/+"));
    assert_eq!(
        answer["acknowledgementTopic"],
        format!("{base}/acknowledgement")
    );
}

#[test]
fn patches_of_homes() {
    let home = "9d0b2f4a-6c8e-4c6f-a8e1-3c5e7a901b2d";
    for (word, operation) in [
        ("ACCEPT", Operation::Accept),
        ("REJECT", Operation::Reject),
        ("UNFULFILLABLE", Operation::Unfulfillable),
    ] {
        let body = json!({"operation": word, "aiidaId": home, "later": 1}).to_string();
        let patch = Patch::parse(body.as_bytes()).unwrap();
        assert_eq!(patch.operation, operation);
        assert_eq!(patch.aiida_id.unwrap().to_string(), home);
    }
    assert_eq!(
        Patch::parse(br#"{"operation":"REJECT"}"#).unwrap().aiida_id,
        None
    );
    for junk in [
        "",
        "{}",
        "[]",
        r#"["ACCEPT",null]"#,
        r#"{"operation":"accept"}"#,
        r#"{"operation":{"ACCEPT":null}}"#,
        r#"{"operation":"ACCEPT","aiidaId":"x"}"#,
    ] {
        assert!(Patch::parse(junk.as_bytes()).is_err(), "{junk}");
    }
}

#[test]
fn commands_on_the_wire() {
    let text = |command: Command| String::from_utf8(command.payload(permission())).unwrap();
    let schedule = Command::UpdateTransmissionSchedule("0 */5 * * * *".into());
    insta::assert_snapshot!(text(Command::Terminate), @r#"{"action":"TERMINATE","regionConnectorId":"aiida","permissionId":"0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2"}"#);
    insta::assert_snapshot!(text(schedule), @r#"{"action":"UPDATE_TRANSMISSION_SCHEDULE","regionConnectorId":"aiida","permissionId":"0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2","transmissionSchedule":"0 */5 * * * *"}"#);
    insta::assert_snapshot!(text(Command::SetTransmissionEnabled(false)), @r#"{"action":"SET_TRANSMISSION_ENABLED","regionConnectorId":"aiida","permissionId":"0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2","enabled":false}"#);
    assert_eq!(termination_payload(permission()), PERMISSION.as_bytes());
}

#[test]
fn commands_read_back_and_others_are_refused() {
    for command in [
        Command::Terminate,
        Command::UpdateTransmissionSchedule("x".into()),
        Command::SetTransmissionEnabled(true),
    ] {
        assert_eq!(
            Command::parse(&command.payload(permission())).unwrap(),
            command
        );
    }
    let error = |text: &str| Command::parse(text.as_bytes()).expect_err(text);
    assert!(matches!(
        error(r#"{"action":"SET_TRANSMISSION_ENABLED"}"#),
        CommandError::Missing(CommandKind::SetTransmissionEnabled, "enabled")
    ));
    assert!(matches!(
        error(
            r#"{"action":"UPDATE_TRANSMISSION_SCHEDULE","enabled":true,"transmissionSchedule":"x"}"#
        ),
        CommandError::Superfluous(_, "enabled")
    ));
    assert!(matches!(
        error(r#"{"action":"TERMINATE","transmissionSchedule":"x"}"#),
        CommandError::Superfluous(_, "transmissionSchedule")
    ));
    for junk in [
        "",
        "{}",
        r#"{"action":"terminate"}"#,
        r#"{"action":"TERMINATE","x":1}"#,
        r#"["TERMINATE"]"#,
        r#"["TERMINATE",null,null,null,null]"#,
    ] {
        assert!(matches!(error(junk), CommandError::Json(_)), "{junk}");
    }
}

#[test]
fn a_command_needs_a_grant_and_a_schedule_that_homes_take() {
    let need = outbound();
    let schedule = |text: &str| Command::UpdateTransmissionSchedule(text.into());
    assert_eq!(Command::Terminate.check(&need), Ok(()));
    assert_eq!(schedule("0 0 * * * *").check(&need), Ok(()));
    assert!(matches!(
        schedule("0 0 * * *").check(&need),
        Err(Refused::Schedule(_))
    ));
    assert_eq!(
        Command::SetTransmissionEnabled(true).check(&need),
        Err(Refused::NotGranted(CommandKind::SetTransmissionEnabled))
    );
}
