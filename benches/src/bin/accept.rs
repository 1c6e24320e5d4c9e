//! ACCEPT beside its limit: ten homes that accept at the same time, against ten bcrypt hashes of the same cost alone,
//! computed by the service's own rule (on threads that may block, as many at a time as there are processors).
//!
//! `accept [ROUNDS]` (default 100) runs aiida-permission, mqtt-iam and the sandbox broker as processes of their own,
//! each under its database role, over a Postgres that waits for the disk. Rounds of both take turns. Timed is, for
//! each home, from sending PATCH to the whole answer, the grant at the broker included, and for each hash, from the
//! moment all ten were asked for to its end. Goal: the 99th percentile of ACCEPT within 25 ms of that of the hashes.
//! Exits with 1 when it is missed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::numbers::{millis, percentile};
use benches::programs::{Broker, Program};
use benches::{Answer, argument, database, measure};
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};
use reqwest::Client;
use serde_json::{Value, json};
use service_kit::random::{Random as _, SystemRandom};
use test_support::{Cluster, ports};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Homes, or hashes, at the same time.
const PARALLEL: usize = 10;
/// Rounds of each that do not count.
const WARM_UP: usize = 3;
const COST: u32 = 10;
/// Most milliseconds between the two 99th percentiles.
const GOAL: f64 = 25.0;
/// Between two rounds: what one leaves behind (jobs are completed) must not burden the other.
const PAUSE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(30);

const DATA_NEED: &str = "5dc71d7e-e8cd-4403-a3a8-d3c095c97a84";

fn main() -> ExitCode {
    measure("accept", compare())
}

async fn compare() -> Answer<bool> {
    let rounds = argument(100)?;
    let cluster = database::like_a_real_one().await?;
    let facade = Facade::start(&cluster).await?;
    let hashing = Arc::new(Semaphore::new(processors()));
    let (mut accepts, mut limits) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + rounds {
        let homes = facade.ask().await?;
        tokio::time::sleep(PAUSE).await;
        // The one that begins changes, so that neither always follows the other.
        let (accepted, bare) = if round % 2 == 0 {
            let accepted = facade.accept(homes).await?;
            tokio::time::sleep(PAUSE).await;
            (accepted, hash(&hashing).await?)
        } else {
            let bare = hash(&hashing).await?;
            tokio::time::sleep(PAUSE).await;
            (facade.accept(homes).await?, bare)
        };
        if round >= WARM_UP {
            accepts.extend(accepted);
            limits.extend(bare);
        }
    }
    facade.check((WARM_UP + rounds) * PARALLEL).await?;
    Ok(report(&accepts, &limits))
}

