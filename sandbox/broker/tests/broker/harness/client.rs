//! `mosquitto_pub` and `mosquitto_sub` with the options that matter here.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::NamedTempFile;
use test_support::process::Process;
use test_support::wait;
use uuid::Uuid;

use super::{DEADLINE, PARTY, PASSWORD};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

impl Version {
    pub(crate) const BOTH: [Self; 2] = [Self::V311, Self::V5];

    const fn option(self) -> &'static str {
        match self {
            Self::V311 => "mqttv311",
            Self::V5 => "mqttv5",
        }
    }
}

/// Who connects, and where to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) version: Version,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) id: String,
    pub(crate) extra: Vec<String>,
}

impl Client {
    /// A home under its own name.
    pub(crate) fn home(address: SocketAddr, version: Version, home: Uuid) -> Self {
        Self {
            address,
            version,
            username: home.to_string(),
            password: PASSWORD.to_owned(),
            id: home.to_string(),
            extra: Vec::new(),
        }
    }

    pub(crate) fn party(address: SocketAddr, client_id: &str) -> Self {
        Self {
            address,
            version: Version::V5,
            username: PARTY.0.to_owned(),
            password: PARTY.1.to_owned(),
            id: client_id.to_owned(),
            extra: Vec::new(),
        }
    }

    pub(crate) fn with_id(&self, client_id: &str) -> Self {
        Self {
            id: client_id.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn with(&self, options: &[&str]) -> Self {
        let mut client = self.clone();
        client.extra.extend(options.iter().map(ToString::to_string));
        client
    }

    /// A session that outlives the connection.
    pub(crate) fn persistent(&self) -> Self {
        match self.version {
            Version::V311 => self.with(&["-c"]),
            Version::V5 => self.with(&["-c", "-x", "3600"]),
        }
    }

    pub(crate) fn command(&self, program: &str, options: &[&str]) -> Command {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        // Into a pipe they would write a whole buffer at a time.
        let mut command = Command::new("stdbuf");
        command
            .args(["-oL", program])
            .args(["-h", &host, "-p", &port.to_string()])
            .args(["-V", self.version.option(), "-i", &self.id])
            .args(["-u", &self.username, "-P", &self.password, "-q", "1"])
            .args(&self.extra)
            .args(options);
        command
    }

    /// Runs a program to its end, at most for [`DEADLINE`].
    pub(crate) async fn run(&self, program: &str, options: &[&str]) -> Ended {
        let command = self.command(program, options);
        let name = program.to_owned();
        let ended = tokio::task::spawn_blocking(move || {
            let mut process = Process::spawn(&name, command).unwrap();
            let status = process.wait(DEADLINE).unwrap();
            Ended {
                ok: status.success(),
                output: process.output(),
            }
        });
        ended.await.unwrap()
    }

    /// Starts `mosquitto_sub` and waits until its SUBACK is there, or its end. Prints what it
    /// receives as `topic payload`.
    pub(crate) async fn listen(&self, filter: &str) -> Process {
        let options = ["-d", "-t", filter, "-F", "got %t %p"];
        let command = self.command("mosquitto_sub", &options);
        let started = tokio::task::spawn_blocking(move || {
            let mut process = Process::spawn("mosquitto_sub", command).unwrap();
            let answered = process.wait_for("an answer to its SUBSCRIBE", DEADLINE, |process| {
                process.output().contains("Subscribed (mid")
            });
            // One that is refused ends, which is an answer as well.
            if let Err(error) = answered {
                assert!(error.to_string().contains("ended early"), "{error}");
            }
            process
        });
        started.await.unwrap()
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) ok: bool,
    pub(crate) output: String,
}

pub(crate) async fn publish(client: &Client, topic: &str, payload: &str) -> Ended {
    let options = ["-d", "-t", topic, "-m", payload];
    client.run("mosquitto_pub", &options).await
}

pub(crate) async fn publish_retained(client: &Client, topic: &str, payload: &str) -> Ended {
    publish(&client.with(&["-r"]), topic, payload).await
}

/// Subscribes and ends once it has its SUBACK.
pub(crate) async fn subscribe(client: &Client, filter: &str) -> Ended {
    client
        .run("mosquitto_sub", &["-d", "-E", "-t", filter])
        .await
}

/// A publisher that keeps its connection: each line is a message.
pub(crate) struct Talker {
    child: Child,
    input: ChildStdin,
    output: NamedTempFile,
}

impl Talker {
    pub(crate) fn new(client: &Client, topic: &str) -> Self {
        let output = NamedTempFile::new().unwrap();
        let mut child = client
            .command("mosquitto_pub", &["-d", "-l", "-t", topic])
            .stdin(Stdio::piped())
            .stdout(output.reopen().unwrap())
            .stderr(output.reopen().unwrap())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        Self {
            child,
            input,
            output,
        }
    }

    /// A message. One that has been disconnected may have ended: then nobody reads it.
    pub(crate) fn say(&mut self, line: &str) {
        let written = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        if let Err(error) = written {
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        }
    }

    /// What it says about its packets.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(self.output.path()).unwrap()
    }

    pub(crate) async fn wait_for(&self, text: &str) {
        wait::until(DEADLINE, text, async || {
            self.output().contains(text).then_some(())
        })
        .await;
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
    }
}
