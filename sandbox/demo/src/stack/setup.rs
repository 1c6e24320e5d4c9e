//! The parts of a stack, and what each is told of the others.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use service_kit::random::{Random, SystemRandom};
use test_support::certs::{Authority, CertificateFiles};
use test_support::nginx::Nginx;
use test_support::process::Process;
use test_support::{Cluster, binary, ports};

use super::{
    Addresses, BrokerAddresses, DATABASE, SERVICES, START_LIMIT, StackError, StackOptions,
};

/// The eligible party's user at the broker, and the name of the key to its management API.
pub(super) const PARTY: &str = "metergate";
pub(super) const BROKER_API_KEY: &str = "metergate-iam";

/// The settings that say where a service listens.
const SMD_AUTH: &str = "METERGATE_SMD_AUTH_ADDRESS";
const AIIDA_PERMISSION: &str = "METERGATE_AIIDA_PERMISSION_ADDRESS";
const AIIDA_STREAM: &str = "METERGATE_AIIDA_STREAM_ADDRESS";

pub(super) struct Secrets {
    client_id: String,
    client_secret: String,
    encryption_key: String,
    jwt_secret: String,
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

/// What only some service may have.
pub(super) fn is_secret(name: &str) -> bool {
    SERVICES
        .iter()
        .any(|service| service.secrets.contains(&name))
}

/// Where a service listens for nginx.
pub(super) fn is_listener(name: &str) -> bool {
    [SMD_AUTH, AIIDA_PERMISSION, AIIDA_STREAM].contains(&name)
}

/// Where the services listen for nginx.
pub(super) struct HttpPorts {
    pub(super) smd_auth: SocketAddr,
    pub(super) aiida_permission: SocketAddr,
    pub(super) aiida_stream: SocketAddr,
}

impl HttpPorts {
    pub(super) fn free() -> Self {
        let address = || SocketAddr::from(([127, 0, 0, 1], ports::free()));
        Self {
            smd_auth: address(),
            aiida_permission: address(),
            aiida_stream: address(),
        }
    }

    pub(super) fn settings(&self) -> [(String, String); 3] {
        [
            (SMD_AUTH, self.smd_auth),
            (AIIDA_PERMISSION, self.aiida_permission),
            (AIIDA_STREAM, self.aiida_stream),
        ]
        .map(|(name, address)| (name.to_owned(), address.to_string()))
    }
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
    for role in SERVICES.iter().map(|service| service.role).chain(["emqx"]) {
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

/// What the services of AIIDA are told.
pub(super) fn aiida_settings(
    folder: &Path,
    nginx: &Nginx,
    broker: &BrokerAddresses,
    secrets: &Secrets,
) -> io::Result<Vec<(String, String)>> {
    let data_needs = folder.join("data-needs.json");
    fs::write(&data_needs, include_str!("../../data-needs.json"))?;
    let homes_port = broker.tls.rsplit(':').next().unwrap_or_default();
    let settings = [
        ("METERGATE_AIIDA_PUBLIC_URL", nginx.url()),
        ("METERGATE_AIIDA_JWT_SECRET", secrets.jwt_secret.clone()),
        (
            "METERGATE_AIIDA_DATA_NEEDS",
            data_needs.display().to_string(),
        ),
        // The certificate is for the name.
        (
            "METERGATE_MQTT_HOMES_URL",
            format!("ssl://localhost:{homes_port}"),
        ),
        ("METERGATE_MQTT_URL", format!("mqtt://{}", broker.plain)),
        ("METERGATE_MQTT_USERNAME", PARTY.to_owned()),
        ("METERGATE_MQTT_PASSWORD", secrets.party_password.clone()),
        ("METERGATE_BROKER_API_URL", format!("http://{}", broker.api)),
        ("METERGATE_BROKER_API_KEY", BROKER_API_KEY.to_owned()),
        (
            "METERGATE_BROKER_API_SECRET",
            secrets.broker_api_secret.clone(),
        ),
    ];
    Ok(settings
        .map(|(name, value)| (name.to_owned(), value))
        .into())
}

pub(super) fn settings(
    folder: &Path,
    options: &StackOptions,
    authority: &Authority,
    client: &CertificateFiles,
    nginx: &Nginx,
    addresses: &Addresses,
    secrets: &Secrets,
) -> Vec<(String, String)> {
    let path = |path: &Path| path.display().to_string();
    let mut settings: Vec<(String, String)> = [
        ("CLIENT_ID", secrets.client_id.clone()),
        ("CLIENT_SECRET", secrets.client_secret.clone()),
        (
            "SMD_AUTH_BASE_URL",
            format!("{}/myAuthorization", addresses.pages.trim_end_matches('/')),
        ),
        ("REDIRECT_BASE_URL", nginx.url()),
        ("PGE_API_BASE_URL", addresses.api.clone()),
        ("METERGATE_SMD_CERTIFICATE", path(&client.certificate)),
        ("METERGATE_SMD_PRIVATE_KEY", path(&client.key)),
        ("METERGATE_SMD_EXTRA_CA", path(authority.certificate())),
        (
            "METERGATE_ENCRYPTION_KEYS",
            format!("demo:{}", secrets.encryption_key),
        ),
        (
            "METERGATE_OPERATOR_NAME",
            "Sunny Side Solar (demo)".to_owned(),
        ),
        ("METERGATE_OUTPUT_DIR", path(&folder.join("output"))),
        ("METERGATE_OUTPUT_MODE", "644".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if options.fast {
        for (name, value) in [
            ("REQUEST_SPACING_MS", "0"),
            ("REQUESTS_PER_HOUR", "1000000"),
            ("REQUESTS_PER_DAY", "1000000"),
        ] {
            settings.push((format!("METERGATE_SMD_{name}"), value.to_owned()));
        }
    }
    settings
}

/// Asks a service's internal port.
pub(super) fn is_ready(port: u16) -> bool {
    let ask = || -> io::Result<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

pub(super) fn subfolder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Runs a command to its end; its output is the error when it fails.
fn run(mut command: Command) -> Result<String, StackError> {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(StackError::Command {
        command: command.get_program().display().to_string(),
        output: text(&output.stdout) + &text(&output.stderr),
    })
}
