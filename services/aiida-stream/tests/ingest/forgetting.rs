//! A customer is erased while the home sends: nothing that was on its way is stored any more, however late it comes.

use diesel_async::AsyncConnection as _;
use job_queue::QueueError;
use storage::erasure;

use crate::harness::{Grant, World, raw};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_of_a_household_once_it_is_erased() {
    let world = World::start().await;
    let grant = Grant::outbound().store(&world).await;
    let mut other = Grant::outbound();
    other.connection = "customer-2".to_owned();
    let other = other.store(&world).await;
    let _replica = world.replica().await;
    let publisher = world.broker.publisher();
    for one in [&grant, &other] {
        publisher.send(&one.data(), raw(one, 1)).await;
    }
    world.until_stored(2).await;

    let mut conn = world.connect().await;
    let found = erasure::find(&mut conn, &grant.id.to_string()).await;
    let found = found.unwrap();
    let erased = conn
        .transaction(async |conn| {
            let begun = erasure::begin(conn, &found, None).await?;
            // To the stream, the permission is still there when it looks what the message is about.
            publisher.send(&grant.data(), raw(&grant, 2)).await;
            let waits = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR KEY SHARE%'";
            world.until(waits, 1).await;
            Ok::<_, QueueError>(begun.erased)
        })
        .await;
    assert_eq!(erased.unwrap().messages, 1);

    // What the broker still holds comes later, when nobody knows the permission any more.
    let mut number = 3;
    while !world
        .refusals()
        .await
        .iter()
        .any(|(reason, _)| reason == "unknown-permission")
    {
        publisher.send(&grant.data(), raw(&grant, number)).await;
        number += 1;
    }
    publisher.send(&other.data(), raw(&other, 2)).await;
    world.until_stored(2).await;
    let left = format!(
        "SELECT (SELECT count(*) FROM aiida.message WHERE permission_id = '{0}')
              + (SELECT count(*) FROM aiida.reading WHERE permission_id = '{0}')
              + (SELECT count(*) FROM aiida.refusal WHERE permission_id = '{0}')
              + (SELECT count(*) FROM aiida.refused_message WHERE permission_id = '{0}' OR topic LIKE '%{0}%')",
        grant.id
    );
    assert_eq!(world.number(&left).await, 0);
}
