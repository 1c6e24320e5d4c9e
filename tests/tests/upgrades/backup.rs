//! A dump while customers are fetched and homes send, everything lost, and the restore: the drill of "Backup" and
//! "Restore" in `docs/operating.md`.

use std::path::Path;
use std::process::Command;

use demo::{SERVICES, Side, StackOptions};
use end_to_end::houses::{RAW, World, named, start_with};
use home::{Generation, Reconnection};
use serde_json::{Value, json};

use crate::customers::{SLOWLY, assert_delivered, authorize, until_received};
use crate::operator::{metergate, run};

/// What must hold of one consistent moment: nothing refers to what is not there, and whatever has a next step has a
/// job for it.
const WHOLE: &[(&str, &str)] = &[
    (
        "readings without their record",
        "SELECT count(*) FROM aiida.reading r WHERE NOT EXISTS (SELECT FROM aiida.message m
         WHERE (m.permission_id, m.sent_at, m.digest) = (r.permission_id, r.sent_at, r.digest))",
    ),
    (
        "accepted homes that are no users",
        "SELECT count(*) FROM aiida.permission p WHERE granted_at IS NOT NULL AND status = 'ACCEPTED'
         AND NOT EXISTS (SELECT FROM aiida.aiida_mqtt_user u WHERE u.permission_id = p.id)",
    ),
    (
        "permissions whose status is not their last event's",
        "SELECT count(*) FROM aiida.permission p WHERE status <> (SELECT e.status FROM aiida.permission_event e
         WHERE e.permission_id = p.id ORDER BY e.id DESC LIMIT 1)",
    ),
    (
        "histories under way without a job",
        "SELECT count(*) FROM smd.authorization a WHERE stage = 'fetching' AND NOT EXISTS (SELECT FROM jobs.job j
         WHERE j.kind = 'smd.fetch' AND j.unique_key = a.id::text AND j.state IN ('available', 'running'))",
    ),
    (
        "windows that are in without a reading",
        "SELECT count(*) FROM smd.authorization a WHERE EXISTS (SELECT FROM smd.pull p
         WHERE p.authorization_id = a.id AND p.received_at IS NOT NULL)
         AND NOT EXISTS (SELECT FROM smd.series s WHERE s.authorization_id = a.id)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_under_load_is_restored_and_everything_goes_on() {
    let options = StackOptions {
        side: Side::Both,
        services: named(SLOWLY),
        ..StackOptions::default()
    };
    let mut world = start_with(options).await;
    let mut customer = authorize(&world.stack, "fable").await;
    let staying = world.house(Generation::June2026, RAW).await;
    let leaving = world.house(Generation::February2026, RAW).await;
    let waiting = world.visitor(Generation::June2026, RAW, |it| it).await;
    for house in [&staying, &leaving] {
        house.until("data", |home| home.acknowledged >= 2).await;
    }
    until_received(&world, 3).await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metergate.dump");
    dump(&world, &file);

    // What happens since is forgotten here.
    leaving.home.revoke(leaving.permission).await.unwrap();
    world.until_status(leaving.permission, "REVOKED").await;
    world.assert_shut_out(&leaving).await;
    let later = world.house(Generation::June2026, RAW).await;
    later.until("data", |home| home.acknowledged >= 1).await;
    until_received(&world, 7).await;
    let lost = world.count("SELECT count(received_at) FROM smd.pull").await;
    let last_event = world
        .count("SELECT max(id) FROM aiida.permission_event")
        .await;

    for service in SERVICES {
        world.stack.kill(service.name).unwrap();
    }
    world.stack.kill_broker().unwrap();
    world.stack.empty_database().await.unwrap();
    restore(&world, &file);
    let said = metergate(&world.stack, &["migrate"]);
    assert!(said.ok, "{}", said.text);
    for (what, query) in WHOLE {
        assert_eq!(world.count(query).await, 0, "{what}");
    }
    assert!(world.count("SELECT count(*) FROM aiida.reading").await > 0);
    let received = world.count("SELECT count(received_at) FROM smd.pull").await;
    assert!(
        (3..=lost).contains(&received),
        "{received} windows are in the dump, {lost} were in at the end"
    );
    // "To an older moment", 1: ids that receivers know are not given again.
    let counter = format!(
        "SELECT setval(pg_get_serial_sequence('aiida.permission_event', 'id'), {last_event})"
    );
    world.stack.sql(&counter).await.unwrap();
    // Leases of the processes that are gone run out by themselves, within half a minute.
    world.expire_leases().await;

    world.stack.restart_broker().unwrap();
    for service in SERVICES {
        world.stack.launch(service.name).unwrap();
    }
    world.stack.until_ready().unwrap();
    goes_on(&world, &staying).await;
    // Ended since: accepted again, as the table in the manual says. Accepted since: nobody knows it.
    world.until_status(leaving.permission, "ACCEPTED").await;
    world.assert_let_in(&leaving).await;
    let again = later.home.reconnect(later.permission).await.unwrap();
    assert!(
        matches!(again, Reconnection::Refused(134 | 135)),
        "{again:?}"
    );
    // A code from before is good, and its events come after all that were known.
    waiting
        .home
        .scan(waiting.code(Generation::June2026))
        .await
        .unwrap();
    let newer = format!(
        "SELECT count(*) > 0 FROM aiida.permission_event WHERE permission_id = '{}' AND status = 'ACCEPTED' AND id > {last_event}",
        waiting.permission
    );
    world.until(&newer).await;
    assert_delivered(&world, &mut customer).await;
    assert_eq!(
        world
            .count("SELECT count(*) FROM jobs.job WHERE state = 'discarded'")
            .await,
        0
    );
    for house in [staying, leaving, later, waiting] {
        house.home.stop().await;
    }
}

fn dump(world: &World, file: &Path) {
    let mut command = Command::new("pg_dump");
    command
        .arg("-Fc")
        .arg("-f")
        .arg(file)
        .arg(world.stack.database_url());
    let said = run(command);
    assert!(said.ok, "{}", said.text);
}

fn restore(world: &World, file: &Path) {
    let mut command = Command::new("pg_restore");
    command
        .args(["--exit-on-error", "--single-transaction", "-d"])
        .arg(world.stack.database_url())
        .arg(file);
    let said = run(command);
    assert!(said.ok, "{}", said.text);
}

/// The home comes back by itself, and what it sends now is stored.
async fn goes_on(world: &World, house: &end_to_end::houses::House) {
    let id = house.permission;
    let stored = format!("SELECT count(*) FROM aiida.message WHERE permission_id = '{id}'");
    let before = world.count(&stored).await;
    house.until("to be back", |home| home.connected).await;
    world
        .until(&format!("SELECT ({stored}) >= {}", before + 3))
        .await;
    world.assert_let_in(house).await;
    let events = world
        .rows(&format!("SELECT status FROM aiida.permission_event WHERE permission_id = '{id}' ORDER BY id DESC LIMIT 1"))
        .await;
    assert_eq!(Value::from(events), json!([{ "status": "ACCEPTED" }]));
}
