//! One home sends as fast as it can on many connections; the others must not wait for it.

use std::time::{Duration, Instant};

use end_to_end::houses::{House, QUIET, World};
use futures_util::future::join_all;
use home::{Generation, Publish};
use serde_json::json;
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::random::{Random as _, SystemRandom};

/// Connections of the flooding home.
const CONNECTIONS: usize = 20;

/// Messages of each.
const MESSAGES: usize = 3_000;

/// How long a record of a neighbour may take to be stored while the flood lasts.
const LATEST: Duration = Duration::from_secs(15);

pub(crate) async fn play() {
    let world = crate::start().await;
    let neighbours = crate::neighbours(&world).await;
    for house in &neighbours {
        let id = house.permission;
        let sends = format!("SELECT count(*) > 0 FROM aiida.message WHERE permission_id = '{id}'");
        world.until(&sends).await;
    }
    let flooding = world.house(Generation::June2026, QUIET).await;
    let began = Instant::now();
    let flood = join_all((0..CONNECTIONS).map(|_| connection(&world, &flooding)));
    tokio::pin!(flood);
    let mut slowest = Duration::ZERO;
    let taken: Vec<usize> = loop {
        tokio::select! {
            taken = &mut flood => break taken,
            lag = lag(&world, &neighbours) => slowest = slowest.max(lag),
        }
    };
    let took = began.elapsed();
    // What has come by now is stored; nobody is behind.
    for house in &neighbours {
        world.settle(house).await;
        world.assert_stored(house).await;
        world.assert_history(house.permission, &[]).await;
        assert_eq!(house.report().connects, 1);
    }
    slowest = slowest.max(lag(&world, &neighbours).await);
    let sent: usize = taken.iter().sum();
    let id = flooding.permission;
    let counted = format!(
        "SELECT (SELECT count(*) FROM aiida.message WHERE permission_id = '{id}')
            + coalesce((SELECT sum(messages) FROM aiida.refusal WHERE permission_id = '{id}'), 0)"
    );
    world.until(&format!("SELECT ({counted}) >= {sent}")).await;
    let stored = world
        .count(&format!(
            "SELECT count(*) FROM aiida.message WHERE permission_id = '{id}'"
        ))
        .await;
    let refused = world
        .rows(&format!(
            "SELECT reason, messages FROM aiida.refusal WHERE permission_id = '{id}'"
        ))
        .await;
    eprintln!(
        "{sent} messages of one home in {took:?}: {stored} stored, refused {refused:?}; a neighbour's record waited {slowest:?} at most"
    );
    assert_eq!(sent, CONNECTIONS * MESSAGES);
    assert!(slowest < LATEST, "a neighbour's record waited {slowest:?}");
}

/// Sends all at once; how many the broker took.
async fn connection(world: &World, house: &House) -> usize {
    let mut rogue = world.rogue(&house.credentials()).await.unwrap();
    let topic = format!("aiida/v1/{}/data/outbound/opaque", house.permission);
    let mut payloads = Vec::with_capacity(MESSAGES);
    for _ in 0..MESSAGES {
        let document = json!({
            "permissionId": house.permission, "messageId": SystemRandom.uuid(),
            "timestamp": SystemClock.now().to_string(), "payload": "flood",
        });
        payloads.push(document.to_string().into_bytes());
    }
    let messages: Vec<Publish<'_>> = payloads
        .iter()
        .map(|payload| Publish::new(&topic, payload))
        .collect();
    rogue.flood(&messages).await
}

/// How far the last stored record of the neighbour that is worst off lies behind now; they send every second.
async fn lag(world: &World, neighbours: &[House]) -> Duration {
    let ids: Vec<String> = neighbours
        .iter()
        .map(|house| format!("('{}'::uuid)", house.permission))
        .collect();
    let query = format!(
        "SELECT (extract(epoch FROM max(now() - last)) * 1000)::bigint FROM (
             SELECT (SELECT max(sent_at) FROM aiida.message m WHERE m.permission_id = n.id) AS last
             FROM (VALUES {}) AS n (id)) neighbour",
        ids.join(", ")
    );
    let behind = world.count(&query).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    Duration::from_millis(u64::try_from(behind).unwrap_or_default())
}
