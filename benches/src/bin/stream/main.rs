//! The stream beside its limit: raw messages with two readings each, durable, against bare COPY of the same rows; and
//! the time from publish to commit while 1,000 messages a second come.
//!
//! `stream [MESSAGES]` (default 60000 per round: what happens once a round is to weigh little) starts a private Postgres on disk that waits for it, under both
//! sides. Measured in turn, in messages a second:
//!
//! - COPY into tables of the same shape and indexes, from bytes that are ready, one commit for as many messages as the
//!   service puts into one transaction, as text and as binary (and, for comparison, all in one transaction);
//! - the statement alone: `storage::aiida::stream::ingest`, rows that are ready, one connection;
//! - the service: aiida-stream as a process of its own, fed by a socket that only sends and waits for
//!   acknowledgements, from the first byte to the last acknowledgement, which follows the commit;
//! - the whole path: published by a client to the sandbox broker, until a reader sees all of them committed. Client,
//!   broker, service and database share this machine's processors, COPY has them for itself.
//!
//! Then 1,000 messages a second for 20 seconds over the whole path, one a second from each of 1,000 homes: from when
//! a message was due to be published to when a reader, who looks every 5 ms, has it in its hands.
//!
//! Goals: the service at 0.5 of the rate of the faster COPY, the 99th percentile from publish to commit under 250 ms. Exits with 1
//! when one is missed.

mod copy;
mod feeder;
mod messages;
mod path;

use std::process::ExitCode;
use std::time::Instant;

