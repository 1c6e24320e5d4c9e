//! What `aiida-stream` does with its tables, under its own role.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use permission::{PermissionId, Status};
use service_kit::clock::{Clock, SystemClock};
use storage::aiida::event::Cause;
use storage::aiida::permission::advance;
use storage::aiida::stream::ingest::{self, Channel, NewMessage, NewReading};
use storage::aiida::stream::refusal::{self, KEPT, KEPT_PER_PERMISSION, Message, Refused};
use storage::aiida::stream::{binding, partitions, slot};

use crate::fixture::{Fixture, Role, begin, commit, number, permitted, uuid};

const LEASE: Duration = Duration::from_mins(1);

fn now() -> Timestamp {
    SystemClock.now()
}

fn day(days: i64) -> jiff::civil::Date {
    now()
        .to_zoned(TimeZone::UTC)
        .date()
        .saturating_add(days.days())
}

fn message(permission: PermissionId, text: &str) -> NewMessage {
    NewMessage {
        permission,
        sent_at: now(),
        channel: Channel::Data,
        schema: "OPAQUE",
        payload: text.as_bytes().to_vec(),
        digest: ingest::digest(Channel::Data, "OPAQUE", text.as_bytes()),
        readings: vec![NewReading {
            measured_at: now(),
            obis: "1-0:1.8.0".to_owned(),
            value: "12345.6789012345678901234567".to_owned(),
            unit: "kWh".to_owned(),
            quality: None,
        }],
    }
}

#[tokio::test]
async fn slots_are_leased_renewed_given_back_and_taken_over() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    let (one, other, third) = (uuid(), uuid(), uuid());
    let take = async |conn: &mut AsyncPgConnection, holder, lease| {
        slot::take(conn, holder, lease, 3).await.unwrap()
    };
    assert_eq!(take(&mut conn, one, LEASE).await, Some(0));
    assert_eq!(take(&mut conn, other, LEASE).await, Some(1));
    assert_eq!(take(&mut conn, one, LEASE).await, Some(0), "its own again");
    assert!(slot::renew(&mut conn, 0, one, LEASE).await.unwrap());
    assert!(!slot::renew(&mut conn, 0, other, LEASE).await.unwrap());

    slot::release(&mut conn, 0, other).await.unwrap();
    assert_eq!(
        take(&mut conn, third, LEASE).await,
        Some(2),
        "others' leases cannot be given back"
    );
    assert_eq!(take(&mut conn, uuid(), LEASE).await, None, "all are leased");
    slot::release(&mut conn, 1, other).await.unwrap();
    let heir = uuid();
    assert_eq!(take(&mut conn, heir, Duration::ZERO).await, Some(1));
    // Its lease is over already, but nobody has taken the slot.
    assert!(
        slot::renew(&mut conn, 1, heir, Duration::ZERO)
            .await
            .unwrap()
    );
    let late = uuid();
    assert_eq!(take(&mut conn, late, LEASE).await, Some(1));
    assert!(!slot::renew(&mut conn, 1, heir, LEASE).await.unwrap());
}

#[tokio::test]
async fn a_slot_with_a_session_comes_before_a_new_one_and_orphans_are_found() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    for expected in 0..3 {
        assert_eq!(
            slot::take(&mut conn, uuid(), LEASE, 9).await.unwrap(),
            Some(expected)
        );
    }
    let holder = uuid();
    assert_eq!(
        slot::take_orphan(&mut conn, holder, LEASE, Duration::ZERO)
            .await
            .unwrap(),
        None
    );
    let mut owner = fixture.connect().await;
    diesel_async::SimpleAsyncConnection::batch_execute(
        &mut owner,
        "UPDATE aiida.stream_slot SET lease_expires_at = now() - interval '10 s' WHERE number = 2;
         DELETE FROM aiida.stream_slot WHERE number = 0",
    )
    .await
    .unwrap();
    assert_eq!(
        slot::take_orphan(&mut conn, holder, LEASE, LEASE)
            .await
            .unwrap(),
        None
    );
    let short = Duration::from_secs(5);
    assert_eq!(
        slot::take_orphan(&mut conn, holder, Duration::ZERO, short)
            .await
            .unwrap(),
        Some(2)
    );
    let heir = uuid();
    assert_eq!(
        slot::take(&mut conn, heir, LEASE, 9).await.unwrap(),
        Some(2),
        "before the lower, new one"
    );
    slot::forget(&mut conn, 2, holder).await.unwrap();
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM aiida.stream_slot").await,
        2,
        "not the holder"
    );
    slot::forget(&mut conn, 2, heir).await.unwrap();
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM aiida.stream_slot").await,
        1
    );
}

