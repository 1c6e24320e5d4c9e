use permission::data_need::DataNeed;
use permission::{BundleId, PermissionId};
use serde_json::json;
use uuid::Uuid;

use super::*;

const TODAY: Date = jiff::civil::date(2026, 6, 10);
const NONE: Newer = Newer {
    waiting: false,
    published: false,
};

fn id() -> PermissionId {
    Uuid::from_u128(7).into()
}

fn need(direction: Direction, schemas: &[&str]) -> DataNeed {
    DataNeed::from_value(json!({
        "type": direction.type_name(),
        "id": Uuid::from_u128(1),
        "name": "For tests", "purpose": "Testing", "policyLink": "https://party.example/policy",
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *",
        "allowedPermissionCommands": ["SET_TRANSMISSION_ENABLED"],
        "schemas": schemas,
        "asset": "CONNECTION-AGREEMENT-POINT",
        "dataTags": []
    }))
    .unwrap()
}

fn permission(status: Status) -> Permission {
    Permission {
        id: id(),
        bundle: BundleId::from(Uuid::from_u128(2)),
        connection_id: "somebody".to_owned(),
        data_need: need(Direction::Outbound, &["SMART-METER-P1-RAW", "OPAQUE"]),
        meter_id: None,
        status,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        status_at: jiff::Timestamp::UNIX_EPOCH,
        sent_at: None,
        starts_on: Some(TODAY),
        ends_on: Some(TODAY),
        code: None,
        aiida_id: None,
        accepted_at: None,
        granted_at: None,
        removed_at: None,
        first_message_at: None,
        last_message_at: None,
    }
}

fn message(kind: Kind, name: &str, payload: Vec<u8>) -> Outgoing {
    Outgoing {
        id: Uuid::from_u128(3).into(),
        number: 1,
        permission: id(),
        kind,
        name: name.to_owned(),
        payload,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        published_at: None,
        dropped: None,
    }
}

fn command(command: &Command) -> Outgoing {
    message(Kind::Command, command.name(), command.payload(id()))
}

fn opaque() -> Outgoing {
    message(Kind::Inbound, "OPAQUE", b"anything".to_vec())
}

fn told(message: &Outgoing, newer: Newer, permission: &Permission) -> Result<Vec<Packet>, Reason> {
    packets(message, newer, permission, TODAY, true)
}

#[test]
fn a_command_is_told_only_while_accepted_and_the_end_only_on_its_way() {
    for status in Status::ALL {
        let permission = permission(status);
        let enabled = told(
            &command(&Command::SetTransmissionEnabled(false)),
            NONE,
            &permission,
        );
        let end = told(&command(&Command::Terminate), NONE, &permission);
        let refused = Err(Reason::Status(status));
        match status {
            Status::Accepted => {
                assert!(enabled.is_ok());
                assert_eq!(end, refused, "the end before it was decided");
            }
            Status::Terminated | Status::RequiresExternalTermination => {
                assert_eq!(enabled, refused, "{status}");
                assert!(end.is_ok(), "{status}");
            }
            _ => assert_eq!((&enabled, &end), (&refused, &refused), "{status}"),
        }
    }
}

#[test]
fn topics_bytes_and_retention_are_those_that_homes_know() {
    let accepted = permission(Status::Accepted);
    let told_of = |message: &Outgoing, permission: &Permission| {
        let packets = packets(message, NONE, permission, TODAY, false).unwrap();
        let shown = |packet: Packet| {
            let payload = String::from_utf8(packet.payload).unwrap();
            (packet.topic, payload, packet.retained)
        };
        packets.into_iter().map(shown).collect::<Vec<_>>()
    };
    let topic = |rest: &str| format!("aiida/v1/{}/{rest}", id());
    assert_eq!(
        told_of(&command(&Command::SetTransmissionEnabled(false)), &accepted),
        [(
            topic("command/SET_TRANSMISSION_ENABLED"),
            format!(
                "{{\"action\":\"SET_TRANSMISSION_ENABLED\",\"regionConnectorId\":\"aiida\",\
                 \"permissionId\":\"{}\",\"enabled\":false}}",
                id()
            ),
            true
        )]
    );
    let end = format!(
        "{{\"action\":\"TERMINATE\",\"regionConnectorId\":\"aiida\",\"permissionId\":\"{}\"}}",
        id()
    );
    assert_eq!(
        told_of(
            &command(&Command::Terminate),
            &permission(Status::Terminated)
        ),
        [
            (topic("command/TERMINATE"), end, true),
            (topic("termination"), id().to_string(), true)
        ]
    );
    let inbound = Permission {
        data_need: need(Direction::Inbound, &["OPAQUE"]),
        ..accepted
    };
    let data = (topic("data/inbound/opaque"), "anything".to_owned(), false);
    assert_eq!(told_of(&opaque(), &inbound), [data]);
    assert!(told(&opaque(), NONE, &inbound).unwrap()[0].retained);
}