fn report(accepts: &[f64], hashes: &[f64]) -> bool {
    println!(
        "{PARALLEL} at the same time, {} processors, {} measured of each",
        processors(),
        accepts.len()
    );
    println!("{:<24} {:>10} {:>10} {:>10}", "ms", "p50", "p99", "most");
    for (name, times) in [("ACCEPT", accepts), ("bcrypt alone", hashes)] {
        let [half, most, all] = [50, 99, 100].map(|percent| percentile(times, percent));
        println!("{name:<24} {half:>10.1} {most:>10.1} {all:>10.1}");
    }
    let apart = |percent| percentile(accepts, percent) - percentile(hashes, percent);
    let (half, most) = (apart(50), apart(99));
    println!(
        "{:<24} {half:>10.1} {most:>10.1} {:>10} goal of p99: {GOAL}",
        "difference", ""
    );
    most <= GOAL
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Milliseconds of each of ten hashes.
async fn hash(turns: &Arc<Semaphore>) -> Answer<Vec<f64>> {
    let mut hashing = JoinSet::new();
    let asked = Instant::now();
    for _ in 0..PARALLEL {
        let turns = Arc::clone(turns);
        let password = SystemRandom.token(18);
        let mut salt = [0; 16];
        SystemRandom.fill(&mut salt);
        hashing.spawn(async move {
            let turn = turns.acquire().await.ok();
            let hashed =
                tokio::task::spawn_blocking(move || bcrypt::hash_with_salt(password, COST, salt));
            let hashed = hashed.await;
            drop(turn);
            (hashed, asked.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(done) = hashing.join_next().await {
        let (hashed, time) = done?;
        hashed??;
        times.push(millis(time));
    }
    Ok(times)
}

/// The services, and who calls them.
struct Facade {
    database_url: String,
    client: Client,
    base: String,
    _programs: [Program; 2],
    _broker: Broker,
    _folder: tempfile::TempDir,
}

/// A home that has read the details and is about to accept.
struct Home {
    url: String,
    token: String,
}

impl Facade {
    async fn start(cluster: &Cluster) -> Answer<Self> {
        service_kit::http::install_tls_provider();
        let folder = tempfile::tempdir()?;
        let broker = Broker::start(folder.path(), &database::login(cluster, "emqx").await?)?;
        let data_needs = folder.path().join("data-needs.json");
        std::fs::write(&data_needs, data_need().to_string())?;
        let address = format!("127.0.0.1:{}", ports::free());
        let base = format!("http://{address}/region-connectors/aiida/permission-request");
        // The usual alphabet of base64, not that of addresses; 32 bytes end in one `=`.
        let secret = SystemRandom.token(32).replace('-', "+").replace('_', "/") + "=";
        let facade = [
            (
                "METERGATE_DATABASE_URL",
                database::login(cluster, "metergate_aiida_permission").await?,
            ),
            ("METERGATE_AIIDA_PERMISSION_ADDRESS", address.clone()),
            ("METERGATE_AIIDA_PUBLIC_URL", format!("http://{address}")),
            ("METERGATE_AIIDA_JWT_SECRET", secret),
            (
                "METERGATE_AIIDA_DATA_NEEDS",
                data_needs.display().to_string(),
            ),
            ("METERGATE_AIIDA_BCRYPT_COST", COST.to_string()),
            (
                "METERGATE_MQTT_HOMES_URL",
                format!("tcp://{}", broker.plain()),
            ),
        ];
        let mut iam = vec![(
            "METERGATE_DATABASE_URL",
            database::login(cluster, "metergate_mqtt_iam").await?,
        )];
        iam.extend(broker.managing());
        let programs = [
            Program::start("aiida-permission", &[], &facade)?.ready()?,
            Program::start("mqtt-iam", &[], &iam)?.ready()?,
        ];
        Ok(Self {
            database_url: cluster.url(database::DATABASE),
            client: Client::builder().timeout(PATIENCE).build()?,
            base,
            _programs: programs,
            _broker: broker,
            _folder: folder,
        })
    }

    /// Asks ten households, each by a code of its own, and has their homes read the details.
    async fn ask(&self) -> Answer<Vec<Home>> {
        let mut homes = Vec::new();
        for _ in 0..PARALLEL {
            let asked = json!({"connectionId": "somebody", "dataNeedIds": [DATA_NEED]});
            let answer = self.client.post(&self.base).json(&asked).send().await?;
            let code: Value = answer.error_for_status()?.json().await?;
            let text = |value: Option<&Value>| {
                let text = value.and_then(Value::as_str).map(str::to_owned);
                text.ok_or("the code is incomplete")
            };
            let id = text(code.pointer("/permissionIds/0"))?;
            let home = Home {
                url: text(code.get("handshakeUrl"))?.replace("{permissionId}", &id),
                token: text(code.get("accessToken"))?,
            };
            let details = self.client.get(&home.url).bearer_auth(&home.token);
            details.send().await?.error_for_status()?.bytes().await?;
            homes.push(home);
        }
        Ok(homes)
    }

    /// Milliseconds of each home's ACCEPT, all at the same time.
    async fn accept(&self, homes: Vec<Home>) -> Answer<Vec<f64>> {
        let mut accepting = JoinSet::new();
        for home in homes {
            let body = json!({"operation": "ACCEPT", "aiidaId": SystemRandom.uuid()});
            let request = self.client.patch(&home.url).bearer_auth(&home.token);
            let request = request.json(&body);
            accepting.spawn(async move {
                let sent = Instant::now();
                let answer = request.send().await?.error_for_status()?.bytes().await?;
                Ok::<_, reqwest::Error>((sent.elapsed(), answer))
            });
        }
        let mut times = Vec::new();
        while let Some(done) = accepting.join_next().await {
            let (time, answer) = done??;
            let answer: Value = serde_json::from_slice(&answer)?;
            if answer.get("password").and_then(Value::as_str).is_none() {
                return Err("an ACCEPT was answered without a password".into());
            }
            times.push(millis(time));
        }
        Ok(times)
    }

    /// Every home may connect: the answers have waited for that, and none came early because the wait was given up.
    async fn check(&self, homes: usize) -> Answer<()> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let mut conn = AsyncPgConnection::establish(&self.database_url).await?;
        let known: Count = diesel::sql_query(
            "SELECT count(*) AS n FROM aiida.permission p JOIN aiida.aiida_mqtt_user u ON u.permission_id = p.id
             WHERE p.status = 'ACCEPTED' AND p.granted_at < p.accepted_at + interval '15 s'",
        )
        .get_result(&mut conn)
        .await?;
        if known.n == i64::try_from(homes)? {
            Ok(())
        } else {
            Err(format!("the broker knows {} of {homes} homes", known.n).into())
        }
    }
}

fn data_need() -> Value {
    json!([{
        "type": "outbound-aiida",
        "id": DATA_NEED,
        "name": "Live consumption",
        "purpose": "Benchmark",
        "policyLink": "https://party.example/policy",
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/1 * * * * *",
        "schemas": ["SMART-METER-P1-RAW"],
        "asset": "CONNECTION-AGREEMENT-POINT",
        "dataTags": ["1-0:1.7.0", "1-0:1.8.0"]
    }])
}
