//! A private Postgres cluster from the installed programs (version 15 or later).
//!
//! It lies in a temporary folder, listens on the loopback only, does not sync (a crash of the
//! *machine* may lose it; a crash of Postgres does not), and is stopped and deleted when this
//! process ends, in whatever way. Run by root, Postgres runs as another user, because it refuses
//! to run as root.

mod programs;
mod setup;

use std::collections::HashMap;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service_kit::random::{Random as _, SystemRandom};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::watchdog::Watchdog;
use crate::{ports, wait};
use programs::Programs;

/// How long Postgres may take to start or to stop.
const LIMIT: Duration = Duration::from_mins(1);

/// How often another port is tried when somebody took the one that was free.
const PORT_ATTEMPTS: u32 = 5;

/// Run by a shell when this process has died: `$1` is the folder. Immediate shutdown, and if that
/// does not help, the hard way; then everything goes.
const CLEAN_UP: &str = r#"
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  tries=0
  while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  [ -e "$1/data/postmaster.pid" ] && kill -KILL -- "-$pid"
fi
rm -rf -- "$1"
"#;

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Not installed.
    #[error(
        "Postgres's server programs were not found (pg_config --bindir, /usr/lib/postgresql/*/bin, PATH): apt-get install postgresql"
    )]
    NotInstalled,
    /// Root needs another user to run Postgres.
    #[error(
        "Postgres does not run as root, and there is neither a user postgres nor nobody: add one"
    )]
    NoUser,
    /// The folder cannot be made.
    #[error("no temporary folder for Postgres: is there room, may this user write there (TMPDIR)?")]
    Folder(#[source] io::Error),
    /// A program cannot be run.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// initdb failed.
    #[error("initdb failed:\n{0}")]
    Initdb(String),
    /// The server does not start or stop.
    #[error("Postgres did not {what} within {LIMIT:?}; its log ends with:\n{log}")]
    Late {
        /// `start` or `stop`.
        what: &'static str,
        /// The end of its log.
        log: String,
    },
    /// The server ended at once.
    #[error("Postgres does not start; its log ends with:\n{0}")]
    Ended(String),
}

/// A running private cluster. Dropping it stops and deletes it.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    password: String,
    pub(crate) templates: Mutex<HashMap<String, Arc<OnceCell<String>>>>,
    server: Mutex<Server>,
    // In this order: the watchdog is called off only once the folder is gone.
    folder: TempDir,
    _watchdog: Watchdog,
}

#[derive(Debug)]
struct Server {
    port: u16,
    child: Option<Child>,
}

