//! What the eligible party's API reads and writes, each function under the role of the service that calls it:
//! keys, data needs, readings page by page, refusals, and how far the webhook has been told.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _};
use jiff::SignedDuration;
use permission::data_need::DataNeed;
use permission::{BundleId, DataNeedId, PermissionId, Status};
use serde_json::json;
use service_kit::random::SeededRandom;
use storage::aiida::event::{self, Cause};
use storage::aiida::permission::{self as table, NewPermission, insert};
use storage::aiida::reading::{self, Range, Reading};
use storage::aiida::{ApiKeyId, api_key, data_need, webhook};

use crate::fixture::{Fixture, Role, number, uuid};

const MEGABYTE: usize = 1024 * 1024;

fn need(name: &str) -> DataNeed {
    DataNeed::from_value(json!({
        "type": "outbound-aiida", "id": uuid(), "name": name, "description": "d", "purpose": "p",
        "policyLink": "https://party.example/policy",
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *", "schemas": ["SMART-METER-P1-RAW"],
        "asset": "CONNECTION-AGREEMENT-POINT"
    }))
    .unwrap()
}

async fn permitted(conn: &mut AsyncPgConnection) -> PermissionId {
    let id = PermissionId::from(uuid());
    let need = need("n");
    let new = NewPermission {
        id,
        bundle: BundleId::from(uuid()),
        connection_id: "customer-1",
        data_need: &need,
        meter_id: None,
        ticket: None,
    };
    conn.transaction(async |conn| insert(conn, &[new]).await)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked() {
    let mut it = Fixture::with_roles().await;
    let random = SeededRandom::new(1);
    let mut operator = it.connect_as(Role::Operator).await;
    let (first, second) = (ApiKeyId::from(uuid()), ApiKeyId::from(uuid()));
    let key = api_key::issue(&mut operator, first, "billing", &random)
        .await
        .unwrap();
    let other = api_key::issue(&mut operator, second, "tests", &random)
        .await
        .unwrap();
    assert!(key.starts_with(api_key::PREFIX) && key.len() == 47 && key != other);

    for role in [Role::AiidaPermission, Role::AiidaStream] {
        let mut conn = it.connect_as(role).await;
        assert_eq!(api_key::verify(&mut conn, &key).await.unwrap(), Some(first));
        assert!(api_key::any(&mut conn).await.unwrap());
        let cut = key.get(..46).unwrap();
        let longer = format!("{key}A");
        let same_length = format!("mgk_{}", "A".repeat(43));
        for wrong in ["", "mgk_", cut, &longer, &same_length, &key.to_lowercase()] {
            assert_eq!(
                api_key::verify(&mut conn, wrong).await.unwrap(),
                None,
                "{wrong}"
            );
        }
        // Nobody but the operator makes or ends one.
        assert!(
            api_key::issue(&mut conn, ApiKeyId::from(uuid()), "x", &random)
                .await
                .is_err()
        );
        assert!(api_key::revoke(&mut conn, first).await.is_err());
    }
    assert!(api_key::revoke(&mut operator, first).await.unwrap());
    assert!(!api_key::revoke(&mut operator, first).await.unwrap());
    assert!(
        !api_key::revoke(&mut operator, ApiKeyId::from(uuid()))
            .await
            .unwrap()
    );
    let mut service = it.connect_as(Role::AiidaPermission).await;
    assert_eq!(api_key::verify(&mut service, &key).await.unwrap(), None);
    assert_eq!(
        api_key::verify(&mut service, &other).await.unwrap(),
        Some(second)
    );
    let listed = api_key::list(&mut operator).await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|key| (key.id, key.name.as_str(), key.revoked_at.is_some()))
        .collect();
    assert_eq!(shown, [(first, "billing", true), (second, "tests", false)]);
    let in_clear = format!("SELECT count(*) FROM aiida.api_key k WHERE k::text LIKE '%{key}%'");
    assert_eq!(it.number(&in_clear).await, 0);
}

#[tokio::test]
async fn data_needs_come_back_as_they_went_in() {
    let it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::AiidaPermission).await;
    let (mut one, two) = (need("one"), need("two"));
    assert!(data_need::insert(&mut conn, &one).await.unwrap());
    assert!(data_need::insert(&mut conn, &two).await.unwrap());
    assert!(!data_need::insert(&mut conn, &one).await.unwrap());
    let mut all = vec![one.clone(), two.clone()];
    all.sort_by_key(|need| need.id);
    assert_eq!(data_need::list(&mut conn).await.unwrap(), all);

    one.name = "another name".to_owned();
    assert!(data_need::replace(&mut conn, &one).await.unwrap());
    assert_eq!(data_need::get(&mut conn, one.id).await.unwrap(), Some(one));
    assert!(
        !data_need::replace(&mut conn, &need("nobody's"))
            .await
            .unwrap()
    );

    assert!(data_need::remove(&mut conn, two.id).await.unwrap());
    assert!(!data_need::remove(&mut conn, two.id).await.unwrap());
    assert_eq!(data_need::get(&mut conn, two.id).await.unwrap(), None);
    let nobody = DataNeedId::from(uuid());
    assert_eq!(data_need::get(&mut conn, nobody).await.unwrap(), None);
}

