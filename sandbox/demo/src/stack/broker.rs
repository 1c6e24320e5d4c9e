//! The sandbox broker of a stack: it can crash and come back at its addresses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::certs::CertificateFiles;
use test_support::process::Process;
use test_support::{binary, ports};

use super::setup::{BROKER_API_KEY, PARTY, Secrets};
use super::{START_LIMIT, Stack, StackError};

/// Listeners of the sandbox broker, `host:port`.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct BrokerAddresses {
    /// MQTT.
    pub plain: String,
    /// MQTT over TLS, for homes.
    pub tls: String,
    /// The management API.
    pub api: String,
}

/// The broker, with TLS for homes and a plain listener for us.
#[derive(Debug)]
pub(super) struct Broker {
    process: Process,
    pub(super) addresses: BrokerAddresses,
    settings: Vec<(String, String)>,
    address_file: PathBuf,
    /// What processes that have ended had written.
    ended: String,
}

impl Broker {
    /// Starts it on free ports, with its store in `folder`.
    pub(super) fn start(
        folder: &Path,
        server: &CertificateFiles,
        database_url: &str,
        secrets: &Secrets,
    ) -> Result<Self, StackError> {
        let address_file = folder.join("broker.json");
        let path = |path: &Path| path.display().to_string();
        let settings: Vec<(String, String)> = [
            ("TLS_CERTIFICATE", path(&server.certificate)),
            ("TLS_KEY", path(&server.key)),
            ("DATABASE_URL", database_url.to_owned()),
            ("PARTY_USERNAME", PARTY.to_owned()),
            ("PARTY_PASSWORD", secrets.party_password.clone()),
            ("API_KEY", BROKER_API_KEY.to_owned()),
            ("API_SECRET", secrets.broker_api_secret.clone()),
            ("STORE", path(&folder.join("broker"))),
            ("ADDRESS_FILE", path(&address_file)),
        ]
        .map(|(name, value)| (own(name), value))
        .into();
        let any = "127.0.0.1:0";
        let listeners = [("PLAIN", any), ("TLS", any), ("API", any)];
        let process = spawn(&settings, listeners, &address_file)?;
        let addresses = serde_json::from_str(&fs::read_to_string(&address_file)?)?;
        Ok(Self {
            process,
            addresses,
            settings,
            address_file,
            ended: String::new(),
        })
    }

    /// Ends it with −9.
    pub(super) fn kill(&mut self) -> Result<(), StackError> {
        self.process.kill()?;
        self.process.wait(START_LIMIT)?;
        Ok(())
    }

    /// Starts it again after [`Broker::kill`], at the same addresses.
    pub(super) fn start_again(&mut self) -> Result<(), StackError> {
        let BrokerAddresses { plain, tls, api } = &self.addresses;
        let listeners = [("PLAIN", &**plain), ("TLS", tls), ("API", api)];
        let process = spawn(&self.settings, listeners, &self.address_file)?;
        let before = std::mem::replace(&mut self.process, process);
        self.ended.push_str(&before.output());
        Ok(())
    }

    /// What it has logged.
    pub(super) fn output(&self) -> String {
        format!("{}{}", self.ended, self.process.output())
    }
}

fn own(name: &str) -> String {
    format!("METERGATE_SANDBOX_BROKER_{name}")
}

fn spawn(
    settings: &[(String, String)],
    listeners: [(&str, &str); 3],
    address_file: &Path,
) -> Result<Process, StackError> {
    // It stands when it has written the file anew.
    match fs::remove_file(address_file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut command = Command::new(binary::path("sandbox-broker")?);
    command
        .env_clear()
        .envs(settings.iter().cloned())
        .envs(listeners.map(|(name, address)| (own(name), address)))
        .env(
            "METERGATE_INTERNAL_ADDRESS",
            format!("127.0.0.1:{}", ports::free()),
        );
    let mut process = Process::spawn("sandbox-broker", command)?;
    process.wait_for("its address file", START_LIMIT, |_| address_file.exists())?;
    Ok(process)
}

impl Stack {
    /// Where the sandbox broker listens; `None` when only the history side runs.
    #[must_use]
    pub fn broker(&self) -> Option<&BrokerAddresses> {
        self.broker.as_ref().map(|broker| &broker.addresses)
    }

    /// Key and secret of the sandbox broker's management API.
    #[must_use]
    pub fn broker_key(&self) -> (&str, &str) {
        let setting = |wanted: &str| {
            let found = self.settings.iter().find(|(name, _)| name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        (
            setting("METERGATE_BROKER_API_KEY"),
            setting("METERGATE_BROKER_API_SECRET"),
        )
    }

    /// What the sandbox broker has logged, for failure messages.
    #[must_use]
    pub fn broker_log(&self) -> String {
        self.broker.as_ref().map(Broker::output).unwrap_or_default()
    }

    /// Kills the sandbox broker with −9; nothing when there is none.
    pub fn kill_broker(&mut self) -> Result<(), StackError> {
        self.broker.as_mut().map_or(Ok(()), Broker::kill)
    }

    /// Deletes the sandbox broker's store, while it is down: sessions, queued and retained messages.
    pub fn lose_broker_store(&self) -> Result<(), StackError> {
        Ok(fs::remove_dir_all(self.folder.join("broker"))?)
    }

    /// Starts the sandbox broker again, after [`Stack::kill_broker`], at the same addresses.
    pub fn restart_broker(&mut self) -> Result<(), StackError> {
        self.broker.as_mut().map_or(Ok(()), Broker::start_again)
    }
}
