//! Everything Metergate needs, started privately on free ports: nothing of this machine is touched.

mod broker;
mod change;
mod database;
mod error;
mod names;
mod options;
mod processes;
mod replica;
mod service;
mod settings;
mod setup;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use service_kit::random::{Random, SystemRandom};
use test_support::certs::Authority;
use test_support::nginx::{Nginx, NginxConfig};
use test_support::process::Process;
use test_support::{Cluster, binary};

use crate::Site;
use broker::Broker;
use names::Names;
use replica::Replica;
use service::TOGETHER;
use settings::{HttpPorts, aiida_settings, settings};
use setup::{Secrets, prepare_database, run, start_custodian, subfolder};

pub use broker::BrokerAddresses;
pub use error::StackError;
pub use options::StackOptions;
pub use service::{SERVICES, Service, Side};

/// The name of the database.
const DATABASE: &str = "metergate";
/// Who may download.
const READER: &str = "analyst";
/// Who may operate; with the same password.
const OPERATOR: &str = "operator";
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running system. Dropping it stops everything; the run folder stays when it was given.
#[derive(Debug)]
pub struct Stack {
    /// nginx, the only way in.
    pub nginx: Nginx,
    services: Vec<Replica>,
    /// Ports of `/metrics` whose processes have ended, for those that come after them.
    internal_ports: Vec<u16>,
    /// What processes that have ended had written.
    ended: String,
    custodian: Process,
    broker: Option<Broker>,
    /// The database's cluster.
    pub cluster: Cluster,
    /// Issued every certificate here.
    pub authority: Authority,
    site: Site,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    of_service: Vec<(String, String, String)>,
    database_password: String,
    _names: Option<Names>,
}

#[derive(serde::Deserialize)]
struct Addresses {
    pages: String,
    api: String,
}

/// A file of passwords for nginx with one user in it.
fn let_in(file: &Path, user: &str, password: &str, cost: u32) -> Result<PathBuf, StackError> {
    fs::write(file, format!("{user}:{}\n", bcrypt::hash(password, cost)?))?;
    Ok(file.to_owned())
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
        let htpasswd = let_in(&folder.join("htpasswd"), READER, &password, 10)?;
        // Each picture and each click asks again: a cheap hash.
        let console_htpasswd = let_in(&folder.join("console-htpasswd"), OPERATOR, &password, 4)?;
        let cluster = match &options.cluster_in {
            Some(parent) => Cluster::start_in(parent)?,
            None => Cluster::start()?,
        };
        let database_password = SystemRandom.token(18);
        prepare_database(&cluster, &database_password).await?;

        let ports = HttpPorts::free();
        let names = if options.replicas {
            Some(Names::serve()?)
        } else {
            None
        };
        let nginx = Nginx::start(&NginxConfig {
            smd_auth: ports.smd_auth,
            aiida_permission: ports.aiida_permission,
            aiida_stream: ports.aiida_stream,
            console: ports.console,
            console_htpasswd,
            certificate: server.clone(),
            output,
            htpasswd,
            variables: ["NGINX_RATE", "NGINX_AIIDA_RATE", "NGINX_AIIDA_REQUEST_RATE"]
                .map(|rate| (rate.to_owned(), "50r/s".to_owned()))
                .into_iter()
                .chain(names.iter().flat_map(|names| names.variables(&ports)))
                .chain(options.nginx.iter().cloned())
                .collect(),
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
        let mut site = Site::new(&nginx.url(), authority.certificate())?;
        site.custodian = Some(addresses.pages.trim_end_matches('/').to_owned());
        READER.clone_into(&mut site.reader);
        OPERATOR.clone_into(&mut site.operator);
        site.password = password;
        let mut stack = Self {
            nginx,
            services: Vec::new(),
            internal_ports: Vec::new(),
            ended: String::new(),
            custodian,
            broker,
            cluster,
            authority,
            site,
            folder,
            settings,
            of_service: options.of_service.clone(),
            database_password,
            _names: names,
        };
        if options.together {
            stack.add(TOGETHER.name)?;
        } else {
            let wanted = |service: &Service| {
                [options.side, service.side].contains(&Side::Both) || options.side == service.side
            };
            for service in SERVICES.iter().filter(|service| wanted(service)) {
                stack.launch(service.name)?;
            }
            stack.until_ready()?;
        }
        if options.side != Side::History {
            stack.site.api_key = Some(stack.new_api_key()?);
        }
        Ok(stack)
    }

    /// What is known of it from outside.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// The same, to change how patient its visitors are.
    pub const fn site_mut(&mut self) -> &mut Site {
        &mut self.site
    }

    /// A key of the eligible party, made by the operator's command.
    fn new_api_key(&self) -> Result<String, StackError> {
        let mut command = self.metergate()?;
        command.args(["api-keys", "add", "demo"]);
        Ok(run(command)?.trim().to_owned())
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

    /// A `metergate` command with the owner's database and the stack's settings.
    pub fn metergate(&self) -> Result<Command, StackError> {
        let mut command = Command::new(binary::path("metergate")?);
        command
            .env_clear()
            .envs(self.settings.iter().cloned())
            .env("METERGATE_DATABASE_URL", self.database_url());
        Ok(command)
    }

    /// What the sandbox custodian has logged, for failure messages.
    #[must_use]
    pub fn custodian_log(&self) -> String {
        self.custodian.output()
    }
}
