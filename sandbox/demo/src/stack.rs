//! Everything Metergate needs, started privately on free ports: nothing of this machine is touched.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use service_kit::random::{Random, SystemRandom};
use test_support::certs::{Authority, CertificateError, CertificateFiles};
use test_support::nginx::{Nginx, NginxConfig, NginxError};
use test_support::process::{Process, ProcessError};
use test_support::{Cluster, ClusterError, DatabaseError, binary, ports};

use crate::BoxError;

/// The name of the database.
const DATABASE: &str = "metergate";
/// Who may download.
const READER: &str = "analyst";
const START_LIMIT: Duration = Duration::from_secs(60);

/// A service, its database role, and the variables that only it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The name on `metergate serve`.
    pub name: &'static str,
    role: &'static str,
    needs_custodian: bool,
}

/// The services, each run as a process of its own under its own database role.
pub const SERVICES: [Service; 3] = [
    Service {
        name: "smd-auth",
        role: "metergate_smd_auth",
        needs_custodian: true,
    },
    Service {
        name: "smd-fetcher",
        role: "metergate_smd_fetcher",
        needs_custodian: true,
    },
    Service {
        name: "csv-exporter",
        role: "metergate_csv_exporter",
        needs_custodian: false,
    },
];

/// What may differ from one stack to another.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// Lift the custodian's request budget, at both ends.
    pub fast: bool,
    /// Further variables for the sandbox custodian.
    pub custodian: Vec<(String, String)>,
    /// Further variables for the services.
    pub services: Vec<(String, String)>,
}

/// Why the stack does not stand.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The run folder.
    #[error("the run folder: {0}")]
    Folder(#[from] io::Error),
    /// Postgres.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A program that is not built.
    #[error(transparent)]
    Binary(#[from] binary::BinaryError),
    /// nginx.
    #[error(transparent)]
    Nginx(#[from] NginxError),
    /// A command that should have succeeded.
    #[error("{command} failed: {output}")]
    Command {
        /// Which.
        command: String,
        /// What it wrote.
        output: String,
    },
    /// The password's hash.
    #[error("the password cannot be hashed: {0}")]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// The custodian's address file.
    #[error("the sandbox custodian's address file: {0}")]
    Addresses(#[from] serde_json::Error),
}

/// A running system. Dropping it stops everything; the run folder stays when it was given.
#[derive(Debug)]
pub struct Stack {
    /// nginx, the only way in.
    pub nginx: Nginx,
    services: Vec<(Service, Process)>,
    custodian: Process,
    /// The custodian's pages and control endpoints, `http://host:port`.
    pub custodian_pages: String,
    /// The database's cluster.
    pub cluster: Cluster,
    /// Issued every certificate here.
    pub authority: Authority,
    /// The password of [`Stack::reader`].
    pub password: String,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    database_password: String,
}

#[derive(serde::Deserialize)]
struct Addresses {
    pages: String,
    api: String,
}

impl Stack {
    /// Starts everything in `folder`, which must exist, and waits until it is ready.
    pub async fn start(folder: &Path, options: &StackOptions) -> Result<Self, StackError> {
        let folder = folder.canonicalize()?;
        // nginx's workers are somebody else when root starts it.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let output = subfolder(&folder, "output")?;
        let authority = Authority::new(&subfolder(&folder, "certificates")?)?;
        let server = authority.server("localhost")?;
        let client = authority.client("metergate-demo")?;
        let password = SystemRandom.token(12);
        let htpasswd = folder.join("htpasswd");
        fs::write(
            &htpasswd,
            format!("{READER}:{}\n", bcrypt::hash(&password, 10)?),
        )?;

        let cluster = Cluster::start()?;
        let database_password = SystemRandom.token(18);
        prepare_database(&cluster, &database_password).await?;

        let pages_port = ports::free();
        let pages = SocketAddr::from(([127, 0, 0, 1], pages_port));
        let nginx = Nginx::start(&NginxConfig {
            smd_auth: pages,
            certificate: server.clone(),
            output,
            htpasswd,
            variables: vec![("NGINX_RATE".to_owned(), "50r/s".to_owned())],
        })?;

        let secrets = Secrets::make();
        let (custodian, addresses) = start_custodian(
            &folder, options, &authority, &server, &client, &nginx, &secrets,
        )?;
        let settings = settings(
            &folder, options, &authority, &client, &nginx, &addresses, &secrets, pages,
        );
        let mut stack = Self {
            nginx,
            services: Vec::new(),
            custodian,
            custodian_pages: addresses.pages.trim_end_matches('/').to_owned(),
            cluster,
            authority,
            password,
            folder,
            settings,
            database_password,
        };
        for service in SERVICES {
            let process = stack.spawn(service)?;
            stack.services.push((service, process));
        }
        Ok(stack)
    }

    /// The run folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The download folder.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// The user name for `/output`.
    #[must_use]
    pub const fn reader(&self) -> &'static str {
        READER
    }

    /// The database's address for its owner.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// A `metergate` command with the owner's database and the stack's settings.
    pub fn metergate(&self) -> Result<Command, StackError> {
        let mut command = Command::new(binary::path("metergate")?);
        command
            .env_clear()
            .envs(self.settings.iter().cloned())
            .env("METERGATE_DATABASE_URL", self.database_url());
        Ok(command)
    }

    /// Runs a statement in the database; an exception that it raises is an error.
    pub async fn sql(&self, statement: &str) -> Result<(), StackError> {
        Ok(self.cluster.sql(DATABASE, statement).await?)
    }

    /// Kills a service with −9.
    pub fn kill(&mut self, name: &str) -> Result<(), StackError> {
        for (service, process) in &mut self.services {
            if service.name == name {
                process.kill()?;
                process.wait(START_LIMIT)?;
            }
        }
        Ok(())
    }

    /// Starts a service again, after [`Stack::kill`].
    pub fn restart(&mut self, name: &str) -> Result<(), StackError> {
        let Some(service) = SERVICES.into_iter().find(|service| service.name == name) else {
            return Ok(());
        };
        let process = self.spawn(service)?;
        self.services.retain(|(other, _)| other.name != name);
        self.services.push((service, process));
        Ok(())
    }

    /// Everything the services and nginx have logged.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut logs: String = self
            .services
            .iter()
            .map(|(_, process)| process.output())
            .collect();
        logs.push_str(&self.nginx.access_log());
        logs.push_str(&self.nginx.error_log());
        logs
    }

    /// What the sandbox custodian has logged, for failure messages.
    #[must_use]
    pub fn custodian_log(&self) -> String {
        self.custodian.output()
    }

    fn spawn(&self, service: Service) -> Result<Process, StackError> {
        let mut command = Command::new(binary::path("metergate")?);
        let login = format!("demo_{}", service.role);
        let internal = ports::free();
        command
            .args(["serve", service.name])
            .env_clear()
            .envs(
                self.settings
                    .iter()
                    .filter(|(name, _)| service.needs_custodian || !is_secret(name))
                    .cloned(),
            )
            .env(
                "METERGATE_DATABASE_URL",
                self.cluster
                    .url_as(&login, &self.database_password, DATABASE),
            )
            .env(
                "METERGATE_INTERNAL_ADDRESS",
                format!("127.0.0.1:{internal}"),
            );
        let mut process = Process::spawn(service.name, command)?;
        process.wait_for("readiness", START_LIMIT, |_| is_ready(internal))?;
        Ok(process)
    }
}

struct Secrets {
    client_id: String,
    client_secret: String,
    encryption_key: String,
}

impl Secrets {
    fn make() -> Self {
        let mut key = [0; 32];
        SystemRandom.fill(&mut key);
        Self {
            client_id: SystemRandom.uuid().simple().to_string(),
            client_secret: SystemRandom.token(24),
            encryption_key: base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key),
        }
    }
}

