//! Nine homes at once: each of three generations scans, accepts and streams everything that it knows, and is ended
//! by the household, by the eligible party, and by the end of its time.

use futures_util::future::join_all;
use home::{Generation, HomeStatus};
use jiff::Timestamp;
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use test_support::wait;

use end_to_end::houses::{DEADLINE, EVERYTHING, FOR_2025, House, World, start};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    Terminated,
    Fulfilled,
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_of_three_generations_from_scan_to_end() {
    let world = start(&[]).await;
    let ways = Generation::ALL.into_iter().flat_map(|generation| {
        [End::Revoked, End::Terminated, End::Fulfilled].map(|end| (generation, end))
    });
    let houses = join_all(ways.map(|(generation, end)| live(&world, generation, end))).await;
    assert_eq!(houses.len(), 9);
    assert_eq!(world.count("SELECT count(*) FROM aiida.refusal").await, 0);
    let left = "SELECT (SELECT count(*) FROM aiida.aiida_mqtt_user) + (SELECT count(*) FROM aiida.aiida_mqtt_acl)
        + (SELECT count(*) FROM aiida.credential)";
    assert_eq!(world.count(left).await, 0);
    world.assert_quiet(&houses).await;
    for house in &houses {
        house.home.stop().await;
    }
}

async fn live(world: &World, generation: Generation, end: End) -> House {
    let (need, schemas) = if generation == Generation::November2025 {
        (FOR_2025, 2)
    } else {
        (EVERYTHING, 5)
    };
    let house = world.house(generation, need).await;
    let id = house.permission;
    world.assert_let_in(&house).await;
    world.assert_history(id, &[]).await;
    world
        .until(&format!(
            "SELECT count(*) = {schemas} FROM (SELECT schema FROM aiida.message WHERE permission_id = '{id}'
             GROUP BY schema HAVING count(*) >= 3) enough"
        ))
        .await;
    if generation == Generation::June2026 && end == End::Terminated {
        obey(world, &house).await;
    }
    let stored = world.settle(&house).await;
    let rest: &[&str] = match end {
        End::Revoked => {
            house.home.revoke(id).await.unwrap();
            &["REVOKED"]
        }
        End::Fulfilled => {
            house.home.fulfil(id).await.unwrap();
            &["FULFILLED"]
        }
        End::Terminated => {
            world.party.terminate(id).await.unwrap();
            house
                .until("the command to end", |home| {
                    home.status == HomeStatus::ExternallyTerminated
                })
                .await;
            let told = house.report().commands.pop();
            let name = if generation == Generation::June2026 {
                "TERMINATE"
            } else {
                "TERMINATION"
            };
            assert_eq!(told.as_deref(), Some(name));
            &[
                "TERMINATED",
                "REQUIRES_EXTERNAL_TERMINATION",
                "EXTERNALLY_TERMINATED",
            ]
        }
    };
    world.until_status(id, rest[rest.len() - 1]).await;
    world.assert_shut_out(&house).await;
    world.assert_history(id, rest).await;
    let now = world.assert_stored(&house).await;
    assert!(
        now >= stored,
        "{now} records are stored, {stored} were before the end"
    );
    let report = house.report();
    let refused = (
        report.publish_refused,
        report.commands_refused,
        report.subscriptions_refused,
    );
    assert_eq!(refused, (0, 0, 0), "{report:?}");
    assert_eq!((report.failure, report.connects), (None, 1));
    house
}

/// Paused, resumed, and sent every two seconds instead of every second.
async fn obey(world: &World, house: &House) {
    let id = house.permission;
    let enable =
        |enabled: bool| json!({ "action": "SET_TRANSMISSION_ENABLED", "enabled": enabled });
    world.party.command(id, &enable(false)).await.unwrap();
    house
        .until("the pause", |home| !home.transmission_enabled)
        .await;
    let paused_at = SystemClock.now();
    let after = paused_at + jiff::SignedDuration::from_millis(2_200);
    wait::until(DEADLINE, "two times at which nothing is sent", async || {
        (SystemClock.now() > after).then_some(())
    })
    .await;
    let resumed_at = SystemClock.now();
    world.party.command(id, &enable(true)).await.unwrap();
    house
        .until("the end of the pause", |home| home.transmission_enabled)
        .await;
    let slower = "*/2 * * * * *";
    let command =
        json!({ "action": "UPDATE_TRANSMISSION_SCHEDULE", "transmissionSchedule": slower });
    world.party.command(id, &command).await.unwrap();
    house
        .until("the new schedule", |home| {
            home.schedule.as_deref() == Some(slower)
        })
        .await;
    let slower_at = SystemClock.now();
    let before = house.report().records;
    house
        .until("records in the new schedule", |home| {
            home.records >= before + 10
        })
        .await;

    let times = times(house);
    let in_the_pause = times
        .iter()
        .filter(|at| (paused_at..resumed_at).contains(*at));
    assert_eq!(in_the_pause.count(), 0, "sent while paused: {times:?}");
    let slow: Vec<_> = times.iter().filter(|at| **at > slower_at).collect();
    assert!(
        slow.len() >= 2 && slow.iter().all(|at| at.as_second() % 2 == 0),
        "{slow:?}"
    );
    let names = [
        "SET_TRANSMISSION_ENABLED",
        "SET_TRANSMISSION_ENABLED",
        "UPDATE_TRANSMISSION_SCHEDULE",
    ];
    assert_eq!(house.report().commands, names);
    let sent = world
        .rows(&format!(
            "SELECT name, published_at IS NOT NULL AS published, dropped FROM aiida.outgoing
             WHERE permission_id = '{id}' ORDER BY number"
        ))
        .await;
    let expected =
        names.map(|name| json!({ "name": name, "published": true, "dropped": Value::Null }));
    assert_eq!(sent, expected);
    // The last of each kind waits for a home that comes back.
    assert_eq!(world.retained(id).await.len(), 2);
}

/// When the home's raw records were made.
fn times(house: &House) -> Vec<Timestamp> {
    let sent = house.home.sent(house.permission).unwrap();
    let raw = sent.made.iter().filter(|one| one.topic.ends_with("p1-raw"));
    raw.map(|one| {
        let document: Value = serde_json::from_slice(&one.payload).unwrap();
        document["timestamp"].as_str().unwrap().parse().unwrap()
    })
    .collect()
}
