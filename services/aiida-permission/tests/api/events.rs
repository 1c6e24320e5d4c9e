//! The events of all permissions: complete and in order, however many write them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel_async::AsyncConnection as _;
use permission::data_need::DataNeed;
use permission::{PermissionId, Status};
use serde_json::{Value, json};
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::permission::{NewPermission, insert};
use tokio::sync::Barrier;

use crate::site::{DEADLINE, Site, connect, need, step};

const WRITERS: usize = 8;
const EACH: usize = 12;

/// One permission after the other, from CREATED to ACCEPTED: four events each, in a transaction of its own. Waits for
/// the reader before the first, and after it until the reader has seen something.
async fn write(url: String, reader: Arc<Barrier>) {
    let mut conn = connect(&url).await;
    let need = DataNeed::from_value(need(json!({"id": SystemRandom.uuid()}))).unwrap();
    for number in 0..EACH {
        if number < 2 {
            reader.wait().await;
        }
        let id = PermissionId::from(SystemRandom.uuid());
        let new = NewPermission {
            id,
            bundle: SystemRandom.uuid().into(),
            connection_id: "customer",
            data_need: &need,
            meter_id: None,
            ticket: None,
        };
        conn.transaction(async |conn| insert(conn, &[new]).await)
            .await
            .unwrap();
        for (from, to) in [
            (Status::Created, Status::Validated),
            (Status::Validated, Status::SentToPermissionAdministrator),
            (Status::SentToPermissionAdministrator, Status::Accepted),
        ] {
            step(&mut conn, id, from, to).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_misses_nothing_while_many_write() {
    let site = Site::start().await;
    let together = Arc::new(Barrier::new(WRITERS + 1));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| tokio::spawn(write(site.database.url(), Arc::clone(&together))))
        .collect();
    let expected = WRITERS * EACH * 4;
    let (mut seen, mut cursor) = (Vec::new(), 0);
    let started = Instant::now();
    together.wait().await;
    while seen.len() < expected {
        assert!(started.elapsed() < DEADLINE, "{} of {expected}", seen.len());
        let path = format!("/api/v1/events?after={cursor}&limit=7&wait=1");
        let page = site.get(&path).await.ok(200);
        let events = page["events"].as_array().unwrap();
        if seen.is_empty() && !events.is_empty() {
            together.wait().await;
        }
        seen.extend(
            events
                .iter()
                .map(|event| event["eventId"].as_i64().unwrap()),
        );
        cursor = page["cursor"].as_i64().unwrap();
        assert_eq!(cursor, seen.last().copied().unwrap_or(0));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "out of order or twice");
    let all = site
        .texts("SELECT id FROM aiida.permission_event ORDER BY id")
        .await;
    let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
    assert_eq!(seen, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_an_event_when_asked_to() {
    let site = Site::start().await;
    let empty = site.get("/api/v1/events").await.ok(200);
    assert_eq!(empty, json!({"events": [], "cursor": 0}));
    let started = Instant::now();
    let still_empty = site.get("/api/v1/events?after=5&wait=1").await.ok(200);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(still_empty, json!({"events": [], "cursor": 5}));

    let need = site.need(json!({})).await;
    let waiting = async { site.get("/api/v1/events?wait=30").await.ok(200) };
    let asking = site.sent(&need, "customer-1");
    let (answer, id): (Value, PermissionId) = tokio::join!(waiting, asking);
    assert!(started.elapsed() < Duration::from_secs(20));
    let first = &answer["events"][0];
    assert_eq!(first["permissionId"], json!(id));
    assert_eq!(first["status"], "CREATED");
    assert_eq!(first["connectionId"], "customer-1");
    assert_eq!(first["dataNeedId"], json!(need));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_wait_when_the_service_stops() {
    let site = Site::start().await;
    let started = Instant::now();
    let waiting = site.get("/api/v1/events?wait=30");
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        site.context.shutdown.begin_soft();
    };
    let (answer, ()) = tokio::join!(waiting, stopping);
    assert_eq!(answer.ok(200)["cursor"], 0);
    assert!(started.elapsed() < Duration::from_secs(20));
}
