//! The access table: what a home may do before its grant, after it, after its rules are gone, after
//! it is thrown out; with an open connection and with an old session. What counts is what arrives,
//! not what the client is told.

mod open;
mod table;
mod trial;

use permission::{DataNeed, PermissionId, acl};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Fixture, Version, uuid};
use table::Kind;
use trial::Trial;

/// The rules that the grant of such a permission writes.
fn rules(kind: Kind, home: Uuid) -> Vec<String> {
    let (direction, schema) = match kind {
        Kind::Inbound => ("inbound-aiida", "OPAQUE"),
        Kind::Outbound | Kind::Acknowledging => ("outbound-aiida", "SMART-METER-P1-RAW"),
    };
    let need = json!({
        "type": direction,
        "id": uuid(),
        "name": "A need",
        "description": "What it is for",
        "purpose": "A purpose",
        "policyLink": "https://example.com/policy",
        "enabled": true,
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *",
        "allowedPermissionCommands": [],
        "acknowledgementRequired": kind == Kind::Acknowledging,
        "schemas": [schema],
        "asset": "CONNECTION-AGREEMENT-POINT",
        "dataTags": [],
        "contexts": []
    });
    let need = DataNeed::from_value(need).unwrap();
    let rows = acl::rows(PermissionId::from(home), &need).into_iter();
    rows.map(|row| format!("{} {} {}", row.kind.name(), row.action.name(), row.topic))
        .collect()
}

async fn grant(fixture: &Fixture, kind: Kind, home: Uuid) {
    fixture.tables.add_home(home).await;
    for rule in rules(kind, home) {
        fixture.tables.add_rule(home, &rule).await;
    }
}

/// Goes through the whole table in each phase of a permission's life.
async fn check(kind: Kind, version: Version) {
    let fixture = Fixture::with(|config| config.home_rate = 0).await;
    let other = fixture.home(&[]).await;
    fixture
        .tables
        .add_rule(other, &format!("ALLOW ALL aiida/v1/{other}/#"))
        .await;
    let home = uuid();
    let trial = Trial::new(&fixture, version, home, other).await;
    let denied: Vec<_> = kind
        .rows()
        .into_iter()
        .map(|(attempt, topic, _)| (attempt, topic, false))
        .collect();

    trial.check("before the grant", &denied).await;

    grant(&fixture, kind, home).await;
    trial.check("granted", &kind.rows()).await;

    fixture.tables.remove_rules(home).await;
    trial.check("without its rules", &denied).await;

    fixture.tables.remove_home(home).await;
    for client_id in fixture.rest().clients_of(&home.to_string()).await {
        fixture.rest().kick(&client_id).await;
    }
    trial.check("thrown out", &denied).await;
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outbound_v311() {
    check(Kind::Outbound, Version::V311).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outbound_v5() {
    check(Kind::Outbound, Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_v311() {
    check(Kind::Inbound, Version::V311).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_v5() {
    check(Kind::Inbound, Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledging_v311() {
    check(Kind::Acknowledging, Version::V311).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledging_v5() {
    check(Kind::Acknowledging, Version::V5).await;
}
