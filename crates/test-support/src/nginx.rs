//! Runs the real nginx with the project's templates on unprivileged ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::certs::CertificateFiles;
use crate::ports;
use crate::process::{Process, ProcessError};

const LIMIT: Duration = Duration::from_secs(20);

/// How often other ports are tried when somebody took those that were free.
const PORT_ATTEMPTS: u32 = 5;

/// Why nginx does not run.
#[derive(Debug, thiserror::Error)]
pub enum NginxError {
    /// Not installed.
    #[error("nginx was not found (PATH, /usr/sbin): apt-get install nginx")]
    NotInstalled,
    /// The folder cannot be made.
    #[error("no temporary folder for nginx")]
    Folder(#[source] io::Error),
    /// The templates are not where they should be.
    #[error("cannot run {path}, which renders the templates of nginx")]
    Script {
        /// The script.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The templates cannot be rendered.
    #[error("the templates of nginx cannot be rendered:\n{0}")]
    Render(String),
    /// nginx does not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// What nginx stands in front of.
#[derive(Debug, Clone)]
pub struct NginxConfig {
    /// Where smd-auth listens.
    pub smd_auth: SocketAddr,
    /// Where aiida-permission listens.
    pub aiida_permission: SocketAddr,
    /// Where aiida-stream listens.
    pub aiida_stream: SocketAddr,
    /// Where the console listens.
    pub console: SocketAddr,
    /// The certificate it shows, for `localhost` and `127.0.0.1`.
    pub certificate: CertificateFiles,
    /// The folder under `/output/`.
    pub output: PathBuf,
    /// The password file of `/output/`.
    pub htpasswd: PathBuf,
    /// The password file of `/console/`.
    pub console_htpasswd: PathBuf,
    /// Further variables of `nginx/variables.env`, for example `("NGINX_RATE", "1000r/s")`.
    pub variables: Vec<(String, String)>,
}

/// A running nginx; dropping it stops it and deletes its folder.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    folder: TempDir,
    http: u16,
    https: u16,
}

impl Nginx {
    /// Renders the templates into a temporary folder, starts nginx on two free ports of
    /// 127.0.0.1 and waits until it answers.
    pub fn start(config: &NginxConfig) -> Result<Self, NginxError> {
        let program = program()?;
        let mut attempt = 1;
        loop {
            match Self::attempt(&program, config) {
                Err(NginxError::Process(ProcessError::Ended { output, .. }))
                    if attempt < PORT_ATTEMPTS && output.contains("Address already in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn attempt(program: &Path, config: &NginxConfig) -> Result<Self, NginxError> {
        let folder = tempfile::Builder::new()
            .prefix("metergate-nginx-")
            .tempdir()
            .map_err(NginxError::Folder)?;
        let (http, https) = (ports::free(), ports::free());
        render(config, folder.path(), http, https)?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).args(["-e", "stderr"]);
        command.arg("-c").arg(folder.path().join("nginx.conf"));
        if nix::unistd::geteuid().is_root() {
            // The workers of root's nginx become somebody who cannot read the test's folders.
            command.args(["-g", "user root;"]);
        }
        let mut process = Process::spawn("nginx", command)?;
        process.wait_for("an open port", LIMIT, |_| {
            [http, https]
                .iter()
                .all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok())
        })?;
        Ok(Self {
            process,
            folder,
            http,
            https,
        })
    }

    /// `https://localhost:port`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// `http://localhost:port`, which redirects to [`url`](Self::url).
    #[must_use]
    pub fn plain_url(&self) -> String {
        format!("http://localhost:{}", self.http)
    }

    /// What it has logged about requests so far.
    #[must_use]
    pub fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }

    /// What it has logged about itself so far.
    #[must_use]
    pub fn error_log(&self) -> String {
        self.process.output()
    }
}

fn program() -> Result<PathBuf, NginxError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the search path is no configuration of ours"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Not in everybody's path.
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("nginx"))
        .find(|program| program.is_file())
        .ok_or(NginxError::NotInstalled)
}