#[tokio::test]
async fn a_slot_is_never_leased_twice() {
    let fixture = Fixture::with_roles().await;
    let mut taking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut conn = fixture.connect_as(Role::AiidaStream).await;
        taking.spawn(async move { slot::take(&mut conn, uuid(), LEASE, 8).await.unwrap() });
    }
    let mut taken: Vec<_> = taking.join_all().await.into_iter().flatten().collect();
    taken.sort_unstable();
    assert_eq!(taken, (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn messages_are_stored_once_with_exact_values() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    partitions::make(&mut conn, &[day(0)]).await.unwrap();
    let permission = PermissionId::from(uuid());
    let (one, two) = (message(permission, "one"), message(permission, "two"));
    assert_eq!(ingest::store(&mut conn, &[]).await.unwrap(), 0);
    assert_eq!(ingest::store(&mut conn, &[&one, &one]).await.unwrap(), 1);
    assert_eq!(ingest::store(&mut conn, &[&two, &one]).await.unwrap(), 1);
    let mut owner = fixture.connect().await;
    let exact = "SELECT count(*) FROM aiida.reading WHERE value = 12345.6789012345678901234567";
    assert_eq!(number(&mut owner, exact).await, 2);
    let before = ingest::stored_before(
        &mut conn,
        permission,
        one.digest,
        now() - SignedDuration::from_hours(1),
    );
    assert!(before.await.unwrap().is_some());
    let elsewhere = PermissionId::from(uuid());
    let before = ingest::stored_before(
        &mut conn,
        elsewhere,
        one.digest,
        now() - SignedDuration::from_hours(1),
    );
    assert!(before.await.unwrap().is_none());
}

#[tokio::test]
async fn two_replicas_that_are_given_the_same_messages_do_not_block_each_other() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    partitions::make(&mut conn, &[day(0)]).await.unwrap();
    let permission = PermissionId::from(uuid());
    let messages: Vec<_> = (0..200)
        .map(|n| message(permission, &n.to_string()))
        .collect();
    let mut storing = tokio::task::JoinSet::new();
    for reversed in [false, true] {
        let mut conn = fixture.connect_as(Role::AiidaStream).await;
        let mut own = messages.clone();
        if reversed {
            own.reverse();
        }
        storing.spawn(async move {
            let own: Vec<&NewMessage> = own.iter().collect();
            conn.transaction(async |conn| ingest::store(conn, &own).await)
                .await
                .unwrap()
        });
    }
    assert_eq!(storing.join_all().await.into_iter().sum::<u64>(), 200);
    let mut owner = fixture.connect().await;
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM aiida.reading").await,
        200
    );
}

#[tokio::test]
async fn a_probe_leaves_nothing_and_a_locked_permission_is_passed_over() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    ingest::probe(&mut conn).await.unwrap();
    let mut owner = fixture.connect().await;
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM aiida.message").await,
        0
    );

    let id = PermissionId::from(uuid());
    let insert = format!(
        "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status)
         VALUES ('{id}', '{id}', 'c', '{id}', '{{}}', 'ACCEPTED')"
    );
    diesel_async::SimpleAsyncConnection::batch_execute(&mut owner, &insert)
        .await
        .unwrap();
    begin(&mut owner).await;
    number(
        &mut owner,
        "SELECT count(*) FROM (SELECT FROM aiida.permission FOR UPDATE) locked",
    )
    .await;
    ingest::note(&mut conn, &[id]).await.unwrap();
    commit(&mut owner).await;
    let noted = "SELECT count(*) FROM aiida.permission WHERE first_message_at IS NOT NULL";
    assert_eq!(number(&mut owner, noted).await, 0);
    ingest::note(&mut conn, &[id]).await.unwrap();
    assert_eq!(number(&mut owner, noted).await, 1);
}

