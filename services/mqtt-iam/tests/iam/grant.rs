//! Letting a home in: exactly what the permission says, once, quickly, and never after its end.

use std::time::{Duration, Instant};

use job_queue::Listener;
use permission::Status;
use service_kit::shutdown::Shutdown;
use storage::iam::{Granted, Revoked};
use storage::kinds::MqttGrant;
use storage::{Database, DatabaseConfig};
use test_support::{jobs, wait};

use crate::world::{
    DEADLINE, World, begin, commit, connect, data_need, expected_rules, grant, number, outbound,
    revoke,
};

#[tokio::test]
async fn a_grant_writes_the_rows_in_order_and_a_second_one_changes_nothing() {
    let mut world = World::start().await;
    let id = world.accepted(Status::Accepted).await;
    let mut conn = world.as_service().await;
    assert_eq!(grant(&mut conn, id).await.unwrap(), Granted::Written);
    world.assert_let_in(id).await;
    let (tables, granted_at) = (world.tables().await, world.column(id, "granted_at").await);
    assert!(granted_at.is_some());
    assert_eq!(grant(&mut conn, id).await.unwrap(), Granted::Unchanged);
    assert_eq!(world.tables().await, tables);
    assert_eq!(world.column(id, "granted_at").await, granted_at);
}

#[tokio::test]
async fn the_rules_follow_the_data_need() {
    let mut world = World::start().await;
    let inbound = data_need("inbound-aiida", "OPAQUE", true);
    let id = world.permission(Status::Accepted, &inbound).await;
    world
        .sql(&format!(
            "INSERT INTO aiida.credential (permission_id, password_hash) VALUES ('{id}', 'x')"
        ))
        .await;
    let mut conn = world.as_service().await;
    assert_eq!(grant(&mut conn, id).await.unwrap(), Granted::Written);
    let rules = world.rules(id).await;
    for rule in [
        format!("DENY SUBSCRIBE eq aiida/v1/{id}/data/inbound/#"),
        format!("ALLOW SUBSCRIBE aiida/v1/{id}/data/inbound/+"),
        format!("ALLOW PUBLISH aiida/v1/{id}/acknowledgement/+"),
    ] {
        assert!(rules.contains(&rule), "{rule} is not among {rules:?}");
    }
    assert!(!rules.iter().any(|rule| rule.contains("outbound")));
}

#[tokio::test]
async fn only_permissions_whose_home_is_needed_have_rows() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    let needing = [
        Status::Accepted,
        Status::Terminated,
        Status::RequiresExternalTermination,
    ];
    for status in Status::ALL {
        let id = world.accepted(status).await;
        let granted = grant(&mut conn, id).await.unwrap();
        if needing.contains(&status) {
            assert_eq!(granted, Granted::Written, "{status}");
            assert_eq!(
                revoke(&mut conn, id).await.unwrap(),
                Revoked::Needed(status)
            );
            world.assert_let_in(id).await;
        } else {
            assert_eq!(granted, Granted::NotNeeded(status), "{status}");
            world.assert_shut_out(id).await;
            assert_eq!(world.column(id, "granted_at").await, None, "{status}");
        }
    }
}

#[tokio::test]
async fn what_a_hand_has_changed_is_replaced_in_order() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    let id = world.accepted(Status::Accepted).await;
    let other = world.accepted(Status::Accepted).await;
    grant(&mut conn, other).await.unwrap();
    world
        .sql("ALTER TABLE aiida.aiida_mqtt_user DROP CONSTRAINT aiida_mqtt_user_is_superuser_check")
        .await;
    let acl = "aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)";
    for change in [
        format!("UPDATE aiida.aiida_mqtt_user SET is_superuser = true WHERE username = '{id}'"),
        format!("UPDATE aiida.aiida_mqtt_user SET password_hash = 'another' WHERE username = '{id}'"),
        format!("UPDATE aiida.aiida_mqtt_user SET permission_id = '{other}' WHERE username = '{id}'"),
        format!("DELETE FROM aiida.aiida_mqtt_user WHERE username = '{id}'"),
        format!("DELETE FROM aiida.aiida_mqtt_acl WHERE username = '{id}' AND acl_type = 'DENY'"),
        format!("UPDATE aiida.aiida_mqtt_acl SET topic = '#' WHERE username = '{id}'"),
        format!("INSERT INTO {acl} VALUES ('{id}', 'ALL', 'ALLOW', '#', '{id}')"),
        format!("INSERT INTO {acl} VALUES ('{id}', 'ALL', 'ALLOW', '#', '{other}')"),
        // The deny row after what it should close.
        format!(
            "WITH gone AS (DELETE FROM aiida.aiida_mqtt_acl WHERE username = '{id}' AND acl_type = 'DENY' RETURNING *)
             INSERT INTO {acl} SELECT username, action, acl_type, topic, permission_id FROM gone"
        ),
    ] {
        grant(&mut conn, id).await.unwrap();
        world.sql(&change).await;
        assert_eq!(grant(&mut conn, id).await.unwrap(), Granted::Written, "{change}");
        world.assert_let_in(id).await;
        world.assert_let_in(other).await;
        assert_eq!(grant(&mut conn, id).await.unwrap(), Granted::Unchanged, "{change}");
    }
}

