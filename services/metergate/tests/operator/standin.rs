//! Services behind nginx as far as doctor asks them: a status for each address.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use test_support::certs::{Authority, CertificateFiles};
use test_support::nginx::{Nginx, NginxConfig};
use test_support::ports;

const STATUSES: [(&str, u16); 5] = [
    ("/OAuthCallback", 400),
    ("/espi/notification", 405),
    ("/region-connectors/aiida/permission-request", 405),
    ("/api/v1/permissions", 401),
    (
        "/api/v1/permissions/00000000-0000-0000-0000-000000000000/live",
        401,
    ),
];

/// Where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, ports::free()).into()
}

/// Answers until the process ends.
pub(crate) fn services() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that went away early is not missed.
            let _ = answer(stream);
        }
    });
    address
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let known = STATUSES.iter().find(|(known, _)| *known == path);
    let status = known.map_or(404, |(_, status)| *status);
    write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

/// A folder with an authority, and the project's nginx before services at `behind` with a certificate of it.
pub(crate) fn installation(behind: SocketAddr) -> (TempDir, Authority, Nginx) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let nginx = nginx(folder.path(), &authority, behind);
    (folder, authority, nginx)
}

fn nginx(folder: &Path, authority: &Authority, behind: SocketAddr) -> Nginx {
    let output = folder.join("downloads");
    std::fs::create_dir_all(&output).unwrap();
    let htpasswd = folder.join("htpasswd");
    // SHA-1 of `password`, in base64.
    std::fs::write(&htpasswd, "operator:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n").unwrap();
    let certificate: CertificateFiles = authority.server("server").unwrap();
    Nginx::start(&NginxConfig {
        smd_auth: behind,
        aiida_permission: behind,
        aiida_stream: behind,
        console: behind,
        console_htpasswd: htpasswd.clone(),
        certificate,
        output,
        htpasswd,
        variables: vec![("NGINX_RATE".to_owned(), "1000r/s".to_owned())],
    })
    .unwrap()
}