#[tokio::test]
async fn a_commit_is_durable_also_where_the_database_does_not_wait_for_the_disk() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    begin(&mut conn).await;
    let on = "SELECT count(*) WHERE current_setting('synchronous_commit') = 'on'";
    assert_eq!(
        number(&mut conn, on).await,
        0,
        "as in every private cluster"
    );
    ingest::durable(&mut conn).await.unwrap();
    assert_eq!(number(&mut conn, on).await, 1);
    commit(&mut conn).await;
    assert_eq!(number(&mut conn, on).await, 0);
}

#[tokio::test]
async fn partitions_are_made_and_dropped_within_bounds() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    let days = [day(-40), day(0), day(0), day(7)];
    assert_eq!(partitions::make(&mut conn, &days).await.unwrap(), 6);
    assert_eq!(partitions::make(&mut conn, &days).await.unwrap(), 0);
    assert!(partitions::make(&mut conn, &[day(33)]).await.is_err());
    assert!(partitions::make(&mut conn, &[day(-4000)]).await.is_err());
    assert_eq!(
        partitions::drop_before(&mut conn, day(-40)).await.unwrap(),
        0,
        "the day itself stays"
    );
    assert!(
        partitions::drop_before(&mut conn, day(0)).await.is_err(),
        "never today's"
    );
    assert_eq!(
        partitions::drop_before(&mut conn, day(-39)).await.unwrap(),
        2
    );
    let mut owner = fixture.connect().await;
    assert_eq!(
        number(
            &mut owner,
            "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
        WHERE c.relname IN ('message', 'reading')"
        )
        .await,
        4
    );
}

#[tokio::test]
async fn partitions_are_made_by_several_at_once_while_others_write() {
    let fixture = Fixture::with_roles().await;
    let mut making = tokio::task::JoinSet::new();
    for n in 0..6 {
        let mut conn = fixture.connect_as(Role::AiidaStream).await;
        making.spawn(async move {
            let permission = PermissionId::from(uuid());
            let mut made = 0;
            for days in 0..5 {
                made += partitions::make(&mut conn, &[day(-days)]).await.unwrap();
                let one = message(permission, &format!("{n}/{days}"));
                ingest::store(&mut conn, &[&one]).await.unwrap();
            }
            made
        });
    }
    assert_eq!(making.join_all().await.into_iter().sum::<i32>(), 10);
}

#[tokio::test]
async fn nobody_else_makes_partitions_or_reads_refused_payloads() {
    let fixture = Fixture::with_roles().await;
    for role in Role::ALL {
        let mut conn = fixture.connect_as(role).await;
        let may = role == Role::AiidaStream;
        assert_eq!(
            partitions::make(&mut conn, &[day(0)]).await.is_ok(),
            may,
            "{role:?}"
        );
        assert_eq!(
            partitions::drop_before(&mut conn, day(-1)).await.is_ok(),
            may,
            "{role:?}"
        );
        assert_eq!(
            slot::take(&mut conn, uuid(), LEASE, 9).await.is_ok(),
            may,
            "{role:?}"
        );
        let count = "SELECT count(*) FROM aiida.refused_message";
        let reads = diesel_async::SimpleAsyncConnection::batch_execute(&mut conn, count)
            .await
            .is_ok();
        let readers = [
            Role::AiidaStream,
            Role::AiidaPermission,
            Role::Operator,
            Role::Console,
        ];
        let may_read = readers.contains(&role);
        assert_eq!(reads, may_read, "{role:?}");
    }
}

