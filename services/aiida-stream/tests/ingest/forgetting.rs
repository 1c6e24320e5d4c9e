//! A customer is erased while the home sends: what is stored meanwhile goes as well, once the broker is clear.

use storage::erasure;

use crate::harness::{Grant, World, raw};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_of_an_erased_household_is_deleted() {
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
    let begun = erasure::begin(&mut conn, &found.unwrap(), None).await;
    assert_eq!(begun.unwrap().erased.messages, 1);
    // The stream knows the permission for two more seconds; then it refuses what comes, and keeps it to look at.
    publisher.send(&grant.data(), raw(&grant, 2)).await;
    world.until_stored(2).await;
    let refused = format!(
        "SELECT count(*) FROM aiida.refused_message WHERE topic LIKE '%{}%'",
        grant.id
    );
    let mut number = 3;
    while world.number(&refused).await == 0 {
        publisher.send(&grant.data(), raw(&grant, number)).await;
        number += 1;
    }
    // It looks, and leaves everything as it is as long as the broker may hold more.
    world
        .sql("UPDATE jobs.job SET run_at = now() WHERE kind = 'aiida.forget'")
        .await;
    let put_off =
        "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.forget' AND state = 'available'
        AND run_at > now() + interval '1 second'";
    world.until(put_off, 1).await;
    assert_ne!(world.number(&refused).await, 0);

    world
        .sql(
            "SELECT jobs.finish(id, lease_token, 'completed', NULL, NULL, 0) FROM jobs.claim('mqtt.revoke', 10)",
        )
        .await;
    let done = "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.forget' AND state = 'completed'";
    world.until(done, 1).await;
    assert_eq!(world.number(&refused).await, 0);
    let left = format!(
        "SELECT (SELECT count(*) FROM aiida.message WHERE permission_id = '{0}')
              + (SELECT count(*) FROM aiida.reading WHERE permission_id = '{0}')",
        grant.id
    );
    assert_eq!(world.number(&left).await, 0);
    world.until_stored(1).await;
}
