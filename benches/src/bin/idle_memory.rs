//! Resident memory of each service when it has nothing to do: a process of its own, built for release,
//! over a private Postgres, ready and then idle for some seconds. Goal: under 30 MB each. Exits with 1
//! when it is missed.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use service_kit::random::{Random as _, SystemRandom};
use test_support::certs::Authority;
use test_support::process::Process;
use test_support::{Cluster, binary, ports};

type Answer<T> = Result<T, Box<dyn Error>>;

/// Not to be reached by any of them.
const GOAL_MEGABYTES: f64 = 30.0;
/// Polls, heartbeats, maintenance and probes have all happened by then.
const IDLE: Duration = Duration::from_secs(5);
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A program, its arguments, and what it is configured with: programs refuse what they do not know.
const SERVICES: [(&str, &[&str], &[&str]); 4] = [
    (
        "smd-auth",
        &[],
        &[DATABASE, KEYS, CERTIFICATE, PRIVATE_KEY, EXTRA_CA, PAGES],
    ),
    (
        "smd-fetcher",
        &[],
        &[DATABASE, KEYS, CERTIFICATE, PRIVATE_KEY, EXTRA_CA],
    ),
    ("csv-exporter", &[], &[DATABASE, OUTPUT]),
    (
        "metergate",
        &["serve"],
        &[
            DATABASE,
            KEYS,
            CERTIFICATE,
            PRIVATE_KEY,
            EXTRA_CA,
            PAGES,
            OUTPUT,
        ],
    ),
];

const DATABASE: &str = "METERGATE_DATABASE_URL";
const KEYS: &str = "METERGATE_ENCRYPTION_KEYS";
const CERTIFICATE: &str = "METERGATE_SMD_CERTIFICATE";
const PRIVATE_KEY: &str = "METERGATE_SMD_PRIVATE_KEY";
const EXTRA_CA: &str = "METERGATE_SMD_EXTRA_CA";
const PAGES: &str = "METERGATE_SMD_AUTH_ADDRESS";
const OUTPUT: &str = "METERGATE_OUTPUT_DIR";

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            println!("idle_memory benchmark: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Answer<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start()?;
    runtime.block_on(cluster.sql("postgres", "CREATE DATABASE idle"))?;
    runtime.block_on(storage::migrate(&cluster.url("idle")))?;
    let settings = Settings::new(folder.path(), cluster.url("idle"))?;

    // All at once, as they run beside each other.
    let mut running = Vec::new();
    for (program, arguments, names) in SERVICES {
        running.push((program, settings.start(program, arguments, names)?));
    }
    for (_, (process, port)) in &mut running {
        let port = *port;
        process.wait_for("200 from /readyz", READY_WITHIN, |_| {
            is_ready(port).unwrap_or(false)
        })?;
    }
    std::thread::sleep(IDLE);
    println!(
        "{:<14} {:>12} {:>8} {:>8} {:>8}",
        "idle service", "resident MB", "goal", "peak MB", "threads"
    );
    let mut met = true;
    for (program, (process, _)) in &running {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
        let megabytes = |name| number(&status, name).map(|kibibytes| kibibytes * 1024.0 / 1e6);
        let (resident, peak) = (megabytes("VmRSS:")?, megabytes("VmHWM:")?);
        println!(
            "{program:<14} {resident:>12.1} {GOAL_MEGABYTES:>8} {peak:>8.1} {:>8}",
            number(&status, "Threads:")?
        );
        met &= resident < GOAL_MEGABYTES;
    }
    println!("{}", if met { "goal met" } else { "GOAL MISSED" });
    Ok(met)
}

/// What the services are configured with.
struct Settings(Vec<(&'static str, String)>);

impl Settings {
    fn new(folder: &Path, database_url: String) -> Answer<Self> {
        let authority = Authority::new(folder)?;
        let certificate = authority.client("client")?;
        let output = folder.join("output");
        std::fs::create_dir(&output)?;
        let path = |path: &Path| path.display().to_string();
        // The usual alphabet of base64, not that of addresses.
        let key = SystemRandom.token(32).replace('-', "+").replace('_', "/");
        Ok(Self(vec![
            (DATABASE, database_url),
            (KEYS, format!("bench:{key}")),
            (CERTIFICATE, path(&certificate.certificate)),
            (PRIVATE_KEY, path(&certificate.key)),
            (EXTRA_CA, path(authority.certificate())),
            (PAGES, "127.0.0.1:0".to_owned()),
            (OUTPUT, path(&output)),
        ]))
    }

    /// The process and its internal port.
    fn start(&self, program: &str, arguments: &[&str], names: &[&str]) -> Answer<(Process, u16)> {
        let port = ports::free();
        let mut command = Command::new(binary::path(program)?);
        command.args(arguments).env_clear();
        for (name, value) in self.0.iter().filter(|(name, _)| names.contains(name)) {
            command.env(name, value);
        }
        command.env("METERGATE_INTERNAL_ADDRESS", format!("127.0.0.1:{port}"));
        command
            .env("CLIENT_ID", "fictional")
            .env("CLIENT_SECRET", "fictional");
        command.env("REDIRECT_BASE_URL", "https://metergate.example");
        // Nobody is there: idle services have nothing to ask.
        command.env("PGE_API_BASE_URL", "https://127.0.0.1:1");
        Ok((Process::spawn(program, command)?, port))
    }
}

/// Whether the program says that everything it needs answers.
fn is_ready(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(READY_WITHIN))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer.split_whitespace().nth(1) == Some("200"))
}

/// The number behind this name in a process's status.
fn number(status: &str, name: &str) -> Answer<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or_else(|| format!("no {name} in the status"))?;
    Ok(number.parse()?)
}
