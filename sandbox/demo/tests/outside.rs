//! The program `walk` in front of a private stack, which it knows only from outside: the walk, the probe, and the
//! load while services are restarted.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a wrong assumption is to end the test"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use demo::{SERVICES, Stack, StackOptions};
use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;
use test_support::ports;
use test_support::process::Process;

const LIMIT: Duration = Duration::from_mins(5);

struct World {
    stack: Stack,
    folder: TempDir,
}

/// A stack with the limits at the edge that a production has.
async fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let rates = [("NGINX_RATE", "5r/s"), ("NGINX_AIIDA_REQUEST_RATE", "1r/s")];
    let options = StackOptions {
        fast: true,
        nginx: rates
            .map(|(name, rate)| (name.to_owned(), rate.to_owned()))
            .into(),
        ..StackOptions::default()
    };
    let stack = Stack::start(folder.path(), &options).await.unwrap();
    World { stack, folder }
}

impl World {
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `walk` with these arguments, the stack's address and authority, and what its users know.
    fn command(&self, arguments: &[&str]) -> Command {
        let site = self.stack.site();
        let mut command = Command::new(env!("CARGO_BIN_EXE_walk"));
        command
            .env_clear()
            .args(arguments)
            .args(["--url", &site.url, "--ca"])
            .arg(&site.authority);
        command
    }

    fn with_secrets(&self, mut command: Command) -> Command {
        let site = self.stack.site();
        let key = site.api_key.as_deref().unwrap();
        command
            .arg("--api-key-file")
            .arg(self.file("api-key", &format!("{key}\n")))
            .args(["--output-user", &site.reader, "--output-password-file"])
            .arg(self.file("password", &site.password));
        command
    }
}

/// The last line of its output, and all of it for messages.
fn summary(process: &mut Process) -> (Value, String) {
    process.wait(LIMIT).unwrap();
    let output = process.output();
    let line = output.lines().rfind(|line| line.starts_with('{'));
    let line = line.unwrap_or_else(|| panic!("no summary: {output}"));
    (serde_json::from_str(line).unwrap(), output)
}

fn run(name: &str, command: Command) -> (Value, String) {
    summary(&mut Process::spawn(name, command).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_two_homes_and_a_stranger_come_from_outside() {
    let world = start().await;
    let (walked, output) = run("walk", world.with_secrets(world.command(&[])));
    assert_eq!(walked["holds"], true, "{output}\n{}", world.stack.logs());
    assert_eq!(
        (&walked["customer"], &walked["files"]),
        (&"fable".into(), &4.into())
    );
    assert!(walked["homes"]["readings_stored"].as_u64().unwrap() >= 10);

    let personal = world.command(&["personal"]).output().unwrap();
    let personal = String::from_utf8(personal.stdout).unwrap();
    assert!(personal.contains("Fenella Fable"), "{personal}");
    assert!(personal.lines().count() > 10, "{personal}");

    let (tried, output) = run("probe", world.probe(&[ports::free(), ports::free()]));
    assert_eq!(tried["holds"], true, "{output}\n{}", world.stack.logs());
    assert!(tried["tried"].as_u64().unwrap() > 70, "{output}");

    // What is not as it should be is named.
    let open = port(&world.stack.broker().unwrap().api);
    let (tried, output) = run("probe", world.probe(&[open]));
    let failed = format!("port {open} of localhost is closed");
    assert_eq!(tried["failed"], Value::from(vec![failed]), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_balance_though_everything_is_restarted() {
    let mut world = start().await;
    let load = [
        "--load",
        "20",
        "--homes",
        "3",
        "--parallel",
        "2",
        "--customer",
        "fable,newcomer",
    ];
    let command = world.with_secrets(world.command(&load));
    let mut walk = Process::spawn("walk", command).unwrap();
    walk.wait_for_output("restart what you like", LIMIT)
        .unwrap();
    for service in SERVICES {
        world.stack.terminate(service.name).unwrap();
        world.stack.add(service.name).unwrap();
    }
    world.stack.cluster.restart().unwrap();
    world.stack.kill_broker().unwrap();
    world.stack.restart_broker().unwrap();
    let (ended, output) = summary(&mut walk);
    assert_eq!(ended["holds"], true, "{output}\n{}", world.stack.logs());
    assert_eq!(ended["homes"].as_array().unwrap().len(), 3);
    for home in ended["homes"].as_array().unwrap() {
        assert!(home["connects"].as_u64().unwrap() >= 2, "{home}");
    }
    assert!(
        ended["authorizations"].as_array().unwrap().len() >= 2,
        "{output}"
    );
}

impl World {
    fn probe(&self, closed: &[u16]) -> Command {
        let closed: Vec<String> = closed.iter().map(u16::to_string).collect();
        let plain = Url::parse(&self.stack.nginx.plain_url()).unwrap();
        let mqtt = port(&self.stack.broker().unwrap().tls);
        let mut command = self.with_secrets(self.command(&["probe"]));
        command
            .args(["--closed", &closed.join(",")])
            .args(["--http-port", &plain.port().unwrap().to_string()])
            .args(["--mqtt-port", &mqtt.to_string()]);
        command
    }
}

/// The port of `host:port`.
fn port(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}
