//! Processes killed with −9 at the worst moments, a database that cuts everybody off, a broker that crashes: an
//! acceptance is whole or has not happened, and what the broker acknowledged to a home is stored once.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use home::{Generation, HomeStatus, Reconnection};
use serde_json::json;
use test_support::wait;

use end_to_end::houses::{DEADLINE, EVERYTHING, House, RAW, World, start};

/// Every permission is accepted with all that belongs to it, or waits for an answer with nothing of it.
const WHOLE: &str = "SELECT count(*) = 0 FROM aiida.permission p
    LEFT JOIN aiida.credential c ON c.permission_id = p.id
    LEFT JOIN aiida.aiida_mqtt_user u ON u.username = p.id::text
    WHERE (p.status, (SELECT count(*) FROM aiida.permission_event e WHERE e.permission_id = p.id AND e.status = 'ACCEPTED'),
           c.password_hash IS NOT NULL, u.password_hash IS NOT DISTINCT FROM c.password_hash, p.accepted_at IS NOT NULL,
           p.granted_at IS NOT NULL, (SELECT count(*) FROM aiida.aiida_mqtt_acl a WHERE a.username = p.id::text))
        NOT IN (('ACCEPTED', 1, true, true, true, true, 5),
                ('SENT_TO_PERMISSION_ADMINISTRATOR', 0, false, true, false, false, 0))";

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_is_whole_whoever_is_killed_over_it() {
    let mut world = start(&[("AIIDA_GRANT_SECONDS", "4"), ("AIIDA_BCRYPT_COST", "6")]).await;
    killed_while_it_waits_for_the_grant(&mut world).await;
    granted_after_the_answer(&mut world).await;
    granted_while_the_home_waits(&mut world).await;
    for answered in 0..4 {
        killed_in_the_middle(&mut world, answered).await;
    }
}

/// mqtt-iam is away, so an acceptance is committed and waits; then the service that waits is killed.
async fn killed_while_it_waits_for_the_grant(world: &mut World) {
    world.stack.kill("mqtt-iam").unwrap();
    let house = world.visitor(Generation::June2026, RAW, |it| it).await;
    let id = house.permission;
    let scanning = house.home.scan(house.code(Generation::June2026));
    let killing = async {
        world.until_status(id, "ACCEPTED").await;
        let waits = format!(
            "SELECT count(*) = 1 FROM jobs.job WHERE kind = 'mqtt.grant' AND state = 'available' AND payload::text LIKE '%{id}%'"
        );
        world.until(&waits).await;
    };
    tokio::pin!(scanning);
    tokio::select! {
        answered = &mut scanning => panic!("answered before the grant: {answered:?}"),
        () = killing => {}
    }
    world.stack.kill("aiida-permission").unwrap();
    assert!(scanning.await.is_err(), "nobody can have answered");
    assert_eq!(house.report().status, HomeStatus::Stranded);
    for service in ["mqtt-iam", "aiida-permission"] {
        world.stack.add(service).unwrap();
    }
    world.expire_leases().await;
    world.until(WHOLE).await;
    world.assert_let_in(&house).await;
    world.assert_history(id, &[]).await;
    // The password went with the answer: the eligible party ends it and asks anew.
    world.party.terminate(id).await.unwrap();
    let gone = format!("DELETE FROM aiida.permission WHERE id = '{id}'");
    world
        .until_status(id, "REQUIRES_EXTERNAL_TERMINATION")
        .await;
    world
        .until("SELECT count(*) = 0 FROM jobs.job WHERE kind = 'aiida.command' AND state IN ('available', 'running')")
        .await;
    world.stack.sql(&gone).await.unwrap();
}

/// mqtt-iam is killed and stays away for longer than the answer waits: the answer is a success, and the credentials
/// that it brought are good as soon as somebody is there to grant them.
async fn granted_after_the_answer(world: &mut World) {
    world.stack.kill("mqtt-iam").unwrap();
    let house = world.visitor(Generation::June2026, RAW, |it| it).await;
    let failed = house.home.scan(house.code(Generation::June2026)).await;
    let failed = failed.unwrap_err();
    assert!(
        matches!(failed, home::HomeError::FirstConnect { .. }),
        "answered, and refused by the broker: {failed:?}"
    );
    let id = house.permission;
    assert_eq!(house.credentials().username, id.to_string());
    let again = house.home.reconnect(id).await.unwrap();
    assert!(
        matches!(again, Reconnection::Refused(134 | 135)),
        "{again:?}"
    );
    world.stack.add("mqtt-iam").unwrap();
    world.expire_leases().await;
    world.until(WHOLE).await;
    world.assert_let_in(&house).await;
    let again = house.home.reconnect(id).await.unwrap();
    assert_eq!(again, Reconnection::Connected);
}

