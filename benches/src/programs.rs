//! The real programs, each a process of its own, built for release.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use test_support::process::Process;
use test_support::{binary, ports};

use crate::Answer;

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The eligible party's user at the broker, and its password there.
pub const PARTY: (&str, &str) = ("party", "fictional-password");

const API: (&str, &str) = ("key", "fictional-secret");

/// A program of ours.
#[derive(Debug)]
pub struct Program {
    process: Process,
    port: u16,
}

impl Program {
    /// Starts `name` with these settings and no others.
    pub fn start(name: &str, arguments: &[&str], settings: &[(&str, String)]) -> Answer<Self> {
        let port = ports::free();
        let mut command = Command::new(binary::path(name)?);
        command
            .args(arguments)
            .env_clear()
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("METERGATE_INTERNAL_ADDRESS", format!("127.0.0.1:{port}"));
        Ok(Self {
            process: Process::spawn(name, command)?,
            port,
        })
    }

    /// Waits until it says that everything it needs answers.
    pub fn ready(mut self) -> Answer<Self> {
        let port = self.port;
        self.process
            .wait_for("200 from /readyz", READY_WITHIN, |_| {
                is_ready(port).unwrap_or(false)
            })?;
        Ok(self)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn is_ready(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(READY_WITHIN))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer.split_whitespace().nth(1) == Some("200"))
}

/// The sandbox broker, everything in memory.
#[derive(Debug)]
pub struct Broker {
    program: Program,
    addresses: Addresses,
}

#[derive(Debug, Deserialize)]
struct Addresses {
    plain: String,
    api: String,
}

impl Broker {
    /// Starts it over the access tables of this database, with its address file in `folder`.
    pub fn start(folder: &Path, database_url: &str) -> Answer<Self> {
        let file = folder.join("broker.json");
        let free = || "127.0.0.1:0".to_owned();
        let settings = [
            ("METERGATE_SANDBOX_BROKER_PLAIN", free()),
            ("METERGATE_SANDBOX_BROKER_API", free()),
            ("METERGATE_SANDBOX_BROKER_API_KEY", API.0.to_owned()),
            ("METERGATE_SANDBOX_BROKER_API_SECRET", API.1.to_owned()),
            (
                "METERGATE_SANDBOX_BROKER_PARTY_USERNAME",
                PARTY.0.to_owned(),
            ),
            (
                "METERGATE_SANDBOX_BROKER_PARTY_PASSWORD",
                PARTY.1.to_owned(),
            ),
            (
                "METERGATE_SANDBOX_BROKER_DATABASE_URL",
                database_url.to_owned(),
            ),
            (
                "METERGATE_SANDBOX_BROKER_ADDRESS_FILE",
                file.display().to_string(),
            ),
        ];
        let program = Program::start("sandbox-broker", &[], &settings)?.ready()?;
        let addresses = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        Ok(Self { program, addresses })
    }

    /// `host:port` of its listener without TLS.
    #[must_use]
    pub fn plain(&self) -> &str {
        &self.addresses.plain
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// What a service that manages it is told.
    #[must_use]
    pub fn managing(&self) -> [(&'static str, String); 3] {
        [
            (
                "METERGATE_BROKER_API_URL",
                format!("http://{}", self.addresses.api),
            ),
            ("METERGATE_BROKER_API_KEY", API.0.to_owned()),
            ("METERGATE_BROKER_API_SECRET", API.1.to_owned()),
        ]
    }
}

/// What a service that connects to the broker at `address` (`host:port`) as the eligible party is told.
#[must_use]
pub fn connecting(address: &str) -> [(&'static str, String); 3] {
    [
        ("METERGATE_MQTT_URL", format!("mqtt://{address}")),
        ("METERGATE_MQTT_USERNAME", PARTY.0.to_owned()),
        ("METERGATE_MQTT_PASSWORD", PARTY.1.to_owned()),
    ]
}
