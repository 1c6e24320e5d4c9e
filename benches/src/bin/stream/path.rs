//! The whole path: a client that publishes, the sandbox broker, aiida-stream, Postgres.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use benches::Answer;
use benches::numbers::{millis, per_second};
use benches::programs::PARTY;
use rumqttc::{AsyncClient, MqttOptions, NetworkOptions, PublishOptions, QoS};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::{Client, Statement};

use crate::messages::{Homes, Message};

/// Packets that wait for the broker's acknowledgement.
const IN_FLIGHT: u16 = 1000;
/// How often it is looked whether a message has been committed.
const LOOK: Duration = Duration::from_millis(5);
/// How often the committed ones are counted.
const COUNT: Duration = Duration::from_millis(50);
/// Without anything new for this long, messages are lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Publishes as the eligible party, who may publish everywhere: what a broker spends on looking up the rights of a home
/// is not what is measured.
pub(crate) struct Publisher {
    client: AsyncClient,
    polling: JoinHandle<()>,
}

impl Publisher {
    pub(crate) fn new(broker: &str) -> Answer<Self> {
        let (host, port) = broker.rsplit_once(':').ok_or("no port")?;
        let mut options = MqttOptions::new("bench", (host, port.parse::<u16>()?));
        let mut network = NetworkOptions::new();
        // As the homes' client does.
        network.set_tcp_nodelay(true);
        options
            .set_credentials(PARTY.0, PARTY.1)
            .set_network_options(network)
            .set_outgoing_inflight_upper_limit(IN_FLIGHT);
        let (client, mut eventloop) = AsyncClient::builder(options).unbounded().build();
        let polling = tokio::spawn(async move {
            loop {
                if let Err(error) = eventloop.poll().await {
                    println!("the publisher's connection: {error}");
                    return;
                }
            }
        });
        Ok(Self { client, polling })
    }

    async fn publish(&self, message: Message) -> Answer<()> {
        let options = PublishOptions::new(QoS::AtLeastOnce);
        let Message { topic, payload } = message;
        Ok(self.client.publish(topic, payload, options).await?)
    }

    /// Messages per second, from the first publish until a reader counts all of them as committed.
    pub(crate) async fn round(&self, messages: &[Message], reader: &Client) -> Answer<f64> {
        let (messages, count) = (messages.to_vec(), messages.len());
        let started = Instant::now();
        for message in messages {
            self.publish(message).await?;
        }
        let (mut stored, mut last) = (0, Instant::now());
        while stored < i64::try_from(count)? {
            tokio::time::sleep(COUNT).await;
            let before = stored;
            let row = reader
                .query_one("SELECT count(*) FROM aiida.message", &[])
                .await?;
            stored = row.try_get(0)?;
            if stored > before {
                last = Instant::now();
            }
            if last.elapsed() > PATIENCE {
                return Err(format!("{stored} of {count} messages came").into());
            }
        }
        Ok(per_second(count, started))
    }

    /// Milliseconds of each message, from when it was due to when a reader had seen it committed: `rate` a second.
    pub(crate) async fn steadily(
        &self,
        messages: Vec<Message>,
        rate: u32,
        watch: Watch,
    ) -> Answer<Vec<f64>> {
        let (published, publishing) = mpsc::unbounded_channel();
        let watching = tokio::spawn(watch.all(publishing));
        let mut ticks = interval(Duration::from_secs(1) / rate);
        // A message that is late was due all the same: waiting for its turn counts.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for (n, message) in messages.into_iter().enumerate() {
            let due = ticks.tick().await.into_std();
            self.publish(message).await?;
            // When the reader has failed, its error is the one that counts.
            let _failed = published.send((n, due));
        }
        drop(published);
        watching.await?
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

/// Looks for messages that were published and not seen yet, each by its key: what it finds is committed. Its own clock
/// is read after the answer, so a time is never too short.
pub(crate) struct Watch {
    reader: Client,
    query: Statement,
    homes: Vec<String>,
}

impl Watch {
    pub(crate) async fn new(reader: Client, homes: &Homes) -> Answer<Self> {
        // Nobody has counted the rows yet: it must not read them all.
        reader
            .batch_execute(
                "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off",
            )
            .await?;
        let since = homes.time(0)?;
        let query = format!(
            "SELECT w.n FROM unnest($1::text[], $2::bigint[]) AS w (home, n)
             JOIN aiida.message m ON m.permission_id = w.home::uuid
                  AND m.sent_at = '{since}'::timestamptz + w.n * interval '1 microsecond'"
        );
        Ok(Self {
            query: reader.prepare(&query).await?,
            reader,
            homes: homes.ids(),
        })
    }

    /// Until nothing more is published and all of it has been seen.
    async fn all(
        self,
        mut publishing: mpsc::UnboundedReceiver<(usize, Instant)>,
    ) -> Answer<Vec<f64>> {
        let mut waiting = BTreeMap::new();
        let mut times = Vec::new();
        let mut last = Instant::now();
        loop {
            let over = loop {
                match publishing.try_recv() {
                    Ok((n, due)) => waiting.insert(n, due),
                    Err(TryRecvError::Empty) => break false,
                    Err(TryRecvError::Disconnected) => break true,
                };
            };
            if over && waiting.is_empty() {
                return Ok(times);
            }
            let seen = timeout(PATIENCE, self.look(&waiting)).await??;
            let now = Instant::now();
            for due in seen.iter().filter_map(|n| waiting.remove(n)) {
                times.push(millis(now.saturating_duration_since(due)));
                last = now;
            }
            if last.elapsed() > PATIENCE {
                return Err(format!("{} messages did not come", waiting.len()).into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look(&self, waiting: &BTreeMap<usize, Instant>) -> Answer<Vec<usize>> {
        let (mut homes, mut numbers) = (Vec::new(), Vec::new());
        for n in waiting.keys() {
            let home = self.homes.get(n % self.homes.len());
            homes.push(home.ok_or("there are no homes")?.as_str());
            numbers.push(i64::try_from(*n)?);
        }
        let rows = self.reader.query(&self.query, &[&homes, &numbers]).await?;
        rows.iter()
            .map(|row| Ok(usize::try_from(row.try_get::<_, i64>(0)?)?))
            .collect()
    }
}