/// The same, but mqtt-iam is back in time: the home notices nothing.
async fn granted_while_the_home_waits(world: &mut World) {
    world.stack.kill("mqtt-iam").unwrap();
    let house = world.visitor(Generation::February2026, RAW, |it| it).await;
    let id = house.permission;
    let code = house.code(Generation::February2026).to_owned();
    let scanning = house.home.scan(&code);
    tokio::pin!(scanning);
    tokio::select! {
        answered = &mut scanning => panic!("answered before the grant: {answered:?}"),
        () = world.until_status(id, "ACCEPTED") => {}
    }
    world.stack.add("mqtt-iam").unwrap();
    scanning.await.unwrap();
    world.until(WHOLE).await;
    world.assert_let_in(&house).await;
    house.until("data", |home| home.acknowledged >= 2).await;
    world.settle(&house).await;
    world.assert_stored(&house).await;
    house.home.stop().await;
}

/// Six homes accept at once; the service is killed in the middle of it, when so many of them have been answered.
async fn killed_in_the_middle(world: &mut World, answered: usize) {
    let mut houses = Vec::new();
    for _ in 0..6 {
        houses.push(world.visitor(Generation::June2026, RAW, |it| it).await);
    }
    let has_answer = |house: &&House| house.home.credentials(house.permission).is_some();
    let moment = async {
        world
            .until("SELECT count(*) > 0 FROM aiida.credential WHERE created_at > now() - interval '1 second'")
            .await;
        wait::until(DEADLINE, "some answers", async || {
            (houses.iter().filter(has_answer).count() >= answered).then_some(())
        })
        .await;
    };
    let scanning = join_all(
        houses
            .iter()
            .map(|house| house.home.scan(house.code(Generation::June2026))),
    );
    tokio::pin!(scanning);
    tokio::select! {
        biased;
        () = moment => {}
        answered = &mut scanning => panic!("nobody was killed in time: {answered:?}"),
    }
    world.stack.kill("aiida-permission").unwrap();
    let scanned = scanning.await;
    world.stack.add("aiida-permission").unwrap();
    world.expire_leases().await;
    world.until(WHOLE).await;
    let mut streaming = 0;
    for (house, scanned) in houses.iter().zip(scanned) {
        if scanned.is_ok() {
            world.assert_history(house.permission, &[]).await;
            world.assert_let_in(house).await;
            house.until("data", |home| home.acknowledged >= 1).await;
            streaming += 1;
        }
        house.home.stop().await;
    }
    // Otherwise it was no moment in the middle.
    assert!(streaming >= answered, "{streaming} stream");
}

