//! What tests of this crate share: a permission in a database of its own, as the service's role sees it, and a
//! broker that is not ours.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use clap::Args;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use permission::{Direction, PermissionId, Status};
use serde_json::json;
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::OutgoingId;
use storage::aiida::outgoing::{self, Kind, NewOutgoing};
use storage::kinds::AiidaCommand;
use test_support::certs::CertificateFiles;
use test_support::process::Process;
use test_support::{TestDatabase, wait};

/// How long anything in these tests may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Settings as the environment would give them.
pub(crate) fn settings<C: Args>(line: &[&str]) -> C {
    let command = C::augment_args(clap::Command::new("test"));
    let line = std::iter::once(&"test").chain(line);
    C::from_arg_matches(&command.try_get_matches_from(line).unwrap()).unwrap()
}

/// A migrated database.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    /// For a login role of the service's own.
    pub(crate) login: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let login = format!("login_{}", database.name());
        let create = format!(
            "CREATE ROLE {login} LOGIN PASSWORD 'fictional' IN ROLE metergate_aiida_stream"
        );
        database.sql(&create).await.unwrap();
        let login = database.url_as(&login, "fictional");
        Self { database, login }
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.database.sql(statement).await.unwrap();
    }

    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        self.database.connect().await.unwrap()
    }

    /// The one text that a query answers.
    pub(crate) async fn text(&self, query: &str) -> Option<String> {
        self.database.text(query).await.unwrap()
    }

    /// Waits until the query answers `expected`.
    pub(crate) async fn until(&self, query: &str, expected: &str) {
        wait::until(DEADLINE, &format!("{query} to be {expected}"), async || {
            let found = self.text(query).await;
            (found.as_deref() == Some(expected)).then_some(())
        })
        .await;
    }

    /// An accepted permission that goes on for ten days.
    pub(crate) async fn accepted(&self, direction: Direction) -> PermissionId {
        let id = PermissionId::from(SystemRandom.uuid());
        let need = json!({
            "type": direction.type_name(),
            "id": SystemRandom.uuid(),
            "name": "For tests", "purpose": "Testing", "policyLink": "https://party.example/policy",
            "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
            "transmissionSchedule": "*/5 * * * * *",
            "allowedPermissionCommands": ["UPDATE_TRANSMISSION_SCHEDULE", "SET_TRANSMISSION_ENABLED"],
            "schemas": ["OPAQUE"],
            "asset": "CONNECTION-AGREEMENT-POINT",
            "dataTags": []
        });
        self.sql(&format!(
            "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, starts_on,
                                           ends_on)
             VALUES ('{id}', gen_random_uuid(), 'somebody', '{}', '{need}', 'ACCEPTED', current_date,
                     current_date + 10)",
            need["id"].as_str().unwrap()
        ))
        .await;
        id
    }

    pub(crate) async fn becomes(&self, id: PermissionId, status: Status) {
        self.sql(&format!(
            "UPDATE aiida.permission SET status = '{status}', status_at = now() WHERE id = '{id}'"
        ))
        .await;
    }

    /// Stores a message and its job, as the permission service does.
    pub(crate) async fn ask(
        &self,
        permission: PermissionId,
        kind: Kind,
        name: &str,
        payload: &[u8],
    ) -> OutgoingId {
        let id = OutgoingId::from(SystemRandom.uuid());
        let new = NewOutgoing {
            id,
            permission,
            kind,
            name,
            payload,
        };
        self.connect()
            .await
            .transaction(async |conn| {
                job_queue::enqueue_one(conn, &AiidaCommand { message: id })
                    .await
                    .unwrap();
                outgoing::insert(conn, &new).await
            })
            .await
            .unwrap();
        id
    }

    /// The same for a command.
    pub(crate) async fn command(
        &self,
        permission: PermissionId,
        command: &permission::Command,
    ) -> OutgoingId {
        let payload = command.payload(permission);
        self.ask(permission, Kind::Command, command.name(), &payload)
            .await
    }
}

/// A mosquitto that lets everybody do everything.
pub(crate) struct Mosquitto {
    process: Process,
    port: u16,
}

impl Mosquitto {
    /// Keeps everything in memory; with a certificate it speaks TLS only.
    pub(crate) fn start(folder: &Path, port: u16, tls: Option<&CertificateFiles>) -> Self {
        let tls = tls.map_or_else(String::new, |files| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            format!("certfile {certificate}\nkeyfile {key}\n")
        });
        // Started by root it would look for a user of its own.
        let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{tls}");
        let file = folder.join("mosquitto.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.arg("-c").arg(file);
        let mut process = Process::spawn("mosquitto", command).unwrap();
        process
            .wait_for("its port to open", DEADLINE, |_| {
                TcpStream::connect(("127.0.0.1", port)).is_ok()
            })
            .unwrap();
        Self { process, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it; what it kept is gone.
    pub(crate) fn stop(mut self) {
        self.process.terminate().unwrap();
        self.process.wait(DEADLINE).unwrap();
    }

    /// A home that connects now, takes `count` messages and leaves: `retained topic payload` each.
    pub(crate) async fn home(&self, topic: &str, count: usize) -> Vec<String> {
        let count = count.to_string();
        let mut home = self.subscriber(&["-t", topic, "-C", &count]);
        tokio::task::spawn_blocking(move || {
            home.wait(DEADLINE).unwrap();
            lines(&home)
        })
        .await
        .unwrap()
    }

    /// A home that is connected and stays; it has what the broker has retained for it.
    pub(crate) async fn connected_home(&self, topic: &str) -> Process {
        let mut home = self.subscriber(&["-t", topic, "-t", MARKER]);
        let port = self.port.to_string();
        tokio::task::spawn_blocking(move || {
            let mut publish = Command::new("/usr/bin/mosquitto_pub");
            publish.args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-q",
                "1",
                "-t",
                MARKER,
                "-m",
                ".",
            ]);
            // Published before it has subscribed it does not come: again until one does.
            home.wait_for("its subscription", DEADLINE, |home| {
                assert!(publish.status().unwrap().success());
                home.output().contains(MARKER)
            })
            .unwrap();
            home
        })
        .await
        .unwrap()
    }

    /// What the broker keeps for homes that come later.
    pub(crate) async fn retained(&self, topic: &str) -> Vec<String> {
        let mut lines = lines(&self.connected_home(topic).await);
        lines.sort();
        lines
    }

    fn subscriber(&self, arguments: &[&str]) -> Process {
        let port = self.port.to_string();
        let mut command = Command::new("/usr/bin/mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-V", "5", "-q", "2"]);
        command.args(["-F", "%r %t %p"]).args(arguments);
        Process::spawn("mosquitto_sub", command).unwrap()
    }
}

/// Says that everything before it has come.
const MARKER: &str = "marker";

/// The messages that a subscriber has written.
pub(crate) fn lines(subscriber: &Process) -> Vec<String> {
    let output = subscriber.output();
    output
        .lines()
        .filter(|line| !line.contains(MARKER))
        .map(str::to_owned)
        .collect()
}