/// What a service without the custodian must not have.
fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "CLIENT_ID" | "CLIENT_SECRET" | "METERGATE_ENCRYPTION_KEYS"
    )
}

async fn prepare_database(cluster: &Cluster, password: &str) -> Result<(), StackError> {
    cluster
        .sql("postgres", &format!("CREATE DATABASE {DATABASE}"))
        .await?;
    let mut migrate = Command::new(binary::path("metergate")?);
    migrate
        .arg("migrate")
        .env_clear()
        .env("METERGATE_DATABASE_URL", cluster.url(DATABASE));
    run(migrate)?;
    for service in SERVICES {
        let role = service.role;
        cluster
            .sql(
                DATABASE,
                &format!("CREATE ROLE demo_{role} LOGIN PASSWORD '{password}' IN ROLE {role}"),
            )
            .await?;
    }
    Ok(())
}

fn start_custodian(
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

#[expect(
    clippy::too_many_arguments,
    reason = "each is a part of the stack that the services must know"
)]
fn settings(
    folder: &Path,
    options: &StackOptions,
    authority: &Authority,
    client: &CertificateFiles,
    nginx: &Nginx,
    addresses: &Addresses,
    secrets: &Secrets,
    pages: SocketAddr,
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
        ("METERGATE_SMD_AUTH_ADDRESS", pages.to_string()),
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
    settings.extend(options.services.iter().cloned());
    settings
}

/// Asks a service's internal port.
fn is_ready(port: u16) -> bool {
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

fn subfolder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Runs a command to its end; its output is the error when it fails.
pub(crate) fn run(mut command: Command) -> Result<String, StackError> {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(StackError::Command {
        command: format!("{:?}", command.get_program()),
        output: text(&output.stdout) + &text(&output.stderr),
    })
}

impl From<StackError> for String {
    fn from(error: StackError) -> Self {
        let error: BoxError = error.into();
        service_kit::config::chain(&*error)
    }
}