#[tokio::test]
async fn a_late_grant_brings_nobody_back() {
    let mut world = World::start().await;
    let mut conn = world.as_service().await;
    let id = world.accepted(Status::Accepted).await;
    grant(&mut conn, id).await.unwrap();
    world.set_status(id, Status::FailedToTerminate).await;
    assert_eq!(
        revoke(&mut conn, id).await.unwrap(),
        Revoked::Removed(1 + expected_rules(id).len())
    );
    let late = grant(&mut conn, id).await.unwrap();
    assert_eq!(late, Granted::NotNeeded(Status::FailedToTerminate));
    // Told once more of its end: the hash is gone, and so is every way back.
    world
        .set_status(id, Status::RequiresExternalTermination)
        .await;
    assert_eq!(grant(&mut conn, id).await.unwrap(), Granted::NoCredential);
    world.assert_shut_out(id).await;
    // A revocation may come before any grant.
    let early = world.accepted(Status::Revoked).await;
    assert_eq!(revoke(&mut conn, early).await.unwrap(), Revoked::Removed(0));
    assert_eq!(
        grant(&mut conn, early).await.unwrap(),
        Granted::NotNeeded(Status::Revoked)
    );
    world.assert_shut_out(early).await;
}

/// The status is looked at under the lock: one that changes at the same moment counts.
#[tokio::test]
async fn a_grant_waits_for_a_change_of_status_and_sees_it() {
    let mut world = World::start().await;
    let id = world.accepted(Status::Accepted).await;
    let mut conn = world.as_service().await;
    begin(&mut world.conn).await;
    world.set_status(id, Status::Revoked).await;
    let granting = tokio::spawn(async move { grant(&mut conn, id).await.unwrap() });
    let mut watching = connect(&world.database.url()).await;
    wait::until(DEADLINE, "the grant to wait for the lock", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (number(&mut watching, waiting).await > 0).then_some(())
    })
    .await;
    commit(&mut world.conn).await;
    assert_eq!(granting.await.unwrap(), Granted::NotNeeded(Status::Revoked));
    world.assert_shut_out(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_and_revocations_at_once_leave_nobody_in() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(world.accepted(Status::Accepted).await);
    }
    let mut running = Vec::new();
    for &id in &ids {
        for _ in 0..2 {
            let mut conn = world.as_service().await;
            running.push(tokio::spawn(async move {
                for _ in 0..5 {
                    grant(&mut conn, id).await.unwrap();
                }
            }));
        }
        let mut conn = world.as_service().await;
        world.set_status(id, Status::Revoked).await;
        running.push(tokio::spawn(async move {
            revoke(&mut conn, id).await.unwrap();
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    for id in ids {
        world.assert_shut_out(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_homes_that_wait_are_let_in_at_once() {
    let mut world = World::start().await;
    let _service = world.service();
    let config = DatabaseConfig {
        database_url: world.database.url().into(),
        database_password_file: None,
        database_connections: 12,
    };
    let (database, shutdown) = (Database::new(&config).unwrap(), Shutdown::new());
    let listener: Listener = database.listen(&shutdown);
    let warm = world.accepted(Status::Accepted).await;
    let job = world.enqueue(&MqttGrant { permission: warm }).await;
    world.ended(job).await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let permission = world.accepted(Status::Accepted).await;
        let (database, listener) = (database.clone(), listener.clone());
        waiting.push(tokio::spawn(async move {
            let started = Instant::now();
            let job = {
                let mut conn = database.get().await.unwrap();
                job_queue::enqueue_one(&mut conn, &MqttGrant { permission })
                    .await
                    .unwrap()
            };
            job_queue::wait_for(database.pool(), &listener, job, DEADLINE)
                .await
                .unwrap();
            (permission, started.elapsed())
        }));
    }
    for one in waiting {
        let (permission, took) = one.await.unwrap();
        assert!(took < Duration::from_secs(5), "a home waited {took:?}");
        world.assert_let_in(permission).await;
        assert_eq!(world.audited(permission).await, ["mqtt.granted"]);
    }
    shutdown.begin_hard();
}

/// One permission that cannot be read is told to the operator and keeps nobody else waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_need_that_cannot_be_read_is_named() {
    let mut world = World::start().await;
    let broken = world.accepted(Status::Accepted).await;
    world
        .sql(&format!(
            "UPDATE aiida.permission SET data_need = '{{\"type\": \"outbound-aiida\"}}' WHERE id = '{broken}'"
        ))
        .await;
    let fine = world.accepted(Status::Accepted).await;
    let _service = world.service();
    let stuck = world.enqueue(&MqttGrant { permission: broken }).await;
    let job = world.enqueue(&MqttGrant { permission: fine }).await;
    assert_eq!(world.ended(job).await.0, "completed");
    let noted = format!("SELECT cardinality(errors) > 0 FROM jobs.job WHERE id = {stuck}");
    world
        .until("the error", &format!("({noted})::integer"), 1)
        .await;
    let errors = world.errors(stuck).await;
    assert!(
        errors[0].contains(&broken.to_string()) && errors[0].contains("data need"),
        "{errors:?}"
    );
    world.assert_shut_out(broken).await;
    // Mended by the operator, it goes on by itself.
    world
        .sql(&format!(
            "UPDATE aiida.permission SET data_need = '{}' WHERE id = '{broken}'",
            outbound()
        ))
        .await;
    world.sql(jobs::ALL_DUE).await;
    assert_eq!(world.ended(stuck).await.0, "completed");
    world.assert_let_in(broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_without_anything_to_grant_is_done() {
    let mut world = World::start().await;
    let _service = world.service();
    let dead = world.accepted(Status::Revoked).await;
    let bare = world.permission(Status::Accepted, &outbound()).await;
    for permission in [dead, bare] {
        let job = world.enqueue(&MqttGrant { permission }).await;
        assert_eq!(world.ended(job).await.0, "completed");
        world.assert_shut_out(permission).await;
        assert_eq!(world.audited(permission).await, Vec::<String>::new());
    }
    let nobody = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    let job = world.enqueue(&MqttGrant { permission: nobody }).await;
    assert_eq!(world.ended(job).await.0, "cancelled");
}
