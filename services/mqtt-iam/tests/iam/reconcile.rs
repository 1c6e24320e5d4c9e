//! Tables and broker held against the permissions.

use std::time::Duration;

use job_queue::NewJob;
use permission::Status;
use serde_json::{Value, json};
use storage::kinds::{MqttGrant, MqttReconcile};

use crate::fake_broker::Mood;
use crate::world::{World, grant};

/// Runs the job and answers its result; the jobs that it has enqueued have ended.
async fn reconcile(world: &mut World) -> Value {
    let job = world.enqueue(&MqttReconcile {}).await;
    let (state, errors) = world.ended(job).await;
    assert_eq!(state, "completed", "{errors:?}");
    let result = format!("SELECT result FROM jobs.job WHERE id = {job}");
    serde_json::from_str(&world.text(&result).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_comes_and_what_is_dead_goes() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    // Live: complete, without rows, with a rule too many.
    let complete = world.accepted(Status::Accepted).await;
    let missing = world.accepted(Status::Accepted).await;
    let edited = world.accepted(Status::Terminated).await;
    // Dead: with rows, with a credential only (which nobody accepted), accepted once and never known to be gone, and
    // done with.
    let rows = world.accepted(Status::Accepted).await;
    for id in [complete, edited, rows] {
        grant(&mut conn, id).await.unwrap();
    }
    world.set_status(rows, Status::Fulfilled).await;
    let hash = world.accepted(Status::Revoked).await;
    world
        .sql(&format!(
            "UPDATE aiida.permission SET accepted_at = NULL WHERE id = '{hash}'"
        ))
        .await;
    let unknown = world.accepted(Status::ExternallyTerminated).await;
    let done = world.accepted(Status::Revoked).await;
    world
        .sql(&format!(
            "DELETE FROM aiida.credential WHERE permission_id IN ('{unknown}', '{done}');
             UPDATE aiida.permission SET removed_at = now() WHERE id = '{done}';
             INSERT INTO aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)
             VALUES ('{edited}', 'ALL', 'ALLOW', '#', '{complete}')"
        ))
        .await;
    let never = world
        .permission(Status::Rejected, &crate::world::outbound())
        .await;
    let _service = world.service();
    let told = reconcile(&mut world).await;
    assert_eq!(
        told,
        json!({ "grants": 2, "revocations": 3, "foreign": 0, "disconnected": 0 })
    );
    world.until_idle().await;
    for id in [complete, missing, edited] {
        world.assert_let_in(id).await;
    }
    for id in [rows, hash, unknown] {
        world.assert_shut_out(id).await;
        // Only what was there once can be gone.
        let marked = world.column(id, "removed_at").await.is_some();
        assert_eq!(marked, id != hash);
    }
    assert_eq!(world.column(never, "removed_at").await, None);
    let left = "SELECT count(*) FROM aiida.credential";
    assert_eq!(world.number(left).await, 3);
    // Nothing is left to do.
    let told = reconcile(&mut world).await;
    assert_eq!(
        told,
        json!({ "grants": 0, "revocations": 0, "foreign": 0, "disconnected": 0 })
    );
}

