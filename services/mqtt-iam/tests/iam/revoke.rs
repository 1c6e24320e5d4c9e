//! Shutting a home out: rows, credential, connections, sessions, retained messages; whatever ends on the way.

use permission::{PermissionId, Status};
use storage::kinds::{MqttGrant, MqttRevoke};
use test_support::{jobs, wait};

use crate::fake_broker::Mood;
use crate::world::{DEADLINE, World, grant};

/// A home that was let in, is connected twice, and whose permission has ended.
async fn ended_while_connected(world: &mut World) -> PermissionId {
    let id = world.accepted(Status::Accepted).await;
    let mut conn = world.as_service().await;
    grant(&mut conn, id).await.unwrap();
    connect(world, id);
    world.set_status(id, Status::Revoked).await;
    id
}

fn connect(world: &World, id: PermissionId) {
    let name = id.to_string();
    world.broker.connect(Some(&name), &name);
    world.broker.connect(Some(&name), "f3a1");
    for end in ["status", "command/TERMINATE", "data/inbound/opaque"] {
        world.broker.retain(&format!("aiida/v1/{id}/{end}"));
    }
}

async fn assert_gone(world: &mut World, id: PermissionId) {
    world.assert_shut_out(id).await;
    let hashes = format!("SELECT count(*) FROM aiida.credential WHERE permission_id = '{id}'");
    assert_eq!(world.number(&hashes).await, 0);
    let name = id.to_string();
    assert!(!world.broker.clients().iter().any(|it| it.contains(&name)));
    assert!(!world.broker.retained().iter().any(|it| it.contains(&name)));
    assert!(world.column(id, "removed_at").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_revoked_home_and_everything_of_the_others() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    let other = world.accepted(Status::Accepted).await;
    let mut conn = world.as_service().await;
    grant(&mut conn, other).await.unwrap();
    connect(&world, other);
    world.broker.connect(None, "metergate-0");
    let _service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    assert_eq!(world.ended(job).await.0, "completed");
    assert_gone(&mut world, id).await;
    assert_eq!(world.audited(id).await, ["mqtt.revoked", "mqtt.removed"]);
    // What was remembered as allowed goes before its connection.
    let asked = world.broker.asked("DELETE /api/v5/clients/");
    let client = format!("DELETE /api/v5/clients/{id}%2Ff3a1");
    let place = |line: &str| asked.iter().position(|it| it == line).unwrap();
    assert!(place(&format!("{client}/authorization/cache")) < place(&client));
    // The others are untouched.
    world.assert_let_in(other).await;
    assert_eq!(world.broker.clients().len(), 3);
    assert_eq!(world.broker.retained().len(), 3);
    assert_eq!(world.column(other, "removed_at").await, None);
    // A second time: the same, and no second line in the audit log.
    let (tables, removed_at) = (world.tables().await, world.column(id, "removed_at").await);
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    assert_eq!(world.ended(job).await.0, "completed");
    assert_eq!(world.tables().await, tables);
    assert_eq!(world.column(id, "removed_at").await, removed_at);
    assert_eq!(world.audited(id).await.len(), 2);
}

/// The run that removed the rows may have ended before it told the broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_revocation_is_finished_by_the_next_worker() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    world.broker.set(Mood::Silent);
    let service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    let rows = format!("SELECT count(*) FROM aiida.aiida_mqtt_user WHERE username = '{id}'");
    world.until("the rows to go", &rows, 0).await;
    service.kill().await;
    assert_eq!(world.column(id, "removed_at").await, None);
    assert!(!world.broker.clients().is_empty());
    world.broker.set(Mood::Fine);
    world.sql(jobs::LEASES_OVER).await;
    let _service = world.service();
    assert_eq!(world.ended(job).await.0, "completed");
    assert_gone(&mut world, id).await;
    assert_eq!(world.audited(id).await, ["mqtt.revoked", "mqtt.removed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_is_waited_for() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    world.broker.set(Mood::Down);
    let _service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    let noted = format!("SELECT coalesce(cardinality(errors), 0) FROM jobs.job WHERE id = {job}");
    world.until("the first attempt", &noted, 1).await;
    // Nobody comes in meanwhile.
    world.assert_shut_out(id).await;
    assert_eq!(world.column(id, "removed_at").await, None);
    let most = format!("SELECT count(*) FROM jobs.job WHERE id = {job} AND max_attempts IS NULL");
    assert_eq!(world.number(&most).await, 1, "it is never given up");
    let errors = world.errors(job).await;
    assert!(errors[0].contains("503"), "{errors:?}");
    world.broker.set(Mood::Fine);
    world.sql(jobs::ALL_DUE).await;
    assert_eq!(world.ended(job).await.0, "completed");
    assert_gone(&mut world, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_is_ended_again() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    world.broker.come_back(3);
    let _service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    assert_eq!(world.ended(job).await, ("completed".to_owned(), Vec::new()));
    assert_gone(&mut world, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_leaves_is_no_success() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    world.broker.come_back(1_000);
    let _service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    let noted = format!("SELECT coalesce(cardinality(errors), 0) FROM jobs.job WHERE id = {job}");
    world.until("the first attempt", &noted, 1).await;
    let errors = world.errors(job).await;
    assert!(
        errors[0].contains("still lists 2 connections"),
        "{errors:?}"
    );
    assert_eq!(world.column(id, "removed_at").await, None);
}

/// More sessions than a page, with names that make a page larger than an answer may be and an address longer than a
/// server takes; the same of retained messages.
#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_with_long_names_do_not_keep_a_home_in() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    let name = id.to_string();
    for number in 0..130 {
        // Six bytes each in JSON: a page of 34 MB, and half of it.
        let long = "\u{1}".repeat(45_000);
        world
            .broker
            .connect(Some(&name), &format!("{number}{long}"));
    }
    for number in 0..300 {
        let long = "x".repeat(if number % 100 == 0 { 60_000 } else { 10 });
        let topic = format!("aiida/v1/{id}/data/outbound/{number}{long}");
        world.broker.retain(&topic);
    }
    let _service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    assert_eq!(world.ended(job).await, ("completed".to_owned(), Vec::new()));
    assert_gone(&mut world, id).await;
}

/// Who cannot be listed to the end is at least ended as far as the list goes.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_shows_is_ended_before_the_next_is_read() {
    let mut world = World::start().await;
    let id = ended_while_connected(&mut world).await;
    let name = id.to_string();
    for number in 0..400 {
        world
            .broker
            .connect(Some(&name), &format!("session-{number}"));
    }
    let _service = world.service();
    let job = world.enqueue(&MqttRevoke { permission: id }).await;
    assert_eq!(world.ended(job).await, ("completed".to_owned(), Vec::new()));
    assert_gone(&mut world, id).await;
    let asked = world.broker.asked("");
    let lists: Vec<_> = asked
        .iter()
        .enumerate()
        .filter(|(_, line)| *line == "GET /api/v5/clients")
        .map(|(place, _)| place)
        .collect();
    // The cache and the connection of each that the first page shows.
    assert_eq!(lists[1] - lists[0], 1 + 2 * 128);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_permission_is_not_shut_out_by_mistake() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    let _service = world.service();
    for status in [Status::Accepted, Status::RequiresExternalTermination] {
        let id = world.accepted(status).await;
        grant(&mut conn, id).await.unwrap();
        connect(&world, id);
        let before = world.tables().await;
        let job = world.enqueue(&MqttRevoke { permission: id }).await;
        assert_eq!(world.ended(job).await.0, "cancelled");
        assert_eq!(world.tables().await, before);
        assert_eq!(world.column(id, "removed_at").await, None);
        assert!(world.audited(id).await.is_empty());
    }
    assert_eq!(world.broker.asked("DELETE"), Vec::<String>::new());
    assert_eq!(world.broker.clients().len(), 4);
}

/// Before any grant, and for a permission that was erased: whatever the broker still holds goes.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_cleared_also_when_there_is_no_row() {
    let mut world = World::start().await;
    let early = world.accepted(Status::Revoked).await;
    let erased = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    connect(&world, early);
    connect(&world, erased);
    let _service = world.service();
    for permission in [early, erased] {
        let job = world.enqueue(&MqttRevoke { permission }).await;
        assert_eq!(world.ended(job).await.0, "completed");
    }
    assert_gone(&mut world, early).await;
    assert!(world.broker.clients().is_empty() && world.broker.retained().is_empty());
    // The grant that was under way comes last, and finds nothing to do.
    let job = world.enqueue(&MqttGrant { permission: early }).await;
    assert_eq!(world.ended(job).await.0, "completed");
    world.assert_shut_out(early).await;
}

/// Grants and revocations of many homes while both are asked for again and again.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_come_to_an_end() {
    let mut world = World::start().await;
    let (_one, _other) = (world.service(), world.service());
    let mut ids = Vec::new();
    for number in 0..12 {
        let permission = world.accepted(Status::Accepted).await;
        world.enqueue(&MqttGrant { permission }).await;
        if number % 2 == 0 {
            connect(&world, permission);
            world.set_status(permission, Status::Revoked).await;
            world.enqueue(&MqttRevoke { permission }).await;
            world.enqueue(&MqttGrant { permission }).await;
        }
        ids.push(permission);
    }
    world.until_idle().await;
    for (number, id) in ids.into_iter().enumerate() {
        if number % 2 == 0 {
            assert_gone(&mut world, id).await;
        } else {
            world.assert_let_in(id).await;
        }
    }
    wait::until(DEADLINE, "the broker to be empty", async || {
        world.broker.clients().is_empty().then_some(())
    })
    .await;
}
