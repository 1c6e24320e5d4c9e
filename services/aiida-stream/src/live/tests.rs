//! Event streams over HTTP, with readings that come in by SQL.

use std::net::{Ipv4Addr, SocketAddr};

use diesel_async::SimpleAsyncConnection as _;
use permission::{Direction, PermissionId, Status};
use reqwest::Response;
use service_kit::random::{Random as _, SystemRandom};
use test_support::wait;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::testing::{DEADLINE, World, settings};

/// A server, an API key, and a permission.
struct Place {
    world: World,
    base: String,
    key: String,
    shutdown: Shutdown,
    task: JoinHandle<()>,
    permission: PermissionId,
}

impl Place {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(line: &[&str]) -> Self {
        service_kit::http::install_tls_provider();
        let world = World::new().await;
        world
            .sql(
                "CREATE TABLE aiida.message_rest PARTITION OF aiida.message DEFAULT;
                 CREATE TABLE aiida.reading_rest PARTITION OF aiida.reading DEFAULT",
            )
            .await;
        let permission = world.accepted(Direction::Outbound).await;
        let key = api_key::issue(
            &mut world.connect().await,
            SystemRandom.uuid().into(),
            "for tests",
            &SystemRandom,
        )
        .await
        .unwrap();
        let server = PublicServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let base = format!("http://{}", server.address());
        let context = Context::new();
        let shutdown = context.shutdown.clone();
        let config: LiveConfig = settings(line);
        let database: DatabaseConfig = settings(&["--database-url", &world.login]);
        let task = tokio::spawn(async move {
            serve(server, &config, &database, &context).await.unwrap();
        });
        Self {
            world,
            base,
            key,
            shutdown,
            task,
            permission,
        }
    }

    async fn get(&self, id: &str, headers: &[(&str, &str)]) -> Response {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/v1/permissions/{id}/live", self.base);
        let mut request = client.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        timeout(DEADLINE, request.send()).await.unwrap().unwrap()
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    async fn stream(&self, last: Option<&str>) -> Stream {
        let bearer = self.bearer();
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(last.map(|last| ("Last-Event-ID", last)));
        let response = self.get(&self.permission.to_string(), &headers).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Stream {
            response,
            text: String::new(),
        }
    }

    /// A record that was measured this many seconds ago and is stored now.
    async fn record(&self, value: &str, measured: u32) {
        self.world.sql(&self.storing(value, measured)).await;
    }

    /// Stores a record with the readings 1.8.0 and 1.7.0.
    fn storing(&self, value: &str, measured: u32) -> String {
        let id = self.permission;
        format!(
            "WITH record AS (
                 INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
                 VALUES ('{id}', now() - interval '{measured} s', sha256('{value}'), 'data', 'SMART-METER-P1-RAW', '')
                 RETURNING sent_at, digest)
             INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
             SELECT '{id}', sent_at, digest, nr, sent_at, obis, {value}, unit
             FROM record, (VALUES (0, '1-0:1.8.0', 'kWh'), (1, '1-0:1.7.0', 'kW')) AS r (nr, obis, unit)"
        )
    }
}