/// What makes a test of crashes quick: who takes over does so after two seconds.
const QUICK: &[(&str, &str)] = &[
    ("AIIDA_STREAM_LEASE_SECONDS", "2"),
    ("AIIDA_STREAM_ORPHAN_SECONDS", "1"),
    ("AIIDA_BCRYPT_COST", "4"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_takes_the_stream_in_is_killed_every_record_is_stored_once() {
    let mut world = start(QUICK).await;
    let houses = houses(&world, 12).await;
    // Alone: its messages wait at the broker until it is back.
    until_more(&world, 60).await;
    world.stack.kill("aiida-stream").unwrap();
    world.stack.add("aiida-stream").unwrap();
    // One of two: the other goes on, and somebody takes over what was the fallen one's.
    world.stack.add("aiida-stream").unwrap();
    until_more(&world, 60).await;
    world.stack.kill_one("aiida-stream").unwrap();
    until_more(&world, 60).await;
    // Both, and one is back; then the session of the other is emptied by it.
    world.stack.add("aiida-stream").unwrap();
    until_more(&world, 60).await;
    world.stack.kill("aiida-stream").unwrap();
    world.stack.add("aiida-stream").unwrap();
    until_more(&world, 60).await;
    close(&world, &houses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_and_the_broker_may_fail_every_record_is_stored_once() {
    let mut world = start(QUICK).await;
    let houses = houses(&world, 6).await;
    until_more(&world, 30).await;
    for _ in 0..2 {
        world
            .stack
            .cluster
            .terminate_backends("metergate")
            .await
            .unwrap();
        until_more(&world, 30).await;
    }
    world.stack.cluster.crash().unwrap();
    world.stack.cluster.start_again().unwrap();
    until_more(&world, 30).await;
    // The sandbox broker writes what it queues within a quarter of a second: what is on the disk must come through.
    quiet(&world, &houses).await;
    world.stack.kill_broker().unwrap();
    world.stack.restart_broker().unwrap();
    back(&houses).await;
    until_more(&world, 30).await;
    // With the stream away: what the broker has acknowledged is in its store alone.
    world.stack.kill("aiida-stream").unwrap();
    let before: Vec<u64> = houses.iter().map(|it| it.report().acknowledged).collect();
    for (house, before) in houses.iter().zip(before) {
        house
            .until("records without anybody to store them", |home| {
                home.acknowledged >= before + 10
            })
            .await;
    }
    quiet(&world, &houses).await;
    world.stack.kill_broker().unwrap();
    world.stack.restart_broker().unwrap();
    world.stack.add("aiida-stream").unwrap();
    back(&houses).await;
    until_more(&world, 30).await;
    close(&world, &houses).await;
}

/// So many homes that send everything each second.
async fn houses(world: &World, number: usize) -> Vec<House> {
    let houses = (0..number).map(|nr| {
        let generation = Generation::ALL[1 + nr % 2];
        world.house(generation, EVERYTHING)
    });
    join_all(houses).await
}

/// Waits until so many more messages are stored.
async fn until_more(world: &World, messages: i64) {
    const STORED: &str = "SELECT count(*) FROM aiida.message";
    let before = wait::until(DEADLINE, "the database", async || {
        let answers = world.stack.holds("SELECT true").await;
        answers.unwrap_or(false).then_some(())
    });
    before.await;
    let before = world.count(STORED).await;
    world
        .until(&format!("SELECT ({STORED}) >= {}", before + messages))
        .await;
}

/// Four times what the sandbox broker takes to write what it queues.
const WRITTEN: Duration = Duration::from_secs(1);

/// Cuts the homes off, and waits until all that the broker has acknowledged is in the database or on its disk. What is
/// in both is counted twice, so nothing may move any more either.
async fn quiet(world: &World, houses: &[House]) {
    for house in houses {
        house.home.go_offline().await;
    }
    let folder = world.stack.folder().join("broker");
    let mut seen = (0, Instant::now());
    wait::until(DEADLINE, "the queue on the disk", async || {
        let stored = world.count("SELECT count(*) FROM aiida.message").await;
        let queued = files(&folder.join("queues")) + files(&folder.join("inflight"));
        let safe = usize::try_from(stored).unwrap() + queued;
        if safe != seen.0 {
            seen = (safe, Instant::now());
        }
        let complete = safe >= houses.iter().map(acknowledged).sum::<usize>();
        (complete && seen.1.elapsed() >= WRITTEN).then_some(())
    })
    .await;
}

async fn back(houses: &[House]) {
    for house in houses {
        house.home.go_online().await;
    }
    for house in houses {
        house.until("to be back", |home| home.connected).await;
    }
}

/// Every home is paused by the eligible party and has everything acknowledged; then the books must agree.
async fn close(world: &World, houses: &[House]) {
    let pause = json!({ "action": "SET_TRANSMISSION_ENABLED", "enabled": false });
    for house in houses {
        // Older homes know no commands: cut off, what they have not sent yet goes with them.
        if house.home.report().generation == Generation::June2026 {
            world.party.command(house.permission, &pause).await.unwrap();
        }
    }
    for house in houses {
        if house.home.report().generation == Generation::June2026 {
            house
                .until("the pause", |home| !home.transmission_enabled)
                .await;
            house
                .until("an empty outbox", |home| {
                    home.buffered == 0 && home.acknowledged + home.publish_refused >= home.records
                })
                .await;
        } else {
            house.home.stop().await;
        }
    }
    let waiting = wait::until(
        Duration::from_secs(45),
        "acknowledged records to be stored",
        async || {
            let mut missing = 0;
            for house in houses {
                let stored = format!(
                    "SELECT count(*) FROM aiida.message WHERE permission_id = '{}'",
                    house.permission
                );
                let stored = usize::try_from(world.count(&stored).await).unwrap();
                missing += acknowledged(house).saturating_sub(stored);
            }
            (missing == 0).then_some(())
        },
    );
    if tokio::time::timeout(Duration::from_secs(40), waiting)
        .await
        .is_err()
    {
        eprintln!("{}", world.logs());
    }
    let mut stored = 0;
    for house in houses {
        stored += world.assert_stored(house).await;
    }
    assert!(stored > 100, "{stored}");
    let refused = world
        .rows("SELECT reason, messages FROM aiida.refusal")
        .await;
    assert!(refused.is_empty(), "{refused:?}");
    world.assert_quiet(houses).await;
    for house in houses {
        house.home.stop().await;
    }
}

/// Records that the broker has acknowledged, each once.
fn acknowledged(house: &House) -> usize {
    let sent = house.home.sent(house.permission).unwrap();
    let records = sent.acknowledged.iter().map(|one| one.payload.as_slice());
    records.collect::<HashSet<_>>().len()
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let in_entry = |entry: std::fs::DirEntry| {
        if entry.path().is_dir() {
            files(&entry.path())
        } else {
            1
        }
    };
    entries.map(in_entry).sum()
}