/// Stores readings as the stream does: three records of one moment with two values each, over three days.
async fn stored(it: &mut Fixture, permission: PermissionId) {
    it.sql(&format!(
        "SELECT aiida.make_partitions(ARRAY(SELECT (now() AT TIME ZONE 'UTC')::date - n FROM generate_series(0, 3) n));
         INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit, quality)
         SELECT '{permission}', day, decode(lpad(to_hex(record), 4, '0'), 'hex'), nr, day - interval '1 s',
                CASE nr WHEN 0 THEN '1-0:1.8.0' ELSE '1-0:1.7.0' END, 0.10 * record, 'kWh', NULL
         FROM generate_series(date_trunc('hour', now()) - interval '2 days', now(), interval '1 day') day,
              generate_series(1, 3) record, generate_series(0, 1) nr;
         INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
         SELECT DISTINCT permission_id, sent_at, digest, 'data', 'SMART-METER-P1-RAW', '\\x00ff'::bytea || digest
         FROM aiida.reading"
    ))
    .await;
}

async fn pages(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    range: Range,
    obis: Option<&str>,
    limit: i64,
) -> Vec<Reading> {
    let mut all: Vec<Reading> = Vec::new();
    loop {
        let after = all.last().map(Reading::key);
        let page = reading::readings(conn, permission, range, obis, after.as_ref(), limit)
            .await
            .unwrap();
        assert!(i64::try_from(page.len()).unwrap() <= limit);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn readings_are_paged_in_a_stable_order_with_nothing_twice_and_nothing_left_out() {
    let mut it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::AiidaPermission).await;
    let (permission, other) = (permitted(&mut conn).await, permitted(&mut conn).await);
    stored(&mut it, permission).await;
    let all = pages(&mut conn, permission, Range::default(), None, 1000).await;
    assert_eq!(all.len(), 18);
    let keys: Vec<_> = all
        .iter()
        .map(|row| (row.sent_at, row.digest.clone(), row.nr))
        .collect();
    assert!(keys.is_sorted() && all.first().unwrap().measured.value == "0.10");
    for limit in [1, 2, 5, 18] {
        assert_eq!(
            pages(&mut conn, permission, Range::default(), None, limit).await,
            all
        );
    }
    let energy = pages(
        &mut conn,
        permission,
        Range::default(),
        Some("1-0:1.8.0"),
        2,
    )
    .await;
    assert_eq!(energy.len(), 9);
    assert!(energy.iter().all(|row| row.measured.obis == "1-0:1.8.0"));
    // Consecutive ranges hold each reading once.
    let middle = all.get(6).unwrap().sent_at;
    let (before, after) = (
        Range {
            until: Some(middle),
            ..Range::default()
        },
        Range {
            from: Some(middle),
            ..Range::default()
        },
    );
    let mut both = pages(&mut conn, permission, before, None, 4).await;
    assert_eq!(both.len(), 6);
    both.extend(pages(&mut conn, permission, after, None, 4).await);
    assert_eq!(both, all);
    assert_eq!(
        pages(&mut conn, other, Range::default(), None, 10).await,
        []
    );

    let all = Range::default();
    let first = reading::messages(&mut conn, permission, all, None, 4, MEGABYTE)
        .await
        .unwrap();
    assert_eq!((first.messages.len(), first.more), (4, true));
    let last = first.messages.last().unwrap().key();
    let rest = reading::messages(&mut conn, permission, all, Some(&last), 5, MEGABYTE)
        .await
        .unwrap();
    assert_eq!((rest.messages.len(), rest.more), (5, false));
    assert_eq!(rest.messages.first().unwrap().payload, [0, 255, 0, 2]);
    // Four bytes each: a page ends before it has more than its bytes, and is never empty.
    for (bytes, records) in [(0, 1), (3, 1), (4, 1), (11, 2), (12, 3), (36, 9)] {
        let page = reading::messages(&mut conn, permission, all, None, 100, bytes)
            .await
            .unwrap();
        assert_eq!((page.messages.len(), page.more), (records, records < 9));
    }
    assert!(reading::is_known(&mut conn, permission).await.unwrap());
    assert!(
        !reading::is_known(&mut conn, PermissionId::from(uuid()))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn refusals_are_counted_and_the_last_ones_shown() {
    let mut it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::AiidaPermission).await;
    let permission = permitted(&mut conn).await;
    it.sql(&format!(
        "INSERT INTO aiida.refusal VALUES ('{permission}', 'unreadable', 7, now()), (NULL, 'unreadable', 9, now());
         INSERT INTO aiida.refused_message (permission_id, topic, reason, payload)
         SELECT '{permission}', 'aiida/v1/{permission}/data/outbound/x', 'unreadable', int4send(n) FROM generate_series(1, 5) n"
    ))
    .await;
    let counts = reading::refusals(&mut conn, permission).await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts.first().unwrap().messages, 7);
    let first = reading::refused(&mut conn, permission, None, 3)
        .await
        .unwrap();
    let rest = reading::refused(&mut conn, permission, first.last().map(|it| it.id), 3)
        .await
        .unwrap();
    let last_bytes: Vec<u8> = first
        .iter()
        .chain(&rest)
        .map(|it| *it.payload.last().unwrap())
        .collect();
    assert_eq!(last_bytes, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn the_webhook_moves_forward_one_step_at_a_time() {
    let it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::AiidaPermission).await;
    permitted(&mut conn).await;
    permitted(&mut conn).await;
    let events = event::after(&mut conn, 0, 10).await.unwrap();
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(
        events
            .iter()
            .all(|event| event.status == Status::Created && event.cause == Cause::Request)
    );
    let (one, two) = (*ids.first().unwrap(), *ids.last().unwrap());
    let standing = webhook::standing(&mut conn).await.unwrap();
    assert_eq!((standing.told, standing.failing_since), (0, None));

    let begun = webhook::refused(&mut conn, 0).await.unwrap();
    assert!(begun.is_some_and(|refused| refused < SignedDuration::from_hours(1)));
    let since = "UPDATE aiida.webhook SET failing_since = failing_since - interval '72 hours'";
    conn.batch_execute(since).await.unwrap();
    let refused = webhook::refused(&mut conn, 0).await.unwrap();
    assert!(refused.is_some_and(|refused| refused >= SignedDuration::from_hours(72)));
    assert!(webhook::advance(&mut conn, 0, one).await.unwrap());
    assert_eq!(webhook::refused(&mut conn, 0).await.unwrap(), None);
    // A worker that was slower, and one that would go back.
    assert!(!webhook::advance(&mut conn, 0, two).await.unwrap());
    assert!(!webhook::advance(&mut conn, one, 0).await.unwrap());
    let standing = webhook::standing(&mut conn).await.unwrap();
    assert_eq!((standing.told, standing.failing_since), (one, None));
}

/// What opens a household's page is for the service that shows it; of whom a permission is, mqtt-iam does not see.
#[tokio::test]
async fn each_service_sees_of_a_permission_what_it_needs() {
    let it = Fixture::with_roles().await;
    let id = permitted(&mut it.connect_as(Role::AiidaPermission).await).await;
    let columns = async |role| {
        let mut conn = it.connect_as(role).await;
        let seen = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'aiida.permission'::regclass AND attnum > 0
                    AND has_column_privilege(attrelid, attnum, 'SELECT')";
        number(&mut conn, seen).await
    };
    let all = columns(Role::AiidaPermission).await;
    assert_eq!(all, columns(Role::Operator).await);
    assert_eq!(all - 1, columns(Role::AiidaStream).await);
    assert_eq!(6, columns(Role::MqttIam).await);
    for (role, column) in [
        (Role::AiidaStream, "ticket_hash"),
        (Role::MqttIam, "ticket_hash"),
        (Role::MqttIam, "meter_id"),
        (Role::MqttIam, "connection_id"),
    ] {
        let mut conn = it.connect_as(role).await;
        let denied = conn
            .batch_execute(&format!("SELECT {column} FROM aiida.permission"))
            .await
            .unwrap_err();
        assert!(denied.to_string().contains("permission denied"), "{denied}");
    }
    // What aiida-stream reads before it sends anything.
    let mut stream = it.connect_as(Role::AiidaStream).await;
    assert!(table::get(&mut stream, id).await.unwrap().is_some());
    for role in [Role::AiidaStream, Role::MqttIam, Role::Operator] {
        let mut conn = it.connect_as(role).await;
        assert!(
            table::prune(&mut conn, at("2026-01-01T00:00:00Z"), 1)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn open_permissions_are_counted_up_to_a_bound() {
    let mut it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::AiidaPermission).await;
    for _ in 0..3 {
        permitted(&mut conn).await;
    }
    let reach = async |conn: &mut AsyncPgConnection, counts: [u32; 4]| {
        let mut reached = Vec::new();
        for count in counts {
            reached.push(table::open_reach(conn, count).await.unwrap());
        }
        reached
    };
    assert_eq!(
        reach(&mut conn, [0, 1, 2, 3]).await,
        [true, false, false, false]
    );
    it.sql("UPDATE aiida.permission SET status = 'SENT_TO_PERMISSION_ADMINISTRATOR'")
        .await;
    assert_eq!(
        reach(&mut conn, [1, 2, 3, 4]).await,
        [true, true, true, false]
    );
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}