use benches::numbers::{median, per_second, percentile};
use benches::programs::{Broker, Program, connecting};
use benches::{Answer, argument, database, measure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage::aiida::stream::ingest::{self, NewMessage};
use storage::aiida::stream::partitions;
use test_support::Cluster;
use tokio_postgres::Client;

use copy::{Format, Limit};
use feeder::Feeder;
use messages::{HOMES, Homes, Message};
use path::{Publisher, Watch};

/// Share of COPY's rate to reach.
const RATIO_GOAL: f64 = 0.5;
/// Most milliseconds from publish to commit, for 99 of 100.
const COMMIT_GOAL: f64 = 250.0;
/// Rounds that count; one more warms up.
const ROUNDS: usize = 5;
/// Messages in one transaction: the service's default.
const BATCH: usize = 500;
/// Messages a second, and for how many seconds.
const RATE: u32 = 1000;
const SECONDS: usize = 20;

/// What is measured in a round.
const ARMS: usize = 6;

const CLEAR: &str = "TRUNCATE aiida.message, aiida.reading; CHECKPOINT";

fn main() -> ExitCode {
    measure("stream", compare())
}

async fn compare() -> Answer<bool> {
    let count = argument(60_000)?;
    let bench = Bench::start(count).await?;
    bench.statement().await?;
    let (text, binary) = (
        bench.limit(Format::Text).await?,
        bench.limit(Format::Binary).await?,
    );
    let mut rates = Rates::default();
    for round in 0..=ROUNDS {
        let measured = [
            text.in_batches().await?,
            binary.in_batches().await?,
            binary.at_once().await?,
            bench.statement().await?,
            bench.service().await?,
            bench.path().await?,
        ];
        if round > 0 {
            rates.0.push(measured);
        }
    }
    println!(
        "{count} messages of {HOMES} homes, two readings each, {BATCH} a transaction; medians of {ROUNDS} rounds"
    );
    let met = rates.report()?;
    Ok(bench.steady().await? && met)
}

/// Messages a second, a row for each round.
#[derive(Default)]
struct Rates(Vec<[f64; ARMS]>);

impl Rates {
    const NAMES: [&str; ARMS] = [
        "COPY, text",
        "COPY, binary",
        "COPY, binary, one commit",
        "ingest's statement",
        "aiida-stream",
        "whole path, sandbox broker",
    ];
    /// The row with a goal.
    const SERVICE: &str = "aiida-stream";

    /// Prints the table; true when the goal is met.
    fn report(&self) -> Answer<bool> {
        println!(
            "{:<32} {:>12} {:>8} {:>8}",
            "", "messages/s", "of COPY", "goal"
        );
        let mut met = Err("nothing was measured".into());
        for (n, name) in Self::NAMES.iter().enumerate() {
            let column = |of: fn(f64, f64) -> f64| {
                // The faster one is the limit.
                let limit = |row: &[f64; ARMS]| Some(row.first()?.max(*row.get(1)?));
                let pick = |row: &[f64; ARMS]| Some(of(*row.get(n)?, limit(row)?));
                median(&self.0.iter().filter_map(pick).collect::<Vec<_>>())
            };
            let (rate, share) = (column(|rate, _| rate), column(|rate, copy| rate / copy));
            let mut goal = String::new();
            if *name == Self::SERVICE {
                goal = RATIO_GOAL.to_string();
                met = Ok(share >= RATIO_GOAL);
            }
            println!("{name:<32} {rate:>12.0} {share:>8.2} {goal:>8}");
        }
        met
    }
}

/// Everything that is measured, started.
struct Bench {
    owner: String,
    login: String,
    client: Client,
    homes: Homes,
    rows: Vec<NewMessage>,
    messages: Vec<Message>,
    feeder: Feeder,
    publisher: Publisher,
    _services: [Program; 2],
    _broker: Broker,
    _folder: tempfile::TempDir,
    _cluster: std::sync::Arc<Cluster>,
}

impl Bench {
    async fn start(count: usize) -> Answer<Self> {
        let cluster = database::like_a_real_one().await?;
        let owner = cluster.url(database::DATABASE);
        let login = database::login(&cluster, "metergate_aiida_stream").await?;
        let homes = Homes::new(&owner).await?;
        let day = homes.time(0)?.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut conn = AsyncPgConnection::establish(&login).await?;
        partitions::make(&mut conn, &[day]).await?;
        let folder = tempfile::tempdir()?;
        let emqx = database::login(&cluster, "emqx").await?;
        let broker = Broker::start(folder.path(), &emqx)?;
        let feeder = Feeder::listen().await?;
        let service = |address: &str| {
            let mut settings = vec![
                ("METERGATE_DATABASE_URL", login.clone()),
                ("METERGATE_AIIDA_STREAM_ADDRESS", "127.0.0.1:0".to_owned()),
                ("METERGATE_AIIDA_STREAM_BATCH_MESSAGES", BATCH.to_string()),
            ];
            settings.extend(connecting(address));
            Program::start("aiida-stream", &[], &settings)
        };
        let services = [
            service(feeder.address())?.ready()?,
            service(broker.plain())?.ready()?,
        ];
        Ok(Self {
            client: copy::connect(&owner).await?,
            rows: (0..count).map(|n| homes.row(n)).collect::<Answer<_>>()?,
            messages: (0..count)
                .map(|n| homes.message(n))
                .collect::<Answer<_>>()?,
            publisher: Publisher::new(broker.plain())?,
            owner,
            login,
            homes,
            feeder,
            _services: services,
            _broker: broker,
            _folder: folder,
            _cluster: cluster,
        })
    }

    /// COPY of the rows that are stored.
    async fn limit(&self, format: Format) -> Answer<Limit> {
        Limit::of_stored(&self.owner, &self.homes, self.rows.len(), BATCH, format).await
    }

    async fn statement(&self) -> Answer<f64> {
        self.client.batch_execute(CLEAR).await?;
        let mut conn = AsyncPgConnection::establish(&self.login).await?;
        let started = Instant::now();
        for batch in self.rows.chunks(BATCH) {
            let batch: Vec<&NewMessage> = batch.iter().collect();
            conn.transaction(async |conn| {
                ingest::durable(conn).await?;
                ingest::store(conn, &batch).await
            })
            .await?;
        }
        let rate = per_second(self.rows.len(), started);
        self.check().await?;
        Ok(rate)
    }

    async fn service(&self) -> Answer<f64> {
        self.client.batch_execute(CLEAR).await?;
        let rate = self.feeder.round(&self.messages).await?;
        self.check().await?;
        Ok(rate)
    }

    async fn path(&self) -> Answer<f64> {
        self.client.batch_execute(CLEAR).await?;
        let publisher = &self.publisher;
        let rate = publisher.round(&self.messages, &self.client);
        let rate = rate.await?;
        self.check().await?;
        Ok(rate)
    }

    /// All messages are there, each with its two readings.
    async fn check(&self) -> Answer<()> {
        let query =
            "SELECT (SELECT count(*) FROM aiida.message), (SELECT count(*) FROM aiida.reading)";
        let row = self.client.query_one(query, &[]).await?;
        let (messages, readings): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let wanted = i64::try_from(self.messages.len())?;
        if (messages, readings) == (wanted, 2 * wanted) {
            Ok(())
        } else {
            Err(format!("{messages} messages and {readings} readings of {wanted} messages").into())
        }
    }

    /// True when messages that come steadily are committed in time.
    async fn steady(&self) -> Answer<bool> {
        self.client.batch_execute(CLEAR).await?;
        let count = SECONDS * usize::try_from(RATE)?;
        let messages = (0..count)
            .map(|n| self.homes.message(n))
            .collect::<Answer<_>>()?;
        let reader = copy::connect(&self.owner).await?;
        let watch = Watch::new(reader, &self.homes).await?;
        let times = self.publisher.steadily(messages, RATE, watch).await?;
        let [half, most, all] = [50, 99, 100].map(|percent| percentile(&times, percent));
        println!(
            "from publish to commit at {RATE} messages/s, {} messages: p50 {half:.1} ms, p99 {most:.1} ms (goal {COMMIT_GOAL}), most {all:.1} ms",
            times.len()
        );
        Ok(times.len() == count && most < COMMIT_GOAL)
    }
}
