//! A private nginx with the project's templates, and connections to it.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use base64::Engine as _;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::NOBODY_THERE;
use crate::http::{Answer, exchange, request};

/// How long anything may take that should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// `nobody` on Debian: root hands the server over to it, as the server must never run as root.
const NOBODY: u32 = 65534;
/// Passwords `right-b` (bcrypt) and `right-s` (SHA-1, as the model application's instructions make it). `newer` is
/// `operator` with the prefix that newer bcrypt programs write.
const HTPASSWD: &str = "\
operator:$2y$10$c1gQs2vqwicOgnuh7XNMWOq4gbUMsWcXJ4WSDrFCQ6S8EXNKf0xpC
newer:$2b$10$c1gQs2vqwicOgnuh7XNMWOq4gbUMsWcXJ4WSDrFCQ6S8EXNKf0xpC
auditor:{SHA}NWAZ71NvptoIsXKvvlIJf4jW3BE=
";
/// Who may use the console, with the password `right-s`; nobody of the downloads.
const CONSOLE_HTPASSWD: &str = "alice:{SHA}NWAZ71NvptoIsXKvvlIJf4jW3BE=\n";

/// A running nginx in a folder of its own; stopped when dropped.
pub(crate) struct Edge {
    folder: tempfile::TempDir,
    nginx: Child,
    http: u16,
    https: u16,
    trusted: CertificateDer<'static>,
}

impl Edge {
    /// Starts nginx with `smd_auth` (an address; the console's too) behind it and the files of a small download folder.
    pub(crate) fn start(smd_auth: &str) -> Self {
        Self::before([smd_auth, NOBODY_THERE, NOBODY_THERE])
    }

    /// The same before smd-auth, aiida-permission and aiida-stream.
    pub(crate) fn before(services: [&str; 3]) -> Self {
        Self::with_key(services, &KeyPair::generate().unwrap())
    }

    /// The same with a certificate of this key.
    pub(crate) fn with_key(services: [&str; 3], key: &KeyPair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let names = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = names.self_signed(key).unwrap();
        let output = root.join("output");
        fs::create_dir_all(output.join("older")).unwrap();
        fs::create_dir(root.join("state")).unwrap();
        for (name, text) in [
            ("output/Ada Example-7-2026.csv", "SA_UUID,rows\n7,1\n"),
            ("output/.unfinished.csv", "half a fi"),
            ("output/older/.hidden", "hidden"),
            ("outside.csv", "outside the folder"),
            ("certificate.pem", &certificate.pem()),
            ("key.pem", &key.serialize_pem()),
            ("htpasswd", HTPASSWD),
            ("console-htpasswd", CONSOLE_HTPASSWD),
            ("output/a-report.html", "<title>A report</title>"),
            ("output/a-readme.txt", "What the columns are"),
            ("access.log", ""),
            ("error.log", ""),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(root.join("outside.csv"), output.join("link.csv")).unwrap();

        let (http, https) = free_ports();
        render(root, services, http, https);
        let nginx = spawn(root);
        let mut edge = Self {
            folder,
            nginx,
            http,
            https,
            trusted: certificate.der().clone(),
        };
        edge.wait_until_it_listens();
        edge
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.https)).is_err() {
            let ended = self.nginx.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "nginx ended ({ended:?}): {}",
                self.file("error.log")
            );
            assert!(
                Instant::now() < deadline,
                "nginx does not listen: {}",
                self.file("error.log")
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The host and port that browsers are sent to.
    pub(crate) fn public_host(&self) -> String {
        format!("localhost:{}", self.https)
    }

    /// One request over plain HTTP.
    pub(crate) fn plain(&self, target: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(&mut stream, &request("GET", target, &[], ""))
    }

    /// One GET over TLS.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "")
    }

    /// One GET over TLS with a user and password.
    pub(crate) fn get_as(&self, user: &str, password: &str, target: &str) -> Answer {
        let word = basic(user, password);
        self.send("GET", target, &[("Authorization", &word)], "")
    }