#[test]
fn what_the_household_has_not_agreed_to_is_refused() {
    let accepted = permission(Status::Accepted);
    let schedule = Command::UpdateTransmissionSchedule("0 * * * * *".to_owned());
    assert_eq!(
        told(&command(&schedule), NONE, &accepted),
        Err(Reason::NotCovered)
    );
    // Outbound: the home sends this schema and does not take it.
    assert_eq!(told(&opaque(), NONE, &accepted), Err(Reason::NotCovered));
    let other = Permission {
        data_need: need(Direction::Inbound, &["MIN-MAX-ENVELOPE-CIM-V1-12"]),
        ..accepted
    };
    assert_eq!(told(&opaque(), NONE, &other), Err(Reason::NotCovered));
}

#[test]
fn what_homes_do_not_know_is_refused() {
    let accepted = permission(Status::Accepted);
    let enabled = Command::SetTransmissionEnabled(true).payload(id());
    for wrong in [
        message(Kind::Command, "TERMINATE", enabled),
        message(
            Kind::Command,
            "EXPLODE",
            br#"{"action":"EXPLODE"}"#.to_vec(),
        ),
        message(Kind::Command, "TERMINATE", b"not JSON".to_vec()),
        message(Kind::Inbound, "NO-SUCH-SCHEMA", b"{}".to_vec()),
    ] {
        assert_eq!(
            told(&wrong, NONE, &accepted),
            Err(Reason::Unknown),
            "{wrong:?}"
        );
        assert!(forgetting(&wrong, &accepted).is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_newer_one_takes_the_place_of_a_command_but_data_waits_its_turn() {
    let accepted = permission(Status::Accepted);
    let inbound = Permission {
        data_need: need(Direction::Inbound, &["OPAQUE"]),
        ..accepted.clone()
    };
    let waiting = Newer {
        waiting: true,
        ..NONE
    };
    let published = Newer {
        published: true,
        ..NONE
    };
    let enabled = command(&Command::SetTransmissionEnabled(true));
    assert_eq!(told(&enabled, waiting, &accepted), Err(Reason::Superseded));
    assert_eq!(
        told(&enabled, published, &accepted),
        Err(Reason::Superseded)
    );
    assert!(told(&opaque(), waiting, &inbound).is_ok());
    assert_eq!(
        told(&opaque(), published, &inbound),
        Err(Reason::Superseded)
    );
}

#[test]
fn after_the_last_day_only_the_end_is_told() {
    let yesterday = TODAY.yesterday().unwrap();
    let over = |status| Permission {
        ends_on: Some(yesterday),
        ..permission(status)
    };
    let enabled = command(&Command::SetTransmissionEnabled(true));
    let end = command(&Command::Terminate);
    let reason = Err(Reason::Over(yesterday));
    assert_eq!(told(&enabled, NONE, &over(Status::Accepted)), reason);
    assert!(told(&end, NONE, &over(Status::RequiresExternalTermination)).is_ok());
    assert!(
        told(&enabled, NONE, &permission(Status::Accepted)).is_ok(),
        "the last day is included"
    );
    let open = Permission {
        ends_on: None,
        ..permission(Status::Accepted)
    };
    assert!(told(&enabled, NONE, &open).is_ok());
}

#[test]
fn before_the_first_day_only_the_end_is_told() {
    let tomorrow = TODAY.tomorrow().unwrap();
    let early = |status| Permission {
        starts_on: Some(tomorrow),
        ends_on: None,
        ..permission(status)
    };
    let enabled = command(&Command::SetTransmissionEnabled(true));
    let reason = Err(Reason::NotYet(tomorrow));
    assert_eq!(told(&enabled, NONE, &early(Status::Accepted)), reason);
    let end = command(&Command::Terminate);
    assert!(told(&end, NONE, &early(Status::RequiresExternalTermination)).is_ok());
}

#[test]
fn the_broker_forgets_what_a_home_that_is_shut_out_could_not_read_anyway() {
    assert!(Reason::Status(Status::Revoked).must_leave_nothing());
    assert!(Reason::Status(Status::ExternallyTerminated).must_leave_nothing());
    // These homes are still there, and would be given an empty command.
    assert!(!Reason::Status(Status::Terminated).must_leave_nothing());
    assert!(!Reason::Superseded.must_leave_nothing());

    let forgotten = forgetting(&command(&Command::Terminate), &permission(Status::Revoked));
    let topics: Vec<_> = forgotten
        .iter()
        .map(|packet| packet.topic.as_str())
        .collect();
    assert_eq!(
        topics,
        [
            format!("aiida/v1/{}/command/TERMINATE", id()),
            format!("aiida/v1/{}/termination", id())
        ]
    );
    assert!(
        forgotten
            .iter()
            .all(|packet| packet.retained && packet.payload.is_empty())
    );
}
