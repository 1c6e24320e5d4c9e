//! The parts of a stack before the services: secrets, the database, the custodian.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use service_kit::random::{Random, SystemRandom};
use storage::kinds::role;
use test_support::certs::{Authority, CertificateFiles};
use test_support::nginx::Nginx;
use test_support::process::Process;
use test_support::{Cluster, binary, ports};

use super::{Addresses, DATABASE, SERVICES, START_LIMIT, StackError, StackOptions};

/// The eligible party's user at the broker, and the name of the key to its management API.
pub(super) const PARTY: &str = "metergate";
pub(super) const BROKER_API_KEY: &str = "metergate-iam";

pub(super) struct Secrets {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) encryption_key: String,
    pub(super) jwt_secret: String,
    pub(super) party_password: String,
    pub(super) broker_api_secret: String,
}

impl Secrets {
    pub(super) fn make() -> Self {
        Self {
            client_id: SystemRandom.uuid().simple().to_string(),
            client_secret: SystemRandom.token(24),
            encryption_key: key(),
            jwt_secret: key(),
            party_password: SystemRandom.token(24),
            broker_api_secret: SystemRandom.token(24),
        }
    }
}

/// 32 random bytes in base64.
fn key() -> String {
    let mut key = [0; 32];
    SystemRandom.fill(&mut key);
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key)
}

pub(super) async fn prepare_database(cluster: &Cluster, password: &str) -> Result<(), StackError> {
    cluster
        .sql("postgres", &format!("CREATE DATABASE {DATABASE}"))
        .await?;
    let mut migrate = Command::new(binary::path("metergate")?);
    migrate
        .arg("migrate")
        .env_clear()
        .env("METERGATE_DATABASE_URL", cluster.url(DATABASE));
    run(migrate)?;
    for role in SERVICES
        .iter()
        .map(|service| service.role)
        .chain([role::BROKER])
    {
        cluster
            .sql(
                DATABASE,
                &format!("CREATE ROLE demo_{role} LOGIN PASSWORD '{password}' IN ROLE {role}"),
            )
            .await?;
    }
    Ok(())
}

pub(super) fn start_custodian(
    folder: &Path,
    options: &StackOptions,
    authority: &Authority,
    server: &CertificateFiles,
    client: &CertificateFiles,
    nginx: &Nginx,
    secrets: &Secrets,
) -> Result<(Process, Addresses), StackError> {
    let address_file = folder.join("custodian.json");
    let own = |name: &str| format!("METERGATE_CUSTODIAN_{name}");
    let mut command = Command::new(binary::path("custodian")?);
    command
        .env_clear()
        .env(own("PAGES"), "127.0.0.1:0")
        .env(own("API"), "127.0.0.1:0")
        .env(own("TLS_CERTIFICATE"), &server.certificate)
        .env(own("TLS_KEY"), &server.key)
        .env(own("ADDRESS_FILE"), &address_file)
        .env(own("CLIENT_ID"), &secrets.client_id)
        .env(own("CLIENT_SECRET"), &secrets.client_secret)
        .env(own("CLIENT_CERTIFICATE"), &client.certificate)
        .env(
            own("REDIRECT_URI"),
            format!("{}/OAuthCallback", nginx.url()),
        )
        .env(
            own("NOTIFICATION_URI"),
            format!("{}/espi/notification", nginx.url()),
        )
        .env(own("NOTIFY_CA"), authority.certificate())
        .env(
            "METERGATE_INTERNAL_ADDRESS",
            format!("127.0.0.1:{}", ports::free()),
        );
    if options.fast {
        for limit in ["PER_SECOND", "PER_HOUR", "PER_DAY"] {
            command.env(own(limit), "0");
        }
        command.env(own("NOTIFY_DELAY_MS"), "200");
    }
    command.envs(options.custodian.iter().cloned());
    let mut process = Process::spawn("custodian", command)?;
    process.wait_for("its address file", START_LIMIT, |_| address_file.exists())?;
    let addresses = serde_json::from_str(&fs::read_to_string(address_file)?)?;
    Ok((process, addresses))
}

/// Whether a service says on its internal port that it is ready.
pub(super) fn is_ready(port: u16) -> bool {
    ask(port, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Asks a service's internal port; the answer with its head.
pub(super) fn ask(port: u16, path: &str) -> io::Result<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(super) fn subfolder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Runs a command to its end; its output is the error when it fails.
pub(super) fn run(mut command: Command) -> Result<String, StackError> {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(StackError::Command {
        command: command.get_program().display().to_string(),
        output: [text(&output.stdout), text(&output.stderr)].concat(),
    })
}
