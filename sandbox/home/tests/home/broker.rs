//! A private mosquitto with an anonymous observer's port for the test, and a port for homes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use test_support::certs::Authority;
use test_support::process::Process;
use test_support::{ports, wait};

const PROGRAM: &str = "/usr/sbin/mosquitto";
const LIMIT: Duration = Duration::from_secs(20);

/// A running broker. Plain homes' port with passwords, the same over TLS, and one for the test.
pub(crate) struct Broker {
    folder: tempfile::TempDir,
    process: Option<Process>,
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    pub(crate) open: u16,
    pub(crate) authority: PathBuf,
}

impl Broker {
    /// A broker that lets in the users in `users` (name, password).
    pub(crate) fn start(users: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path()).unwrap();
        let server = authority.server("server").unwrap();
        let mut broker = Self {
            plain: ports::free(),
            tls: ports::free(),
            open: ports::free(),
            authority: authority.certificate().to_owned(),
            process: None,
            folder,
        };
        broker.set_users(users);
        let (path, [plain, tls, open]) = (broker.path(), [broker.plain, broker.tls, broker.open]);
        let passwords = path.join("passwords");
        let config = format!(
            "per_listener_settings true\n\
             user root\n\
             max_queued_messages 10000\n\
             listener {plain} 127.0.0.1\n\
             allow_anonymous false\n\
             password_file {passwords}\n\
             acl_file {acl}\n\
             listener {tls} 127.0.0.1\n\
             allow_anonymous false\n\
             password_file {passwords}\n\
             cafile {authority}\n\
             certfile {certificate}\n\
             keyfile {key}\n\
             listener {open} 127.0.0.1\n\
             allow_anonymous true\n",
            passwords = passwords.display(),
            acl = path.join("acl").display(),
            authority = broker.authority.display(),
            certificate = server.certificate.display(),
            key = server.key.display(),
        );
        std::fs::write(path.join("mosquitto.conf"), config).unwrap();
        broker.run();
        broker
    }

    /// Starts it again after [`stop`](Self::stop).
    pub(crate) fn run(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(self.path().join("mosquitto.conf"));
        self.process = Some(Process::spawn("mosquitto", command).unwrap());
        let (plain, open) = (self.plain, self.open);
        let listens = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(
            wait::blocking(LIMIT, || listens(plain) && listens(open)),
            "mosquitto does not listen: {}",
            self.process.as_ref().unwrap().output()
        );
    }

    /// Kills it.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Replaces the users; takes effect at the next start or [`reload`](Self::reload).
    pub(crate) fn set_users(&self, users: &[(&str, &str)]) {
        let file = self.path().join("passwords");
        std::fs::write(&file, "").unwrap();
        for (name, password) in users {
            let status = Command::new("mosquitto_passwd")
                .args(["-b"])
                .arg(&file)
                .args([name, password])
                .status()
                .unwrap();
            assert!(status.success());
        }
        if !self.path().join("acl").exists() {
            self.allow("pattern readwrite aiida/v1/%u/#\n");
        }
    }

    /// Replaces what homes may do on the plain port.
    pub(crate) fn allow(&self, acl: &str) {
        std::fs::write(self.path().join("acl"), acl).unwrap();
    }

    /// Adds a line to the configuration, from now on in force.
    pub(crate) fn configure(&self, line: &str) {
        let file = self.path().join("mosquitto.conf");
        let config = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{config}{line}\n")).unwrap();
        self.reload();
    }

    /// Makes it read users and rights again.
    pub(crate) fn reload(&self) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status().unwrap();
        assert!(status.success());
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}
