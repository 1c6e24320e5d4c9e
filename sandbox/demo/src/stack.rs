//! Everything Metergate needs, started privately on free ports: nothing of this machine is touched.

mod broker;
mod setup;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use service_kit::random::{Random, SystemRandom};
use test_support::certs::{Authority, CertificateError};
use test_support::nginx::{Nginx, NginxConfig, NginxError};
use test_support::process::{Process, ProcessError};
use test_support::{Cluster, ClusterError, DatabaseError, binary, ports};

use crate::BoxError;
use broker::Broker;
use setup::{
    HttpPorts, Secrets, aiida_settings, is_listener, is_ready, is_secret, prepare_database,
    settings, start_custodian, subfolder,
};

/// The name of the database.
const DATABASE: &str = "metergate";
/// Who may download.
const READER: &str = "analyst";
const START_LIMIT: Duration = Duration::from_mins(1);

/// A service, its database role, and the secrets that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The name on `metergate serve`.
    pub name: &'static str,
    role: &'static str,
    side: Side,
    secrets: &'static [&'static str],
}

/// Which half of Metergate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Both.
    #[default]
    Both,
    /// Share My Data.
    History,
    /// AIIDA.
    NearRealTime,
}

/// What a service that talks to the custodian must have, and no other.
const CUSTODIAN_SECRETS: &[&str] = &["CLIENT_ID", "CLIENT_SECRET", "METERGATE_ENCRYPTION_KEYS"];

/// The services, each run as a process of its own under its own database role.
pub const SERVICES: [Service; 6] = [
    Service {
        name: "smd-auth",
        role: "metergate_smd_auth",
        side: Side::History,
        secrets: CUSTODIAN_SECRETS,
    },
    Service {
        name: "smd-fetcher",
        role: "metergate_smd_fetcher",
        side: Side::History,
        secrets: CUSTODIAN_SECRETS,
    },
    Service {
        name: "csv-exporter",
        role: "metergate_csv_exporter",
        side: Side::History,
        secrets: &[],
    },
    Service {
        name: "aiida-permission",
        role: "metergate_aiida_permission",
        side: Side::NearRealTime,
        secrets: &["METERGATE_AIIDA_JWT_SECRET", "METERGATE_WEBHOOK_SECRET"],
    },
    Service {
        name: "mqtt-iam",
        role: "metergate_mqtt_iam",
        side: Side::NearRealTime,
        secrets: &["METERGATE_BROKER_API_SECRET"],
    },
    Service {
        name: "aiida-stream",
        role: "metergate_aiida_stream",
        side: Side::NearRealTime,
        secrets: &["METERGATE_MQTT_PASSWORD"],
    },
];

/// All of them in one process.
const TOGETHER: Service = Service {
    name: "metergate",
    role: "",
    side: Side::Both,
    secrets: &[],
};