fn render(config: &NginxConfig, folder: &Path, http: u16, https: u16) -> Result<(), NginxError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nginx/render");
    let output = Command::new(&script)
        .arg(folder)
        .env("NGINX_HTTP_LISTEN", format!("127.0.0.1:{http}"))
        .env("NGINX_HTTPS_LISTEN", format!("127.0.0.1:{https}"))
        .env("NGINX_PUBLIC_HOST", format!("localhost:{https}"))
        .env("NGINX_SMD_AUTH", config.smd_auth.to_string())
        .env(
            "NGINX_AIIDA_PERMISSION",
            config.aiida_permission.to_string(),
        )
        .env("NGINX_AIIDA_STREAM", config.aiida_stream.to_string())
        .env("NGINX_CONSOLE", config.console.to_string())
        .env("NGINX_CERTIFICATE", &config.certificate.certificate)
        .env("NGINX_CERTIFICATE_KEY", &config.certificate.key)
        .env("NGINX_OUTPUT_DIR", &config.output)
        .env("NGINX_HTPASSWD", &config.htpasswd)
        .env("NGINX_CONSOLE_HTPASSWD", &config.console_htpasswd)
        .env("NGINX_STATE_DIR", folder)
        .env("NGINX_ACME_DIR", folder.join("acme"))
        .env("NGINX_ACCESS_LOG", folder.join("access.log"))
        .env("NGINX_ERROR_LOG", "stderr")
        .envs(config.variables.iter().map(|(name, value)| (name, value)))
        .output()
        .map_err(|source| NginxError::Script {
            path: script,
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(NginxError::Render(
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::Visitor;
    use crate::certs::Authority;

    fn nobody_there() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()))
    }

    fn config(folder: &Path, authority: &Authority) -> NginxConfig {
        let output = folder.join("output");
        std::fs::create_dir(&output).unwrap();
        std::fs::write(output.join("usage.csv"), "a,b\n").unwrap();
        let htpasswd = folder.join("htpasswd");
        // SHA-1 of `password`, in base64.
        std::fs::write(&htpasswd, "operator:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n").unwrap();
        NginxConfig {
            smd_auth: nobody_there(),
            aiida_permission: nobody_there(),
            aiida_stream: nobody_there(),
            console: nobody_there(),
            console_htpasswd: htpasswd.clone(),
            certificate: authority.server("server").unwrap(),
            output,
            htpasswd,
            variables: vec![("NGINX_RATE".to_owned(), "1000r/s".to_owned())],
        }
    }

    #[tokio::test]
    async fn the_templates_serve_files_behind_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path()).unwrap();
        let nginx = Nginx::start(&config(folder.path(), &authority)).unwrap();
        let mut visitor = Visitor::new(Some(&authority.pem())).unwrap();

        let file = format!("{}/output/usage.csv", nginx.url());
        assert_eq!(visitor.visit(&file).await.unwrap().status, 401);
        let page = visitor
            .visit_with_password(&file, "operator", "password")
            .await
            .unwrap();
        assert_eq!((page.status, page.text().as_str()), (200, "a,b\n"));
        // Nothing listens behind it, and the redirect to HTTPS was followed.
        assert_eq!(visitor.visit(&nginx.plain_url()).await.unwrap().status, 502);
        assert!(
            visitor
                .page()
                .unwrap()
                .url
                .as_str()
                .starts_with(&nginx.url())
        );
        crate::wait::until(LIMIT, "the access log", async || {
            nginx.access_log().contains("502").then_some(())
        })
        .await;
    }

    #[test]
    fn a_bad_value_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path()).unwrap();
        let mut config = config(folder.path(), &authority);
        config
            .variables
            .push(("NGINX_RATE".to_owned(), "1r/s; evil".to_owned()));
        let error = Nginx::start(&config).unwrap_err().to_string();
        assert!(error.contains("NGINX_RATE"), "{error}");
    }
}
