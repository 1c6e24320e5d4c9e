//! The program with a store: what survives when it is killed, and that it writes nowhere else.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use test_support::process::Process;
use test_support::wait;
use uuid::Uuid;

use crate::harness::{
    API, Client, DEADLINE, PARTY, Rest, Tables, Version, publish, publish_retained, uuid,
};

struct Program {
    tables: Tables,
    folder: TempDir,
    home: Uuid,
    running: Option<Process>,
}

impl Program {
    async fn new() -> Self {
        let tables = Tables::new().await;
        let home = uuid();
        tables.add_home(home).await;
        for rule in [
            "ALLOW PUBLISH aiida/v1/+/data",
            "ALLOW SUBSCRIBE aiida/v1/+/command",
        ] {
            tables.add_rule(home, rule).await;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self {
            tables,
            folder,
            home,
            running: None,
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program in a working folder of its own; answers its plain address and its API.
    fn start(&mut self) -> (SocketAddr, Rest) {
        let addresses = self.path("addresses.json");
        if addresses.exists() {
            std::fs::remove_file(&addresses).unwrap();
        }
        let variable = |name: &str| format!("METERGATE_SANDBOX_BROKER_{name}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox-broker"));
        command
            .current_dir(self.path("work"))
            .env(variable("PLAIN"), "127.0.0.1:0")
            .env(variable("API"), "127.0.0.1:0")
            .env(variable("API_KEY"), API.0)
            .env(variable("API_SECRET"), API.1)
            .env(variable("PARTY_USERNAME"), PARTY.0)
            .env(variable("PARTY_PASSWORD"), PARTY.1)
            .env(variable("DATABASE_URL"), self.tables.url())
            .env(variable("STORE"), self.path("store"))
            .env(variable("ADDRESS_FILE"), &addresses)
            .args(["--internal-address", "127.0.0.1:0"]);
        let mut process = Process::spawn("sandbox-broker", command).unwrap();
        process
            .wait_for("its addresses", DEADLINE, |_| addresses.exists())
            .unwrap();
        self.running = Some(process);
        let written: Value = serde_json::from_slice(&std::fs::read(&addresses).unwrap()).unwrap();
        assert_eq!(written["tls"], Value::Null);
        let address = |name: &str| written[name].as_str().unwrap().parse().unwrap();
        (address("plain"), Rest::new(address("api")))
    }

    fn kill(&mut self) {
        let mut process = self.running.take().unwrap();
        process.kill().unwrap();
        process.wait(DEADLINE).unwrap();
    }

    fn stop(&mut self) {
        let mut process = self.running.take().unwrap();
        process.terminate().unwrap();
        assert!(
            process.wait(DEADLINE).unwrap().success(),
            "{}",
            process.output()
        );
    }
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                files(&entry.path())
            } else {
                1
            }
        })
        .sum()
}

const SHARED: &str = "$share/metergate/aiida/v1/+/data";

async fn hears(ear: &Process, payload: &str) {
    wait::until(DEADLINE, payload, async || {
        ear.output().contains(payload).then_some(())
    })
    .await;
}

/// Subscribes with a session and goes offline.
async fn leave_session(client: &Client, rest: &Rest) {
    drop(client.listen(SHARED).await);
    wait::until(DEADLINE, "the end of the connection", async || {
        let listed = rest.get("/api/v5/clients?conn_state=disconnected").await;
        (listed["meta"]["count"] == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_queues_and_retained_messages_survive_kill_9() {
    let mut program = Program::new().await;
    let (address, rest) = program.start();
    let home = Client::home(address, Version::V5, program.home);
    let slot = Client::party(address, "slot-0").persistent();
    leave_session(&slot, &rest).await;

    let data = format!("aiida/v1/{}/data", program.home);
    for number in 0..20 {
        let ended = publish(&home, &data, &format!("number {number}.")).await;
        assert!(ended.output.contains("RC:0"), "{}", ended.output);
    }
    // Queued messages reach the disk within a quarter of a second; retained ones at once.
    let queue = program.path("store/queues/slot-0");
    wait::until(DEADLINE, "the queue on the disk", async || {
        (files(&queue) == 20).then_some(())
    })
    .await;
    let command = format!("aiida/v1/{}/command", program.home);
    let party = Client::party(address, "mouth");
    assert!(publish_retained(&party, &command, "stop").await.ok);
    program.kill();

    let (address, rest) = program.start();
    assert_eq!(rest.clients_of(PARTY.0).await, ["slot-0"]);
    let thief = Client::home(address, Version::V5, program.home).with_id("slot-0");
    let refused = publish(&thief, &data, "stolen").await;
    assert!(
        refused.output.contains("CONNACK (133)"),
        "{}",
        refused.output
    );

    let slot = Client { address, ..slot };
    let ear = slot.listen(SHARED).await;
    for number in 0..20 {
        hears(&ear, &format!("number {number}.")).await;
    }
    let home = Client::home(address, Version::V5, program.home);
    let ear = home.listen(&command).await;
    hears(&ear, "stop").await;
    drop(ear);

    assert_eq!(
        files(&program.path("work")),
        0,
        "the working folder stays empty"
    );
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_loses_nothing() {
    let mut program = Program::new().await;
    let (address, rest) = program.start();
    let slot = Client::party(address, "slot-0").persistent();
    leave_session(&slot, &rest).await;
    let data = format!("aiida/v1/{}/data", program.home);
    let home = Client::home(address, Version::V311, program.home);
    assert!(publish(&home, &data, "the last words").await.ok);
    program.stop();

    let (address, _) = program.start();
    let ear = Client { address, ..slot }.listen(SHARED).await;
    hears(&ear, "the last words").await;
    program.stop();
}

/// A revoked home must not come back to life with the broker.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_kicked_stays_gone_after_a_restart() {
    let mut program = Program::new().await;
    let (address, rest) = program.start();
    let command = format!("aiida/v1/{}/command", program.home);
    let home = Client::home(address, Version::V5, program.home).persistent();
    drop(home.listen(&command).await);
    let party = Client::party(address, "mouth");
    assert!(publish(&party, &command, "kept for it").await.ok);
    program.tables.remove_home(program.home).await;
    rest.kick(&program.home.to_string()).await;
    program.kill();

    let (_, rest) = program.start();
    assert!(rest.clients_of(&program.home.to_string()).await.is_empty());
    assert_eq!(files(&program.path("store/queues")), 0);
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_one_broker() {
    let mut program = Program::new().await;
    program.start();
    let mut config = sandbox_broker::Config::on_loopback(&program.tables.url(), PARTY, API);
    config.store = Some(program.path("store"));
    let context = service_kit::program::Context::new();
    let refused = sandbox_broker::start(config, &context).await.unwrap_err();
    assert!(
        refused.to_string().contains("cannot use the store"),
        "{refused}"
    );
    program.stop();
}
