//! Where the reference falls short: a test for each flaw, which the flawed behaviour would fail. Some are shown
//! elsewhere, nearer to the code:
//!
//! | flaw | test |
//! |---|---|
//! | ACCEPTED is stored before the credentials exist | `crashes::an_acceptance_is_whole_whoever_is_killed_over_it`; facade `crash::*` of aiida-permission |
//! | events are lost in a crash | `answers::answers_count_once_and_the_party_is_told_in_order`; api `events::a_reader_misses_nothing_while_many_write`, `webhook::a_worker_that_dies_after_the_answer_repeats_one_event_only` of aiida-permission |
//! | messages are acknowledged before they are handled | `crashes::whatever_takes_the_stream_in_is_killed_every_record_is_stored_once`; ingest `adopting::what_is_not_committed_is_not_acknowledged` of aiida-stream |
//! | accept, reject and timeout race | facade `races::of_accept_reject_and_timeout_at_once_one_wins` of aiida-permission |
//! | one subscription per permission, a fixed client id, no replicas | `crashes::whatever_takes_the_stream_in_is_killed_every_record_is_stored_once`; ingest `replicas::two_replicas_share_the_data_and_both_hear_the_status` of aiida-stream |
//! | a late grant brings a revoked home back | iam `grant::a_late_grant_brings_nobody_back` of mqtt-iam |

use jiff::ToSpan as _;
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};

use end_to_end::houses::{EVERYTHING, LIMITS, RAW, start};
use home::{Answer, Generation, Publish, Rogue};