/// A superuser by hand, a user of nobody's, rules under a user of nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_hand_has_written_goes() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    let id = world.accepted(Status::Accepted).await;
    let asked = world
        .permission(
            Status::SentToPermissionAdministrator,
            &crate::world::outbound(),
        )
        .await;
    let bare = world
        .permission(Status::Accepted, &crate::world::outbound())
        .await;
    grant(&mut conn, id).await.unwrap();
    world
        .sql(&format!(
            "ALTER TABLE aiida.aiida_mqtt_user DROP CONSTRAINT aiida_mqtt_user_is_superuser_check;
             UPDATE aiida.aiida_mqtt_user SET is_superuser = true;
             INSERT INTO aiida.aiida_mqtt_user (username, password_hash, is_superuser, permission_id)
             VALUES ('mallory', 'x', true, '{id}'), ('{asked}', 'x', false, '{asked}'), ('{bare}', 'x', false, '{bare}');
             INSERT INTO aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)
             VALUES ('mallory', 'ALL', 'ALLOW', '#', '{id}')"
        ))
        .await;
    world.broker.connect(Some("mallory"), "m");
    let _service = world.service();
    let told = reconcile(&mut world).await;
    assert_eq!(told["foreign"], 1);
    let audited = "SELECT count(*) FROM audit.event WHERE action = 'mqtt.foreign_removed'";
    assert_eq!(world.number(audited).await, 1);
    assert_eq!(told["disconnected"], 1);
    world.until_idle().await;
    world.assert_let_in(id).await;
    world.assert_shut_out(asked).await;
    world.assert_shut_out(bare).await;
    let users = "SELECT count(*) FROM aiida.aiida_mqtt_user";
    assert_eq!(world.number(users).await, 1);
    assert!(world.broker.clients().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_that_are_no_users_are_disconnected_and_nobody_else() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    let id = world.accepted(Status::Accepted).await;
    grant(&mut conn, id).await.unwrap();
    // Its rows are on their way: it stays.
    let missing = world.accepted(Status::Accepted).await;
    let stray = "00000000-0000-4000-8000-000000000000";
    for name in [id.to_string(), missing.to_string(), stray.to_owned()] {
        world.broker.connect(Some(&name), "x");
    }
    world.broker.connect(Some("metergate"), "0");
    world.broker.connect(None, "probe");
    let _service = world.service();
    let told = reconcile(&mut world).await;
    assert_eq!(told["disconnected"], 1);
    let clients = world.broker.clients();
    assert_eq!(clients.len(), 4);
    assert!(!clients.iter().any(|client| client.starts_with(stray)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_left_to_its_job() {
    let mut world = World::start().await;
    let id = world.accepted(Status::Accepted).await;
    let later = NewJob::new(&MqttGrant { permission: id })
        .unwrap()
        .after(Duration::from_hours(1));
    job_queue::enqueue(&mut world.conn, &[later]).await.unwrap();
    world.broker.connect(Some(&id.to_string()), "x");
    let _service = world.service();
    let told = reconcile(&mut world).await;
    assert_eq!(told["grants"], 0);
    assert_eq!(told["disconnected"], 0);
    let waiting = "SELECT count(*) FROM jobs.job WHERE kind = 'mqtt.grant' AND state = 'available'
                   AND run_at > now() + interval '50 minutes'";
    assert_eq!(world.number(waiting).await, 1);
    world.assert_shut_out(id).await;
}

/// The tables do not wait for the broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_keeps_no_home_out() {
    let mut world = World::start().await;
    let missing = world.accepted(Status::Accepted).await;
    world.broker.set(Mood::Down);
    let _service = world.service();
    let told = reconcile(&mut world).await;
    assert_eq!(
        told,
        json!({ "grants": 1, "revocations": 0, "foreign": 0, "disconnected": null })
    );
    world.until_idle().await;
    world.assert_let_in(missing).await;
}

/// More permissions than one page of the comparison.
#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_reads_every_page() {
    let mut world = World::start().await;
    let need = crate::world::outbound();
    world
        .sql(&format!(
            "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, accepted_at)
             SELECT id, id, 'a household', id, '{need}', 'ACCEPTED', now()
             FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 503)) made;
             INSERT INTO aiida.credential (permission_id, password_hash) SELECT id, 'x' FROM aiida.permission"
        ))
        .await;
    let _service = world.service();
    assert_eq!(reconcile(&mut world).await["grants"], 503);
    world.until_idle().await;
    let users = "SELECT count(*) FROM aiida.aiida_mqtt_user";
    assert_eq!(world.number(users).await, 503);
    assert_eq!(reconcile(&mut world).await["grants"], 0);
}
