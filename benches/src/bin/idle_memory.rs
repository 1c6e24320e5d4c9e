//! Resident memory of each service when it has nothing to do: a process of its own, built for release,
//! over a private Postgres and the sandbox broker, ready and then idle for some seconds. Goal: under
//! 30 MB each, also all seven in one process. Exits with 1 when it is missed.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use benches::memory::{self, Memory};
use benches::programs::{Broker, Program, connecting};
use benches::{Answer, measure};
use service_kit::random::{Random as _, SystemRandom};
use test_support::Cluster;
use test_support::certs::Authority;

/// Not to be reached by any of them.
const GOAL_MEGABYTES: f64 = 30.0;
/// Polls, heartbeats, maintenance and probes have all happened by then.
const IDLE: Duration = Duration::from_secs(5);

/// Programs refuse what they do not know: each is told what belongs to these.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Custodian,
    Pages,
    Output,
    Facade,
    Managing,
    Stream,
    Console,
}

/// A program, its arguments, and what it is configured with besides the database.
const SERVICES: [(&str, &[&str], &[About]); 8] = [
    ("smd-auth", &[], &[About::Custodian, About::Pages]),
    ("smd-fetcher", &[], &[About::Custodian]),
    ("csv-exporter", &[], &[About::Output]),
    ("aiida-permission", &[], &[About::Facade]),
    ("mqtt-iam", &[], &[About::Managing]),
    ("aiida-stream", &[], &[About::Stream]),
    ("console", &[], &[About::Output, About::Console]),
    (
        "metergate",
        &["serve"],
        &[
            About::Custodian,
            About::Pages,
            About::Output,
            About::Facade,
            About::Managing,
            About::Stream,
            About::Console,
        ],
    ),
];

fn main() -> ExitCode {
    measure("idle_memory", look())
}

async fn look() -> Answer<bool> {
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start()?;
    cluster.sql("postgres", "CREATE DATABASE idle").await?;
    let url = cluster.url("idle");
    storage::migrate(&url).await?;
    let broker = Broker::start(folder.path(), &url)?;
    let settings = Settings::new(folder.path(), &url, &broker)?;

    // All at once, as they run beside each other.
    let mut running = Vec::new();
    for (program, arguments, about) in SERVICES {
        running.push((program, settings.start(program, arguments, about)?));
    }
    let running: Vec<(&str, Program)> = running
        .into_iter()
        .map(|(name, program)| Ok((name, program.ready()?)))
        .collect::<Answer<_>>()?;
    tokio::time::sleep(IDLE).await;
    println!(
        "{:<18} {:>12} {:>8} {:>8} {:>8}",
        "idle service", "resident MB", "goal", "peak MB", "threads"
    );
    let mut met = true;
    for (name, program) in &running {
        let Memory {
            resident,
            peak,
            threads,
        } = memory::of(program.id())?;
        println!("{name:<18} {resident:>12.1} {GOAL_MEGABYTES:>8} {peak:>8.1} {threads:>8}");
        met &= resident < GOAL_MEGABYTES;
    }
    Ok(met)
}

/// What the services are configured with; without a subject, all.
struct Settings(Vec<(Option<About>, &'static str, String)>);

impl Settings {
    fn new(folder: &Path, database_url: &str, broker: &Broker) -> Answer<Self> {
        let authority = Authority::new(folder)?;
        let certificate = authority.client("client")?;
        let output = folder.join("output");
        std::fs::create_dir(&output)?;
        let path = |path: &Path| path.display().to_string();
        let free = || "127.0.0.1:0".to_owned();
        let mut settings = vec![(None, "METERGATE_DATABASE_URL", database_url.to_owned())];
        let mut add = |about, some: &[(&'static str, String)]| {
            settings.extend(
                some.iter()
                    .map(|(name, value)| (Some(about), *name, value.clone())),
            );
        };
        add(
            About::Custodian,
            &[
                ("METERGATE_ENCRYPTION_KEYS", format!("bench:{}", key())),
                ("METERGATE_SMD_CERTIFICATE", path(&certificate.certificate)),
                ("METERGATE_SMD_PRIVATE_KEY", path(&certificate.key)),
                ("METERGATE_SMD_EXTRA_CA", path(authority.certificate())),
                ("CLIENT_ID", "fictional".to_owned()),
                ("CLIENT_SECRET", "fictional".to_owned()),
                ("REDIRECT_BASE_URL", "https://metergate.example".to_owned()),
                // Nobody is there: idle services have nothing to ask.
                ("PGE_API_BASE_URL", "https://127.0.0.1:1".to_owned()),
            ],
        );
        add(About::Pages, &[("METERGATE_SMD_AUTH_ADDRESS", free())]);
        add(About::Output, &[("METERGATE_OUTPUT_DIR", path(&output))]);
        add(
            About::Facade,
            &[
                ("METERGATE_AIIDA_PERMISSION_ADDRESS", free()),
                (
                    "METERGATE_AIIDA_PUBLIC_URL",
                    "https://metergate.example".to_owned(),
                ),
                // 32 bytes in base64 end in one `=`.
                ("METERGATE_AIIDA_JWT_SECRET", key() + "="),
                (
                    "METERGATE_MQTT_HOMES_URL",
                    format!("tcp://{}", broker.plain()),
                ),
            ],
        );
        add(About::Console, &[("METERGATE_CONSOLE_ADDRESS", free())]);
        add(About::Managing, &broker.managing());
        add(About::Stream, &connecting(broker.plain()));
        add(About::Stream, &[("METERGATE_AIIDA_STREAM_ADDRESS", free())]);
        Ok(Self(settings))
    }

    fn start(&self, program: &str, arguments: &[&str], about: &[About]) -> Answer<Program> {
        let told: Vec<(&str, String)> = self
            .0
            .iter()
            .filter(|(subject, ..)| subject.is_none_or(|subject| about.contains(&subject)))
            .map(|(_, name, value)| (*name, value.clone()))
            .collect();
        Program::start(program, arguments, &told)
    }
}

/// 32 random bytes in the usual alphabet of base64, not that of addresses.
fn key() -> String {
    SystemRandom.token(32).replace('-', "+").replace('_', "/")
}