#[tokio::test(flavor = "multi_thread")]
async fn the_permission_id_in_the_payload_is_trusted() {
    let world = start(&[]).await;
    let villain = world.house(Generation::June2026, EVERYTHING).await;
    let victim = world.house(Generation::June2026, EVERYTHING).await;
    let (own, other) = (villain.permission, victim.permission);
    let mut program = world.rogue(&villain.credentials()).await.unwrap();
    let records = [
        ("smart-meter-p1-raw", raw(other)),
        ("smart-meter-p1-cim-v1-12", cim(other, &victim.connection)),
        ("opaque", json!({ "permissionId": other, "payload": "x" })),
    ];
    for (schema, record) in &records {
        let topic = format!("aiida/v1/{own}/data/outbound/{schema}");
        assert!(sent(&mut program, &topic, &record.to_string(), false).await);
    }
    // The connection of another customer, under the villain's own id.
    let topic = format!("aiida/v1/{own}/data/outbound/smart-meter-p1-cim-v1-12");
    let record = cim(own, &victim.connection).to_string();
    assert!(sent(&mut program, &topic, &record, false).await);
    for status in ["REVOKED", "FULFILLED"] {
        let told = json!({
            "connectionId": victim.connection, "dataNeedId": EVERYTHING, "timestamp": SystemClock.now().to_string(),
            "status": status, "permissionId": other, "eddieId": other,
        });
        let topic = format!("aiida/v1/{own}/status");
        assert!(sent(&mut program, &topic, &told.to_string(), true).await);
    }
    let refused = |reason: &str, messages: u32| {
        format!(
            "SELECT messages = {messages} FROM aiida.refusal WHERE permission_id = '{own}' AND reason = '{reason}'"
        )
    };
    // Both replicas' plain subscriptions would hear a status: there is one replica.
    world.until(&refused("other-permission", 5)).await;
    world.until(&refused("other-connection", 1)).await;

    // Nothing happened to either; under the victim's name there is only what it sent itself.
    for house in [&villain, &victim] {
        house
            .until("more data", |home| home.acknowledged >= 10)
            .await;
        world.settle(house).await;
        world.assert_stored(house).await;
        world.assert_history(house.permission, &[]).await;
    }
    let others =
        format!("SELECT count(*) FROM aiida.refusal WHERE permission_id IS DISTINCT FROM '{own}'");
    assert_eq!(world.count(&others).await, 0);

    // And on the victim's own topics the broker stops it.
    for topic in ["data/outbound/smart-meter-p1-raw", "status"] {
        let mut program = world.rogue(&villain.credentials()).await.unwrap();
        let topic = format!("aiida/v1/{other}/{topic}");
        assert!(!sent(&mut program, &topic, &raw(other).to_string(), false).await);
        assert!(matches!(program.ended().await, Answer::Closed(_)));
    }
    world.settle(&victim).await;
    world.assert_stored(&victim).await;
    world.assert_history(other, &[]).await;
    world.assert_quiet([&villain, &victim]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_row_and_open_connection_survive_revocation() {
    let world = start(&[]).await;
    let house = world.house(Generation::June2026, RAW).await;
    let neighbour = world.house(Generation::June2026, RAW).await;
    let id = house.permission;
    let credentials = house.credentials();
    let mut program = world.rogue(&credentials).await.unwrap();
    let topic = format!("aiida/v1/{id}/data/outbound/smart-meter-p1-raw");
    assert!(sent(&mut program, &topic, &raw(id).to_string(), false).await);
    house.until("data", |home| home.acknowledged >= 2).await;
    assert!(program.ping().await == Answer::Taken);
    house.home.revoke(id).await.unwrap();
    // It does not say goodbye itself, as the home did: the broker has to end it.
    assert!(matches!(program.ended().await, Answer::Closed(_)));
    world.assert_shut_out(&house).await;
    assert!(world.rogue(&credentials).await.is_err());
    let stored = format!("SELECT count(*) FROM aiida.message WHERE permission_id = '{id}'");
    let before = world.count(&stored).await;
    neighbour
        .until("more data", |home| home.acknowledged >= 5)
        .await;
    assert_eq!(world.count(&stored).await, before);
    assert!(neighbour.report().connected && neighbour.report().connects == 1);
    world.assert_let_in(&neighbour).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_published_without_checking_state_or_data_need() {
    let world = start(&[]).await;
    let pause = json!({ "action": "SET_TRANSMISSION_ENABLED", "enabled": false });
    let slower = json!({ "action": "UPDATE_TRANSMISSION_SCHEDULE", "transmissionSchedule": "*/5 * * * * *" });
    // Its data need grants nothing.
    let ungranted = world.house(Generation::June2026, RAW).await;
    // Nobody has answered.
    let unanswered = world
        .visitor(Generation::June2026, EVERYTHING, |it| it)
        .await;
    let ended = world.house(Generation::June2026, EVERYTHING).await;
    ended.home.revoke(ended.permission).await.unwrap();
    world.until_status(ended.permission, "REVOKED").await;
    let receives = world.house(Generation::June2026, LIMITS).await;
    for house in [&ungranted, &unanswered, &ended, &receives] {
        for command in [&pause, &slower] {
            let refused = world.party.command(house.permission, command).await;
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("answers 4"), "{refused}");
        }
    }
    // Nothing goes in to a home that only sends.
    for house in [&ungranted, &unanswered, &ended] {
        let refused = world
            .party
            .inbound(house.permission, "opaque", &json!({}))
            .await;
        assert!(refused.is_err());
    }
    let granted = world.house(Generation::June2026, EVERYTHING).await;
    let nonsense = [
        json!({ "action": "UPDATE_TRANSMISSION_SCHEDULE", "transmissionSchedule": "sometimes" }),
        json!({ "action": "TERMINATE" }),
        json!({ "action": "FORMAT_DISK" }),
        json!({ "action": "SET_TRANSMISSION_ENABLED", "enabled": "no" }),
    ];
    for command in &nonsense {
        let refused = world.party.command(granted.permission, command).await;
        assert!(refused.is_err(), "{command}");
    }
    for rest in ["aiida.outgoing", "jobs.job WHERE kind = 'aiida.command'"] {
        let query = format!("SELECT count(*) FROM {rest}");
        assert_eq!(world.count(&query).await, 0, "{rest}");
    }
    for house in [&ungranted, &ended, &receives, &granted] {
        let report = house.report();
        assert_eq!((report.commands.len(), report.commands_refused), (0, 0));
        let kept = world.retained(house.permission).await;
        let commands = kept.iter().filter(|one| is_command(one)).count();
        assert_eq!(commands, 0, "{kept:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsent_commands_are_kept_after_expiry() {
    let mut world = start(&[]).await;
    let house = world.house(Generation::June2026, EVERYTHING).await;
    let id = house.permission;
    house.until("data", |home| home.acknowledged >= 5).await;
    world.settle(&house).await;
    // Nobody can publish.
    world.stack.kill("aiida-stream").unwrap();
    let pause = json!({ "action": "SET_TRANSMISSION_ENABLED", "enabled": false });
    world.party.command(id, &pause).await.unwrap();
    let yesterday = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = yesterday.checked_sub(1.day()).unwrap();
    let over = format!(
        "UPDATE aiida.permission SET starts_on = '{yesterday}', ends_on = '{yesterday}' WHERE id = '{id}';
         UPDATE jobs.schedule SET due_at = now() WHERE kind = 'aiida.timeout'"
    );
    world.stack.sql(&over).await.unwrap();
    // Who starts looks at once at what is due.
    world.stack.restart("aiida-permission").unwrap();
    world.until_status(id, "FULFILLED").await;
    world.stack.add("aiida-stream").unwrap();
    world.expire_leases().await;
    let settled = format!(
        "SELECT published_at IS NULL AND dropped IS NOT NULL FROM aiida.outgoing WHERE permission_id = '{id}'"
    );
    world.until(&settled).await;
    world.assert_shut_out(&house).await;
    world.assert_history(id, &["FULFILLED"]).await;
    let report = house.report();
    assert_eq!(report.commands, Vec::<String>::new());
    assert!(report.transmission_enabled);
    house.home.stop().await;
}

/// Whether the broker takes it.
async fn sent(program: &mut Rogue, topic: &str, payload: &str, retain: bool) -> bool {
    let mut publish = Publish::new(topic, payload.as_bytes());
    publish.retain = retain;
    program.publish(&publish).await == Answer::Taken
}

fn is_command(kept: &Value) -> bool {
    kept["topic"].as_str().unwrap().contains("/command/")
}

/// A raw record that names a permission.
fn raw(permission: uuid::Uuid) -> Value {
    json!({
        "timestamp": SystemClock.now().to_string(), "permissionId": permission, "userId": permission,
        "dataSourceId": permission, "asset": "CONNECTION-AGREEMENT-POINT", "meterId": null, "operatorId": null,
        "values": [{ "rawTag": "1-0:1.7.0", "dataTag": "1-0:1.7.0", "rawValue": "995", "rawUnitOfMeasurement": "kW",
                     "value": "995", "unitOfMeasurement": "kW" }],
    })
}

/// A near-real-time document that names a permission and a connection.
fn cim(permission: uuid::Uuid, connection: &str) -> Value {
    let now = SystemClock.now().to_string();
    json!({
        "MessageDocumentHeader": { "creationDateTime": now, "MetaInformation": {
            "connectionId": connection, "requestPermissionId": permission, "dataNeedId": EVERYTHING,
            "documentType": "near-real-time-market-document", "finalCustomerId": permission,
            "dataSourceId": permission, "regionConnector": "aiida", "regionCountry": "AT",
            "Asset": { "type": "CONNECTION-AGREEMENT-POINT", "operatorId": null, "meterId": null },
        } },
        "MarketDocument": { "mRID": permission, "createdDateTime": now, "TimeSeries": [{
            "version": "1.0", "dateAndOrTime.dateTime": now,
            "Quantity": [{ "quantity": 0.132, "type": "2", "quality": "AS_PROVIDED" }],
            "registeredResource.mRID": { "value": permission, "codingScheme": "NAT" },
        }] },
    })
}
