//! A broker, and clients that publish as homes would. Homes' rights are the broker's own affair and tested there:
//! these clients connect as the eligible party, who may publish everywhere.
//!
//! Where mosquitto is installed it is that, so that ingest leans on nothing that is ours; `TEST_BROKER=sandbox`
//! takes the sandbox broker all the same.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Parser as _;
use rumqttc::{AsyncClient, MqttOptions, PublishOptions, QoS};
use service_kit::program::Context;
use service_kit::random::{Random as _, SystemRandom};
use test_support::certs::{Authority, CertificateFiles};
use test_support::process::Process;
use test_support::{ports, wait};

use super::DEADLINE;

const MOSQUITTO: &str = "/usr/sbin/mosquitto";

pub(super) const PARTY: &str = "party";
pub(super) const PARTY_PASSWORD: &str = "party-secret";

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    config: sandbox_broker::Config,
}

/// A running broker.
pub(crate) struct Broker {
    port: u16,
    encrypted: u16,
    /// The file of the authority behind the encrypted listener.
    pub(crate) authority: PathBuf,
    context: Context,
    _folder: tempfile::TempDir,
    _mosquitto: Option<Process>,
}

impl Broker {
    /// The address of the plain listener.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// The address of the encrypted one.
    pub(crate) fn encrypted_url(&self) -> String {
        format!("mqtts://localhost:{}", self.encrypted)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a choice of who runs the tests, no configuration"
    )]
    pub(super) async fn start(database_url: &str) -> Self {
        let wanted = std::env::var("TEST_BROKER").unwrap_or_default();
        if wanted != "sandbox" && Path::new(MOSQUITTO).exists() {
            mosquitto().await
        } else {
            sandbox(database_url).await
        }
    }

    /// A client that publishes.
    pub(crate) fn publisher(&self) -> Publisher {
        let id = format!("test-{}", SystemRandom.uuid().simple());
        let mut options = MqttOptions::new(id, ("127.0.0.1", self.port));
        options
            .set_credentials(PARTY, PARTY_PASSWORD)
            .set_max_packet_size(Some(2 << 20));
        let (client, mut eventloop) = AsyncClient::builder(options).unbounded().build();
        let polling = tokio::spawn(async move { while eventloop.poll().await.is_ok() {} });
        Publisher { client, polling }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
    }
}

/// The certificates of a broker, in a folder of their own.
fn certificates() -> (tempfile::TempDir, PathBuf, CertificateFiles) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let server = authority.server("broker").unwrap();
    (folder, authority.certificate().to_owned(), server)
}

async fn sandbox(database_url: &str) -> Broker {
    let (folder, authority, server) = certificates();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let arguments = [
        ("--plain", "127.0.0.1:0".to_owned()),
        ("--tls", "127.0.0.1:0".to_owned()),
        ("--tls-certificate", text(&server.certificate)),
        ("--tls-key", text(&server.key)),
        ("--api", "127.0.0.1:0".to_owned()),
        ("--api-key", "key".to_owned()),
        ("--api-secret", "secret".to_owned()),
        ("--party-username", PARTY.to_owned()),
        ("--party-password", PARTY_PASSWORD.to_owned()),
        ("--database-url", database_url.to_owned()),
    ];
    let arguments = arguments
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    let cli = Cli::parse_from(std::iter::once("broker".to_owned()).chain(arguments));
    let context = Context::new();
    let broker = sandbox_broker::start(cli.config, &context).await.unwrap();
    Broker {
        port: broker.addresses().plain.unwrap().port(),
        encrypted: broker.addresses().tls.unwrap().port(),
        authority,
        context,
        _folder: folder,
        _mosquitto: None,
    }
}

/// Everybody may do everything; names and passwords are not looked at.
async fn mosquitto() -> Broker {
    let (folder, authority, server) = certificates();
    let (port, encrypted) = (ports::free(), ports::free());
    let file = folder.path().join("mosquitto.conf");
    let text = format!(
        "user root\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n\
         listener {port} 127.0.0.1\nlistener {encrypted} 127.0.0.1\ncertfile {}\nkeyfile {}\n",
        server.certificate.display(),
        server.key.display()
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(MOSQUITTO);
    command.arg("-c").arg(&file);
    let process = Process::spawn("mosquitto", command).unwrap();
    wait::until(DEADLINE, "mosquitto to listen", async || {
        let listens = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        (listens(port) && listens(encrypted)).then_some(())
    })
    .await;
    Broker {
        port,
        encrypted,
        authority,
        context: Context::new(),
        _folder: folder,
        _mosquitto: Some(process),
    }
}

/// Publishes; each message is at the broker when the call returns.
pub(crate) struct Publisher {
    client: AsyncClient,
    polling: tokio::task::JoinHandle<()>,
}

impl Publisher {
    pub(crate) async fn send(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish(topic, payload.into(), QoS::AtLeastOnce, false)
            .await;
    }

    pub(crate) async fn retain(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish(topic, payload.into(), QoS::AtLeastOnce, true)
            .await;
    }

    pub(crate) async fn send_once(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish(topic, payload.into(), QoS::AtMostOnce, false)
            .await;
    }

    /// Many, without waiting for each.
    pub(crate) async fn send_all(&self, topic: &str, payloads: Vec<Vec<u8>>) {
        let mut notices = Vec::new();
        for payload in payloads {
            let options = PublishOptions::new(QoS::AtLeastOnce);
            notices.push(
                self.client
                    .publish_tracked(topic, payload, options)
                    .await
                    .unwrap(),
            );
        }
        for notice in notices {
            tokio::time::timeout(DEADLINE, notice.wait_completion_async())
                .await
                .unwrap()
                .unwrap();
        }
    }

    async fn publish(&self, topic: &str, payload: Vec<u8>, qos: QoS, retain: bool) {
        let options = PublishOptions::new(qos).retain(retain);
        let notice = self
            .client
            .publish_tracked(topic, payload, options)
            .await
            .unwrap();
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, notice.wait_completion_async())
            .await
            .unwrap()
            .unwrap();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.polling.abort();
    }
}