/// What has come of a stream so far.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    /// Reads until the text holds `what`.
    async fn until(&mut self, what: &str) {
        let reading = async {
            while !self.text.contains(what) {
                match self.response.chunk().await.unwrap() {
                    Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                    None => panic!("the stream ended before {what:?}: {}", self.text),
                }
            }
        };
        timeout(DEADLINE, reading).await.unwrap();
    }

    /// Reads to the end.
    async fn end(&mut self) {
        let reading = async {
            while let Some(chunk) = self.response.chunk().await.unwrap() {
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        timeout(DEADLINE, reading).await.unwrap();
    }

    /// `obis value` of every reading that has come.
    fn readings(&self) -> Vec<String> {
        let data = self
            .text
            .split("\n\n")
            .filter(|event| event.contains("event: reading"));
        data.map(|event| {
            let (_, json) = event.split_once("data: ").unwrap();
            let json: serde_json::Value = serde_json::from_str(json).unwrap();
            assert!(json["value"].is_string(), "{json}");
            assert!(
                json["measured_at"].as_str().unwrap().ends_with('Z'),
                "{json}"
            );
            format!(
                "{} {}",
                json["obis"].as_str().unwrap(),
                json["value"].as_str().unwrap()
            )
        })
        .collect()
    }

    fn last_id(&self) -> String {
        let (_, last) = self.text.rsplit_once("id: ").unwrap();
        last.lines().next().unwrap().to_owned()
    }
}

fn record(value: &str) -> [String; 2] {
    [format!("1-0:1.8.0 {value}"), format!("1-0:1.7.0 {value}")]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_eligible_party_reads_and_only_what_exists() {
    let it = Place::new().await;
    let (known, bearer) = (it.permission.to_string(), it.bearer());
    let wrong = format!("Bearer mgk_{}", "A".repeat(43));
    for headers in [
        &[][..],
        &[("Authorization", wrong.as_str())],
        &[("Authorization", "Basic dXNlcjpwYXNz")],
        &[("Authorization", it.key.as_str())],
        &[("Authorization", "Bearer ")],
    ] {
        for id in [known.as_str(), "not-an-id"] {
            let response = it.get(id, headers).await;
            assert_eq!(response.status(), 401, "{headers:?}");
            assert_eq!(
                response.headers()["content-type"],
                "application/problem+json"
            );
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
    }
    let unknown = SystemRandom.uuid().to_string();
    for id in [unknown.as_str(), "not-an-id", "..%2f"] {
        let response = it.get(id, &[("Authorization", &bearer)]).await;
        assert_eq!(response.status(), 404, "{id}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
    it.world
        .sql("UPDATE aiida.api_key SET revoked_at = now()")
        .await;
    assert_eq!(
        it.get(&known, &[("Authorization", &bearer)]).await.status(),
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_come_once_in_the_order_of_their_commits() {
    let it = Place::new().await;
    it.record("0.5", 60).await;
    let mut stream = it.stream(None).await;
    stream.until("{\"status\":\"ACCEPTED\"}").await;
    it.record("1.250", 5).await;
    // Taken by the home some minutes ago, sent only now.
    it.record("2", 600).await;
    // Too old to be news.
    it.record("3", 7200).await;
    stream.until("\"2\",\"unit\":\"kW\"").await;
    // Stored before the next, and committed after it.
    let mut slow = it.world.connect().await;
    slow.batch_execute("BEGIN").await.unwrap();
    slow.batch_execute(&it.storing("4", 3)).await.unwrap();
    it.record("5", 0).await;
    stream.until("\"5\",\"unit\":\"kW\"").await;
    slow.batch_execute("COMMIT").await.unwrap();
    stream.until("\"4\",\"unit\":\"kW\"").await;
    let expected = ["1.250", "2", "5", "4"].map(record).concat();
    assert_eq!(stream.readings(), expected);
    assert!(stream.text.starts_with("retry: "), "{}", stream.text);
    assert_eq!(stream.text.matches("event: status").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_misses_nothing() {
    let it = Place::new().await;
    let mut stream = it.stream(None).await;
    stream.until("event: status").await;
    it.record("1", 0).await;
    stream.until("\"unit\":\"kW\"").await;
    let last = stream.last_id();
    drop(stream);
    it.record("2", 0).await;
    let mut stream = it.stream(Some(&last)).await;
    stream.until("\"2\",\"unit\":\"kW\"").await;
    // The last seconds may come twice, under the same id.
    assert_eq!(stream.readings(), ["1", "2"].map(record).concat());
    assert!(stream.text.contains(&last));

    // What was never ours, or is in the future, begins now.
    for odd in ["garbage", "9000000000000000-00-0"] {
        let mut stream = it.stream(Some(odd)).await;
        stream.until("event: status").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_permission_ends_its_stream() {
    let it = Place::new().await;
    let mut stream = it.stream(None).await;
    stream.until("\"ACCEPTED\"").await;
    it.record("7", 0).await;
    it.world.becomes(it.permission, Status::Revoked).await;
    stream.end().await;
    let (before, end) = stream
        .text
        .split_once("event: status\ndata: {\"status\":\"REVOKED\"}")
        .unwrap();
    assert!(
        before.contains("\"value\":\"7\""),
        "what came before the end: {before}"
    );
    assert_eq!(end, "\n\nevent: end\ndata: {\"reason\":\"permission\"}\n\n");

    // Who asks afterwards is told so; who comes back by itself is told to stay away.
    let mut again = it.stream(None).await;
    again.end().await;
    assert!(again.text.contains("REVOKED"), "{}", again.text);
    let bearer = it.bearer();
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Last-Event-ID", "1-00-0"),
    ];
    assert_eq!(
        it.get(&it.permission.to_string(), &headers).await.status(),
        204
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shutdown_ends_streams_and_the_server() {
    let it = Place::new().await;
    let mut stream = it.stream(None).await;
    stream.until("event: status").await;
    it.shutdown.begin_soft();
    stream.end().await;
    assert!(
        stream
            .text
            .ends_with("event: end\ndata: {\"reason\":\"restart\"}\n\n"),
        "{}",
        stream.text
    );
    timeout(DEADLINE, it.task).await.unwrap().unwrap();
    assert!(it.shutdown.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_shows_that_it_lives_and_ends_with_its_key() {
    let it = Place::with(&["--aiida-stream-live-heartbeat-seconds", "1"]).await;
    let mut stream = it.stream(None).await;
    stream.until(": alive\n\n").await;
    it.world
        .sql("UPDATE aiida.api_key SET revoked_at = now()")
        .await;
    stream.end().await;
    assert!(
        stream
            .text
            .ends_with("event: end\ndata: {\"reason\":\"key\"}\n\n"),
        "{}",
        stream.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_streams_and_a_slow_reader_holds_up_nobody() {
    let it = Place::with(&["--aiida-stream-live-streams", "2"]).await;
    // Reads nothing but the header.
    let slow = it.stream(None).await;
    let mut stream = it.stream(None).await;
    stream.until("event: status").await;
    let id = it.permission.to_string();
    let bearer = it.bearer();
    let crowded = it.get(&id, &[("Authorization", &bearer)]).await;
    assert_eq!(crowded.status(), 503);
    assert_eq!(crowded.headers()["retry-after"], "5");

    for number in 0..20 {
        it.record(&number.to_string(), 0).await;
    }
    stream.until("\"19\",\"unit\":\"kW\"").await;
    assert_eq!(stream.readings().len(), 40);
    // A reader that leaves makes room.
    drop(slow);
    wait::until(DEADLINE, "room for another stream", async || {
        let response = it.get(&id, &[("Authorization", &bearer)]).await;
        (response.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_an_outage_of_the_database() {
    let it = Place::new().await;
    let mut stream = it.stream(None).await;
    stream.until("event: status").await;
    it.world.database.terminate_backends().await.unwrap();
    it.record("8", 0).await;
    stream.until("\"8\",\"unit\":\"kW\"").await;
    assert_eq!(stream.readings(), record("8"));
}