impl Cluster {
    /// The cluster that all tests of this process share; started by the first call.
    ///
    /// # Panics
    /// When it cannot be started; the message says why.
    #[expect(clippy::panic, reason = "no test can go on without its database")]
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
        let cluster = SHARED.get_or_init(|| match Self::start() {
            Ok(cluster) => Arc::new(cluster),
            Err(error) => panic!("{}", service_kit::config::chain(&error)),
        });
        Arc::clone(cluster)
    }

    /// Starts a cluster of its own, for tests that stop or restart it. Takes a second or two and
    /// blocks the thread meanwhile.
    pub fn start() -> Result<Self, ClusterError> {
        Self::start_in(&programs::roomy_memory().unwrap_or_else(std::env::temp_dir))
    }

    /// The same with its files in a folder of its own under `parent`, for what must measure a real
    /// disk. [`start`](Self::start) prefers memory (`/dev/shm`) when there is a gibibyte of it:
    /// cloning a database there takes 10 ms instead of 200.
    pub fn start_in(parent: &Path) -> Result<Self, ClusterError> {
        let programs = Programs::find()?;
        let folder = tempfile::Builder::new()
            .prefix("metergate-postgres-")
            .tempdir_in(parent)
            .map_err(ClusterError::Folder)?;
        let path = folder.path().as_os_str();
        let watchdog = Watchdog::start(CLEAN_UP, &[path]).map_err(ClusterError::Folder)?;
        programs
            .owner()
            .own(folder.path())
            .map_err(ClusterError::Folder)?;
        let password = SystemRandom.token(18);
        setup::initialise(&programs, folder.path(), &password)?;
        let cluster = Self {
            programs,
            password,
            templates: Mutex::default(),
            server: Mutex::new(Server {
                port: 0,
                child: None,
            }),
            folder,
            _watchdog: watchdog,
        };
        cluster.first_start()?;
        Ok(cluster)
    }

    /// The address of `database` for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", &self.password, database)
    }

    /// The address of `database` for `role`; passwords are checked. Both must be free of
    /// characters that have a meaning in addresses.
    #[must_use]
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{role}:{password}@127.0.0.1:{}/{database}",
            self.port()
        )
    }

    /// The port on 127.0.0.1; it stays the same when the cluster is restarted.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.lock().port
    }

    /// Stops the server the way an administrator does: open transactions are rolled back, clients
    /// are disconnected. [`start_again`](Self::start_again) brings it back.
    pub fn stop(&self) -> Result<(), ClusterError> {
        self.end(&mut self.lock(), Signal::SIGINT)
    }

    /// Ends the server the way a crash does; the next start recovers.
    pub fn crash(&self) -> Result<(), ClusterError> {
        self.end(&mut self.lock(), Signal::SIGQUIT)
    }

    /// Asks the server to take nobody new and to end when its last client has gone. Services that keep their
    /// connections do not go: [`stop`](Self::stop) follows.
    pub fn stop_taking_clients(&self) {
        if let Some(child) = &self.lock().child {
            // When it is gone already, whoever waits for its end notices.
            let _: nix::Result<()> = kill(id_of(child), Signal::SIGTERM);
        }
    }

    /// Whether the server still runs; it may have ended by itself, on a full disk for example.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let mut server = self.lock();
        let child = server.child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Starts the server after [`stop`](Self::stop) or [`crash`](Self::crash).
    pub fn start_again(&self) -> Result<(), ClusterError> {
        let mut server = self.lock();
        if server.child.is_some() {
            return Ok(());
        }
        let port = server.port;
        self.launch(&mut server, port)
    }

    /// Stops and starts the server.
    pub fn restart(&self) -> Result<(), ClusterError> {
        self.stop()?;
        self.start_again()
    }

    /// The end of the server's log, for messages.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let skipped = log.lines().count().saturating_sub(20);
        log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A free port may be taken by somebody else before Postgres listens on it: then another one.
    fn first_start(&self) -> Result<(), ClusterError> {
        let mut server = self.lock();
        let mut attempt = 1;
        loop {
            let outcome = self.launch(&mut server, ports::free());
            let Err(ClusterError::Ended(log)) = &outcome else {
                return outcome;
            };
            if attempt == PORT_ATTEMPTS || !log.contains("could not bind") {
                return outcome;
            }
            attempt += 1;
        }
    }

    fn launch(&self, server: &mut Server, port: u16) -> Result<(), ClusterError> {
        let folder = self.folder.path();
        let program = self.programs.path("postgres");
        let failed = |source| ClusterError::Run {
            program: program.clone(),
            source,
        };
        let log = std::fs::File::create(folder.join("log")).map_err(failed)?;
        let mut command = self.programs.owner().command(&program);
        command
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // Signals of the terminal are for this process; the server follows when it is done.
            .process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let mut ended = false;
        let settled = wait::blocking(LIMIT, || {
            ended = !matches!(child.try_wait(), Ok(None));
            ended || is_ready(folder)
        });
        if ended {
            return Err(ClusterError::Ended(self.log()));
        }
        server.port = port;
        server.child = Some(child);
        if settled {
            Ok(())
        } else {
            Err(ClusterError::Late {
                what: "start",
                log: self.log(),
            })
        }
    }

    fn end(&self, server: &mut Server, signal: Signal) -> Result<(), ClusterError> {
        let Some(mut child) = server.child.take() else {
            return Ok(());
        };
        // When it is gone already, the wait below notices.
        let _: nix::Result<()> = kill(id_of(&child), signal);
        if wait::blocking(LIMIT, || !matches!(child.try_wait(), Ok(None))) {
            return Ok(());
        }
        server.child = Some(child);
        Err(ClusterError::Late {
            what: "stop",
            log: self.log(),
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // If it does not stop, the folder is deleted under it, and it ends by itself.
        let _: Result<(), ClusterError> = self.crash();
    }
}

fn id_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or_default())
}

/// Postgres writes its state into the eighth line of its lock file.
fn is_ready(folder: &Path) -> bool {
    let state = std::fs::read_to_string(folder.join("data/postmaster.pid"));
    state.is_ok_and(|state| {
        state
            .lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
    })
}

#[cfg(test)]
mod tests;
