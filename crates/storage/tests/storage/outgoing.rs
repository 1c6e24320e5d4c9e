//! Commands and inbound data: who may store and settle them, their order, and the lock of a home.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use permission::PermissionId;
use storage::aiida::OutgoingId;
use storage::aiida::outgoing::{self, Kind, NewOutgoing, Newer};
use storage::kinds::AiidaCommand;

use crate::fixture::{Fixture, Role, begin, commit, permitted, uuid};

/// As the permission service stores a message: its job first.
async fn ask(conn: &mut AsyncPgConnection, permission: PermissionId, name: &str) -> OutgoingId {
    let id = OutgoingId::from(uuid());
    let new = NewOutgoing {
        id,
        permission,
        kind: Kind::Command,
        name,
        payload: b"{}",
    };
    conn.transaction(async |conn| {
        job_queue::enqueue_one(conn, &AiidaCommand { message: id })
            .await
            .unwrap();
        outgoing::insert(conn, &new).await
    })
    .await
    .unwrap();
    id
}

#[tokio::test]
async fn messages_are_settled_once_in_their_order_under_the_roles_of_their_services() {
    let it = Fixture::with_roles().await;
    let mut party = it.connect_as(Role::AiidaPermission).await;
    let mut stream = it.connect_as(Role::AiidaStream).await;
    let permission = permitted(&mut party).await;
    let first = ask(&mut party, permission, "A").await;
    let other = ask(&mut party, permission, "B").await;
    let second = ask(&mut party, permission, "A").await;

    let last = outgoing::get(&mut stream, second).await.unwrap().unwrap();
    assert!(last.is_waiting() && last.payload == b"{}" && last.kind == Kind::Command);
    let next = outgoing::next(&mut stream, &last).await.unwrap().unwrap();
    assert_eq!(next.id, first, "the older one goes first");
    let newer = Newer {
        waiting: true,
        published: false,
    };
    assert_eq!(outgoing::newer(&mut stream, &next).await.unwrap(), newer);
    assert!(
        outgoing::drop(&mut stream, first, "for a test")
            .await
            .unwrap()
    );
    assert!(
        !outgoing::mark_published(&mut stream, first).await.unwrap(),
        "dropped is dropped"
    );

    let next = outgoing::next(&mut stream, &last).await.unwrap().unwrap();
    assert_eq!(next.id, second);
    assert!(outgoing::mark_published(&mut stream, second).await.unwrap());
    assert!(
        !outgoing::drop(&mut stream, second, "late").await.unwrap(),
        "published is published"
    );
    assert_eq!(outgoing::next(&mut stream, &last).await.unwrap(), None);

    let listed = outgoing::list(&mut party, permission, 2).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|message| message.id).collect();
    assert_eq!(ids, [second, other], "newest first, no more than asked for");
    assert!(listed[0].published_at.is_some() && listed[0].dropped.is_none());
    assert_eq!(
        outgoing::get(&mut stream, uuid().into()).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn one_at_a_time_publishes_to_a_home() {
    let it = Fixture::with_roles().await;
    let mut party = it.connect_as(Role::AiidaPermission).await;
    let (one, two) = (permitted(&mut party).await, permitted(&mut party).await);
    let mut first = it.connect_as(Role::AiidaStream).await;
    let mut second = it.connect_as(Role::AiidaStream).await;
    begin(&mut first).await;
    assert!(outgoing::try_lock(&mut first, one).await.unwrap());
    begin(&mut second).await;
    assert!(!outgoing::try_lock(&mut second, one).await.unwrap());
    assert!(
        outgoing::try_lock(&mut second, two).await.unwrap(),
        "another home"
    );
    commit(&mut first).await;
    assert!(outgoing::try_lock(&mut second, one).await.unwrap());
    commit(&mut second).await;
}

#[tokio::test]
async fn only_what_is_settled_is_forgotten() {
    let mut it = Fixture::with_roles().await;
    let mut party = it.connect_as(Role::AiidaPermission).await;
    let mut stream = it.connect_as(Role::AiidaStream).await;
    let permission = permitted(&mut party).await;
    let (settled, waiting) = (
        ask(&mut party, permission, "A").await,
        ask(&mut party, permission, "B").await,
    );
    outgoing::mark_published(&mut stream, settled)
        .await
        .unwrap();
    assert_eq!(outgoing::forget_old(&mut stream, 30).await.unwrap(), 0);
    it.sql("UPDATE aiida.outgoing SET created_at = now() - interval '31 days'")
        .await;
    assert_eq!(outgoing::forget_old(&mut stream, 30).await.unwrap(), 1);
    assert!(outgoing::get(&mut stream, waiting).await.unwrap().is_some());
}