/// What may differ from one stack to another.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// Lift the custodian's request budget, at both ends.
    pub fast: bool,
    /// Which services run.
    pub side: Side,
    /// Further variables for the sandbox custodian.
    pub custodian: Vec<(String, String)>,
    /// Further variables for the services.
    pub services: Vec<(String, String)>,
    /// All services in one process, under the database's owner: `metergate serve`.
    pub together: bool,
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
    /// What processes that have ended had written.
    ended: String,
    custodian: Process,
    broker: Option<Broker>,
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

        let ports = HttpPorts::free();
        let nginx = Nginx::start(&NginxConfig {
            smd_auth: ports.smd_auth,
            aiida_permission: ports.aiida_permission,
            aiida_stream: ports.aiida_stream,
            certificate: server.clone(),
            output,
            htpasswd,
            variables: ["NGINX_RATE", "NGINX_AIIDA_RATE", "NGINX_AIIDA_REQUEST_RATE"]
                .map(|rate| (rate.to_owned(), "50r/s".to_owned()))
                .into(),
        })?;

        let secrets = Secrets::make();
        let (custodian, addresses) = start_custodian(
            &folder, options, &authority, &server, &client, &nginx, &secrets,
        )?;
        let mut settings = settings(
            &folder, options, &authority, &client, &nginx, &addresses, &secrets,
        );
        settings.extend(ports.settings());
        let broker = if options.side == Side::History {
            None
        } else {
            let login = cluster.url_as("demo_emqx", &database_password, DATABASE);
            let broker = Broker::start(&folder, &server, &login, &secrets)?;
            settings.extend(aiida_settings(
                &folder,
                &nginx,
                &broker.addresses,
                &secrets,
            )?);
            Some(broker)
        };
        settings.extend(options.services.iter().cloned());
        let mut stack = Self {
            nginx,
            services: Vec::new(),
            ended: String::new(),
            custodian,
            broker,
            custodian_pages: addresses.pages.trim_end_matches('/').to_owned(),
            cluster,
            authority,
            password,
            folder,
            settings,
            database_password,
        };
        if options.together {
            stack.add(TOGETHER.name)?;
        } else {
            let wanted =
                |service: &Service| options.side == Side::Both || options.side == service.side;
            for service in SERVICES.iter().filter(|service| wanted(service)) {
                stack.add(service.name)?;
            }
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

    /// Whether an SQL condition is true in the database.
    pub async fn holds(&self, condition: &str) -> Result<bool, StackError> {
        const NO: &str = "the condition does not hold";
        let statement = format!(
            "DO $$ BEGIN IF ({condition}) IS NOT TRUE THEN RAISE EXCEPTION '{NO}'; END IF; END $$"
        );
        match self.sql(&statement).await {
            Ok(()) => Ok(true),
            Err(StackError::Database(DatabaseError::Statement { source, .. }))
                if source.to_string().contains(NO) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Kills every replica of a service with −9.
    pub fn kill(&mut self, name: &str) -> Result<(), StackError> {
        self.end(name, usize::MAX, Process::kill)
    }

    /// Kills one replica of a service with −9, the oldest.
    pub fn kill_one(&mut self, name: &str) -> Result<(), StackError> {
        self.end(name, 1, Process::kill)
    }

    /// Ends one replica of a service in order (SIGTERM), and waits until it has ended.
    pub fn terminate(&mut self, name: &str) -> Result<(), StackError> {
        self.end(name, 1, Process::terminate)
    }

    fn end(
        &mut self,
        name: &str,
        mut most: usize,
        signal: fn(&Process) -> Result<(), ProcessError>,
    ) -> Result<(), StackError> {
        let (mut rest, mut output) = (Vec::new(), String::new());
        for (service, mut process) in std::mem::take(&mut self.services) {
            if service.name != name || most == 0 {
                rest.push((service, process));
                continue;
            }
            most -= 1;
            signal(&process)?;
            process.wait(START_LIMIT)?;
            output.push_str(&process.output());
        }
        self.services = rest;
        self.ended.push_str(&output);
        Ok(())
    }

    /// Starts a service again, after [`Stack::kill`].
    pub fn restart(&mut self, name: &str) -> Result<(), StackError> {
        self.kill(name)?;
        self.add(name)
    }

    /// Starts one more replica of a service, and waits until it is ready.
    pub fn add(&mut self, name: &str) -> Result<(), StackError> {
        let known = SERVICES.into_iter().chain([TOGETHER]);
        for service in known.filter(|service| service.name == name) {
            let process = self.spawn(service)?;
            self.services.push((service, process));
        }
        Ok(())
    }

    /// Everything the services and nginx have logged.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut logs = self.ended.clone();
        logs.extend(self.services.iter().map(|(_, process)| process.output()));
        logs.push_str(&self.nginx.access_log());
        logs.push_str(&self.nginx.error_log());
        logs
    }

    /// What each running replica of a service has logged.
    #[must_use]
    pub fn logs_of(&self, name: &str) -> Vec<String> {
        let replicas = self
            .services
            .iter()
            .filter(|(service, _)| service.name == name);
        replicas.map(|(_, process)| process.output()).collect()
    }

    /// What the sandbox custodian has logged, for failure messages.
    #[must_use]
    pub fn custodian_log(&self) -> String {
        self.custodian.output()
    }

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

    /// Starts the sandbox broker again, after [`Stack::kill_broker`], at the same addresses.
    pub fn restart_broker(&mut self) -> Result<(), StackError> {
        self.broker.as_mut().map_or(Ok(()), Broker::start_again)
    }

    fn spawn(&self, service: Service) -> Result<Process, StackError> {
        let mut command = Command::new(binary::path("metergate")?);
        let internal = ports::free();
        command.arg("serve");
        let database_url = if service == TOGETHER {
            self.database_url()
        } else {
            command.arg(service.name);
            let login = format!("demo_{}", service.role);
            self.cluster
                .url_as(&login, &self.database_password, DATABASE)
        };
        command
            .env_clear()
            .envs(
                self.settings
                    .iter()
                    .filter(|(name, _)| {
                        service == TOGETHER
                            || !is_secret(name)
                            || service.secrets.contains(&name.as_str())
                    })
                    .cloned(),
            )
            .env("METERGATE_DATABASE_URL", database_url)
            .env(
                "METERGATE_INTERNAL_ADDRESS",
                format!("127.0.0.1:{internal}"),
            );
        // nginx knows one of the replicas; a further one on this machine listens elsewhere.
        for (name, address) in self.settings.iter().filter(|it| is_listener(&it.0)) {
            if TcpListener::bind(address).is_err() {
                command.env(name, format!("127.0.0.1:{}", ports::free()));
            }
        }
        let mut process = Process::spawn(service.name, command)?;
        process.wait_for("readiness", START_LIMIT, |_| is_ready(internal))?;
        Ok(process)
    }
}

impl From<StackError> for String {
    fn from(error: StackError) -> Self {
        let error: BoxError = error.into();
        service_kit::config::chain(&*error)
    }
}