    /// One request over TLS, exactly as given.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        exchange(
            &mut self.connect(rustls::ALL_VERSIONS),
            &request(method, target, headers, body),
        )
    }

    /// A TLS connection that offers these versions only.
    pub(crate) fn connect(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(tls, self.tcp())
    }

    /// What openssl's client says, given these options, of a connection on which it asks for something.
    pub(crate) fn openssl(&self, options: &[&str]) -> String {
        let mut client = Command::new("openssl")
            .args(["s_client", "-ign_eof", "-connect"])
            .arg(format!("127.0.0.1:{}", self.https))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = request("GET", "/nowhere", &[], "");
        // One that was refused may have ended before it reads.
        let _written = client.stdin.take().unwrap().write_all(asked.as_bytes());
        let output = client.wait_with_output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    /// A bare connection to the TLS port.
    pub(crate) fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.https)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Puts a file where the ACME client would.
    pub(crate) fn answer_challenge(&self, token: &str, text: &str) {
        let folder = self.folder.path().join("acme/.well-known/acme-challenge");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(token), text).unwrap();
    }

    /// Both logs, once the access log has a line for each of so many requests.
    pub(crate) fn logs(&self, requests: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let access = self.file("access.log");
            if access.lines().count() >= requests {
                return access + &self.file("error.log");
            }
            assert!(
                Instant::now() < deadline,
                "fewer than {requests} lines: {access}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // Asked, not killed: a killed master leaves its workers behind.
        let asked = nginx(self.folder.path())
            .args(["-s", "stop"])
            .stderr(Stdio::null())
            .status();
        if asked.is_ok_and(|status| status.success()) {
            let _ended = self.nginx.wait();
        } else {
            let _killed = self.nginx.kill();
        }
    }
}

/// The `Authorization` of a user with a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    let word = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {word}")
}

fn free_ports() -> (u16, u16) {
    let (first, second) = (listener(), listener());
    (port(&first), port(&second))
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).unwrap()
}

pub(crate) fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

fn render(root: &Path, services: [&str; 3], http: u16, https: u16) {
    let [smd_auth, aiida_permission, aiida_stream] = services;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nginx/render");
    let status = Command::new(script)
        .arg(root.join("conf"))
        .env("NGINX_HTTP_LISTEN", format!("127.0.0.1:{http}"))
        .env("NGINX_HTTPS_LISTEN", format!("127.0.0.1:{https}"))
        .env("NGINX_PUBLIC_HOST", format!("localhost:{https}"))
        .env("NGINX_SMD_AUTH", smd_auth)
        .env("NGINX_AIIDA_PERMISSION", aiida_permission)
        .env("NGINX_AIIDA_STREAM", aiida_stream)
        .env("NGINX_CONSOLE", smd_auth)
        .env("NGINX_CONSOLE_HTPASSWD", root.join("console-htpasswd"))
        .env("NGINX_CERTIFICATE", root.join("certificate.pem"))
        .env("NGINX_CERTIFICATE_KEY", root.join("key.pem"))
        .env("NGINX_OUTPUT_DIR", root.join("output"))
        .env("NGINX_HTPASSWD", root.join("htpasswd"))
        .env("NGINX_ACME_DIR", root.join("acme"))
        .env("NGINX_STATE_DIR", root.join("state"))
        .env("NGINX_ACCESS_LOG", root.join("access.log"))
        .env("NGINX_ERROR_LOG", root.join("error.log"))
        .status()
        .unwrap();
    assert!(status.success(), "nginx/render failed");
}

fn spawn(root: &Path) -> Child {
    let mut command = nginx(root);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        for path in ["", "state", "access.log", "error.log"] {
            chown(root.join(path), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().unwrap()
}

fn nginx(root: &Path) -> Command {
    // Ordinary users do not have sbin in their PATH on Debian.
    let debian = Path::new("/usr/sbin/nginx");
    let mut command = Command::new(if debian.exists() {
        debian
    } else {
        Path::new("nginx")
    });
    command
        .arg("-c")
        .arg(root.join("conf/nginx.conf"))
        .stdin(Stdio::null());
    command
}
