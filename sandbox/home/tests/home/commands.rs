//! What the other side can make a home do: commands, termination; and what a household can do.

use home::{Generation, HomeError, HomeStatus, Reconnection};
use serde_json::json;

use crate::harness::{
    EDDIE, NEED, PERMISSION, Stage, command, id, json_of, outbound, report, until, until_status,
};

const RAW: &str = "data/outbound/smart-meter-p1-raw";

async fn stage() -> Stage {
    Stage::set(outbound(&["SMART-METER-P1-RAW"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_changes_and_transmission_stops_and_goes_on() {
    let stage = stage().await;
    let home = stage.home(Generation::June2026).await;
    stage.observer.wait(RAW, 1).await;
    let off = command("SET_TRANSMISSION_ENABLED", &json!({"enabled": false}));
    stage
        .observer
        .say("command/SET_TRANSMISSION_ENABLED", off, true)
        .await;
    let stopped = until(&home, "transmission off", |report| {
        !report.transmission_enabled
    })
    .await;
    let slower = json!({"transmissionSchedule": "*/2 * * * * *"});
    let slower = command("UPDATE_TRANSMISSION_SCHEDULE", &slower);
    let topic = "command/UPDATE_TRANSMISSION_SCHEDULE";
    stage.observer.say(topic, slower, true).await;
    let changed = until(&home, "another schedule", |report| {
        report.schedule.as_deref() == Some("*/2 * * * * *")
    })
    .await;
    assert_eq!(
        changed.records, stopped.records,
        "nothing was made meanwhile"
    );
    let on = command("SET_TRANSMISSION_ENABLED", &json!({"enabled": true}));
    stage
        .observer
        .say("command/SET_TRANSMISSION_ENABLED", on, true)
        .await;
    let before = stage.observer.seen(RAW).len();
    let seen = stage.observer.wait(RAW, before + 2).await;
    for message in &seen[before..] {
        let time = json_of(message)["timestamp"].as_str().unwrap().to_owned();
        let second: u8 = time[17..19].parse().unwrap();
        assert_eq!(second % 2, 0, "{time}");
    }
    assert_eq!(report(&home).commands.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_read_strictly() {
    let mut need = outbound(&["SMART-METER-P1-RAW"]);
    need["allowedPermissionCommands"] = json!(["UPDATE_TRANSMISSION_SCHEDULE"]);
    let stage = Stage::set(need).await;
    let home = stage.home(Generation::June2026).await;
    let other = command("TERMINATE", &json!({"permissionId": NEED}));
    let refused = [
        ("command/TERMINATE", "not json".to_owned()),
        (
            "command/TERMINATE",
            command("TERMINATE", &json!({"reason": "x"})),
        ),
        ("command/TERMINATE", other),
        (
            "command/SET_TRANSMISSION_ENABLED",
            command("SET_TRANSMISSION_ENABLED", &json!({"enabled": false})),
        ),
        (
            "command/UPDATE_TRANSMISSION_SCHEDULE",
            command(
                "UPDATE_TRANSMISSION_SCHEDULE",
                &json!({"transmissionSchedule": "often"}),
            ),
        ),
    ];
    let count = u64::try_from(refused.len()).unwrap();
    for (topic, payload) in refused {
        stage.observer.say(topic, payload, false).await;
    }
    let told = until(&home, "refusals", |report| report.commands_refused == count).await;
    assert_eq!(told.status, HomeStatus::Streaming);
    assert!(told.commands.is_empty() && told.transmission_enabled);
    // What the broker says when a kept command is removed is no command.
    stage.observer.say("command/TERMINATE", "", true).await;
    stage.observer.wait(RAW, 2).await;
    assert_eq!(report(&home).commands_refused, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_of_each_generation_is_terminated_its_own_way() {
    for generation in Generation::ALL {
        let stage = stage().await;
        let home = stage.home(generation).await;
        let (own, own_payload, other, other_payload) = (
            "command/TERMINATE",
            command("TERMINATE", &json!({})),
            "termination",
            PERMISSION.to_owned(),
        );
        let (own, own_payload, other, other_payload) = if generation == Generation::June2026 {
            (own, own_payload, other, other_payload)
        } else {
            (other, other_payload, own, own_payload)
        };
        stage.observer.say(other, other_payload, true).await;
        stage.observer.wait(RAW, 2).await;
        assert_eq!(report(&home).status, HomeStatus::Streaming, "{generation}");
        stage.observer.say(own, own_payload, true).await;
        let told = until(&home, "the end", |report| {
            report.status == HomeStatus::ExternallyTerminated && !report.connected
        })
        .await;
        assert_eq!(told.commands.len(), 1);
        let kept = stage.observer.kept(stage.broker.open, "status").await;
        let status = json_of(&kept);
        assert_eq!(kept.qos(), paho_mqtt::QoS::AtLeastOnce);
        assert_eq!(status.as_object().unwrap().len(), 6);
        assert_eq!(status["status"], "EXTERNALLY_TERMINATED");
        assert_eq!(status["permissionId"], PERMISSION);
        assert_eq!(status["connectionId"], "flat 7");
        assert_eq!(status["dataNeedId"], NEED);
        assert_eq!(status["eddieId"], EDDIE);
        assert!(status["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(matches!(
            home.revoke(id()).await,
            Err(HomeError::Over { .. })
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_waited_is_obeyed_at_the_first_connect() {
    let stage = stage().await;
    stage
        .observer
        .say("command/TERMINATE", command("TERMINATE", &json!({})), true)
        .await;
    let home = stage.home(Generation::June2026).await;
    until_status(&home, HomeStatus::ExternallyTerminated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_payload_on_the_termination_topic_ends_nothing() {
    let stage = stage().await;
    let home = stage.home(Generation::February2026).await;
    stage.observer.say("termination", NEED, true).await;
    let told = until(&home, "a refusal", |report| report.commands_refused == 1).await;
    assert_eq!(told.status, HomeStatus::Streaming);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_household_revokes_or_the_time_is_over() {
    for (status, word) in [
        (HomeStatus::Revoked, "REVOKED"),
        (HomeStatus::Fulfilled, "FULFILLED"),
    ] {
        let stage = stage().await;
        let home = stage.home(Generation::June2026).await;
        stage.observer.wait(RAW, 1).await;
        if status == HomeStatus::Revoked {
            home.revoke(id()).await.unwrap();
        } else {
            home.fulfil(id()).await.unwrap();
        }
        let told = report(&home);
        assert_eq!(
            (told.status, told.connected, told.buffered),
            (status, false, 0)
        );
        let kept = stage.observer.kept(stage.broker.open, "status").await;
        assert_eq!(json_of(&kept)["status"], word);
        let seen = stage.observer.seen(RAW).len();
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        assert_eq!(
            stage.observer.seen(RAW).len(),
            seen,
            "nothing flows any more"
        );
        // The credentials are still good at this broker, which knows nothing of the end.
        assert_eq!(home.reconnect(id()).await.unwrap(), Reconnection::Connected);
    }
}
