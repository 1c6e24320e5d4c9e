//! What holds for every permission, whatever was done to it: its history is one that the process model knows, the
//! broker's tables say what its status wants, nobody comes in with what was handed out before its end, no job is left
//! over, no secret is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use end_to_end::houses::World;
use home::Reconnection;
use permission::{PermissionId, Status, acl, data_need::DataNeed};
use serde_json::{Value, json};

use crate::SETTLING;
use crate::case::Case;

/// What a home was told and has not confirmed, and what nobody has answered, runs out.
pub(crate) async fn time_passes(world: &World, played: &[Case]) {
    let aged = "UPDATE aiida.permission SET status_at = now() - interval '60 days'
        WHERE status IN ('REQUIRES_EXTERNAL_TERMINATION', 'SENT_TO_PERMISSION_ADMINISTRATOR');
        UPDATE jobs.schedule SET due_at = now() WHERE kind = 'aiida.timeout'";
    world.stack.sql(aged).await.unwrap();
    world
        .until(
            "SELECT count(*) = 0 FROM aiida.permission
             WHERE status IN ('REQUIRES_EXTERNAL_TERMINATION', 'SENT_TO_PERMISSION_ADMINISTRATOR')",
        )
        .await;
    for case in played {
        case.house.home.stop().await;
    }
    idle(world).await;
}

/// Waits until nothing is under way any more; what is periodic waits for its time, and the other half of Metergate does
/// not run.
async fn idle(world: &World) {
    let started = Instant::now();
    loop {
        let left = world
            .rows(
                "SELECT kind, state, attempt, payload, errors FROM jobs.job
                 WHERE state IN ('running', 'available') AND kind !~ '^(smd|csv|output)[.]'
                   AND kind NOT IN (SELECT kind FROM jobs.schedule)",
            )
            .await;
        if left.is_empty() {
            return;
        }
        assert!(
            started.elapsed() < SETTLING,
            "jobs are left over: {left:#?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) async fn check(world: &World, played: &[Case]) {
    let permissions = permissions(world).await;
    histories(world, &permissions).await;
    rights(world, &permissions).await;
    doors(played, &permissions).await;
    let left = "SELECT count(*) FROM jobs.job WHERE state = 'discarded'";
    assert_eq!(world.count(left).await, 0, "jobs were given up");
    let unmarked =
        "SELECT count(*) FROM aiida.permission WHERE accepted_at IS NOT NULL AND removed_at IS NULL
        AND status NOT IN ('ACCEPTED', 'TERMINATED', 'REQUIRES_EXTERNAL_TERMINATION')";
    assert_eq!(
        world.count(unmarked).await,
        0,
        "something may be left at the broker"
    );
    no_secret(world, played).await;
}

type Permissions = BTreeMap<String, (Status, DataNeed)>;

async fn permissions(world: &World) -> Permissions {
    let rows = world
        .rows("SELECT id, status, data_need FROM aiida.permission")
        .await;
    let read = |row: Value| {
        let status = row["status"].as_str().unwrap().parse().unwrap();
        let need = serde_json::from_value(row["data_need"].clone()).unwrap();
        (row["id"].as_str().unwrap().to_owned(), (status, need))
    };
    rows.into_iter().map(read).collect()
}

/// Each step is one of the process model, and the last one leads to where the permission stands.
async fn histories(world: &World, permissions: &Permissions) {
    let events = world
        .rows("SELECT permission_id AS id, status FROM aiida.permission_event ORDER BY aiida.permission_event.id")
        .await;
    let mut histories: BTreeMap<&str, Vec<Status>> = BTreeMap::new();
    for event in &events {
        let history = histories.entry(event["id"].as_str().unwrap()).or_default();
        history.push(event["status"].as_str().unwrap().parse().unwrap());
    }
    assert_eq!(histories.len(), permissions.len());
    for (id, history) in &histories {
        assert_eq!(history[0], Status::Created, "{id}: {history:?}");
        for step in history.windows(2) {
            assert!(step[0].step(step[1]).is_ok(), "{id}: {history:?}");
        }
        assert_eq!(
            history.last(),
            Some(&permissions[*id].0),
            "{id}: {history:?}"
        );
    }
}

/// The broker's tables hold a user and its rules for each permission whose home must be able to connect, and nothing
/// else; of a password there is a hash.
async fn rights(world: &World, permissions: &Permissions) {
    let users = world
        .rows("SELECT username, left(password_hash, 4) AS hash, is_superuser, permission_id FROM aiida.aiida_mqtt_user ORDER BY username")
        .await;
    let live = permissions.iter().filter(|(_, it)| it.0.needs_iam());
    let expected: Vec<Value> = live
        .clone()
        .map(|(id, _)| json!({ "username": id, "hash": "$2b$", "is_superuser": false, "permission_id": id }))
        .collect();
    assert_eq!(users, expected);
    let rules = world
        .rows("SELECT username, action, acl_type, topic FROM aiida.aiida_mqtt_acl ORDER BY username, id")
        .await;
    let mut expected = Vec::new();
    for (id, (_, need)) in live {
        let permission: PermissionId = id.parse().unwrap();
        for row in acl::rows(permission, need) {
            let (action, kind) = (row.action.name(), row.kind.name());
            expected.push(
                json!({ "username": id, "action": action, "acl_type": kind, "topic": row.topic }),
            );
        }
    }
    assert_eq!(rules, expected);
    let credentials = world
        .rows("SELECT permission_id::text AS id FROM aiida.credential ORDER BY 1")
        .await;
    let with: BTreeSet<&str> = credentials
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    let needed = permissions.iter().filter(|(_, it)| it.0.needs_iam());
    assert_eq!(with, needed.map(|(id, _)| id.as_str()).collect());
}

/// What was handed out opens the broker's door as long as the permission lives, and not a moment longer.
async fn doors(played: &[Case], permissions: &Permissions) {
    let (mut open, mut closed) = (0, 0);
    for case in played {
        let id = case.house.permission;
        if case.house.home.credentials(id).is_none() {
            continue;
        }
        let again = case.house.home.reconnect(id).await.unwrap();
        if permissions[&id.to_string()].0.needs_iam() {
            assert_eq!(again, Reconnection::Connected, "{}", case.name());
            open += 1;
        } else {
            assert!(
                matches!(again, Reconnection::Refused(134 | 135)),
                "{}: {again:?}",
                case.name()
            );
            closed += 1;
        }
    }
    eprintln!("{open} homes of live permissions connect, {closed} of ended ones do not");
    assert!(open > 20 && closed > 20);
}

/// No password stands anywhere in the database.
async fn no_secret(world: &World, played: &[Case]) {
    let tables = world
        .rows(
            "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
             WHERE table_schema IN ('aiida', 'jobs', 'audit') AND table_type = 'BASE TABLE'",
        )
        .await;
    let mut all = String::new();
    for table in &tables {
        let name = table["name"].as_str().unwrap();
        let rows = world
            .rows(&format!(
                "SELECT coalesce(string_agg(t::text, E'\\n'), '') AS all FROM {name} t"
            ))
            .await;
        all.push_str(rows[0]["all"].as_str().unwrap());
    }
    assert!(all.contains("$2b$"), "the hashes must be there");
    let mut looked = 0;
    for case in played {
        let id = case.house.permission;
        if let Some(credentials) = case.house.home.credentials(id) {
            assert!(!all.contains(&credentials.password), "{}", case.name());
            looked += 1;
        }
    }
    assert!(looked > 50, "{looked} passwords");
}