fn refused(permission: Option<PermissionId>, number: usize) -> Refused {
    Refused {
        permission,
        reason: "malformed",
        received_at: now(),
        message: Some(Message {
            topic: "aiida/v1/x".to_owned(),
            payload: format!("number {number} {}", "x".repeat(5000)).into_bytes(),
        }),
    }
}

#[tokio::test]
async fn refusals_are_counted_and_the_last_ones_are_kept() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    let one = PermissionId::from(uuid());
    let flood: Vec<_> = (0..100).map(|n| refused(Some(one), n)).collect();
    let flood: Vec<&Refused> = flood.iter().collect();
    let unknown = refused(None, 0);
    refusal::record(&mut conn, &flood).await.unwrap();
    refusal::record(&mut conn, &[&unknown, &unknown])
        .await
        .unwrap();
    refusal::record(&mut conn, &flood[..1]).await.unwrap();
    let mut owner = fixture.connect().await;
    let counts = "SELECT count(*) FROM aiida.refusal WHERE (permission_id IS NULL, messages) IN ((true, 2), (false, 101))";
    assert_eq!(number(&mut owner, counts).await, 2);
    assert_eq!(
        number(
            &mut owner,
            "SELECT max(length(payload)) FROM aiida.refused_message"
        )
        .await,
        4096
    );

    let long_ago = now() - SignedDuration::from_hours(24);
    refusal::prune(&mut conn, long_ago).await.unwrap();
    let kept = i64::try_from(KEPT_PER_PERMISSION).unwrap();
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM aiida.refused_message").await,
        kept + 2
    );
    for _ in 0..60 {
        let id = PermissionId::from(uuid());
        let some: Vec<_> = (0..KEPT_PER_PERMISSION)
            .map(|n| refused(Some(id), n))
            .collect();
        refusal::record(&mut conn, &some.iter().collect::<Vec<_>>())
            .await
            .unwrap();
    }
    refusal::prune(&mut conn, long_ago).await.unwrap();
    let most = i64::try_from(KEPT).unwrap();
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM aiida.refused_message").await,
        most
    );
    refusal::prune(&mut conn, now() + SignedDuration::from_hours(1))
        .await
        .unwrap();
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM aiida.refused_message").await,
        0
    );
}

#[tokio::test]
async fn more_days_than_the_database_makes_at_once_are_made_all_the_same() {
    let fixture = Fixture::with_roles().await;
    let mut conn = fixture.connect_as(Role::AiidaStream).await;
    // One of them behind four hundred of another.
    let mut days = vec![day(-1); 400];
    days.push(day(-2));
    assert_eq!(partitions::make(&mut conn, &days).await.unwrap(), 4);
}

/// A transaction may wait long between its begin and its event: what a home sends meanwhile is still before the end.
#[tokio::test]
async fn a_permission_ends_when_its_events_say_so() {
    let fixture = Fixture::with_roles().await;
    let mut party = fixture.connect_as(Role::AiidaPermission).await;
    let mut stream = fixture.connect_as(Role::AiidaStream).await;
    let id = permitted(&mut party).await;
    let ended_at = async |conn: &mut AsyncPgConnection| {
        let found = binding::of(conn, &[id]).await.unwrap();
        found[0].ended_at
    };
    let path = [
        Status::Created,
        Status::Validated,
        Status::SentToPermissionAdministrator,
        Status::Accepted,
        Status::Terminated,
        Status::RequiresExternalTermination,
        Status::ExternallyTerminated,
    ];
    let mut end = None;
    for pair in path.windows(2) {
        begin(&mut party).await;
        let meanwhile = storage::clock::now(&mut stream).await.unwrap();
        let step = pair[0].step(pair[1]).unwrap();
        assert!(
            advance(&mut party, id, step, Cause::Party, None)
                .await
                .unwrap()
        );
        commit(&mut party).await;
        let told = ended_at(&mut stream).await;
        if pair[1] == Status::Terminated {
            assert!(
                told.is_some_and(|told| told > meanwhile),
                "{told:?} {meanwhile}"
            );
            end = told;
        }
        assert_eq!(told, end, "{}", pair[1]);
    }
}
