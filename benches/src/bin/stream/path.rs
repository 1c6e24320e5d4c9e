//! The whole path: a client that publishes, the sandbox broker, aiida-stream, Postgres.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use benches::Answer;
use benches::numbers::{millis, per_second};
use benches::programs::PARTY;
use rumqttc::{AsyncClient, MqttOptions, NetworkOptions, PublishOptions, QoS};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::messages::{Homes, Message};

/// Packets that wait for the broker's acknowledgement.
const IN_FLIGHT: u16 = 1000;
/// How often it is looked whether more has been committed.
const LOOK: Duration = Duration::from_millis(5);
/// Without anything new for this long, messages are lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Publishes as the eligible party, who may publish everywhere: the sandbox broker looks up the rights of a home for
/// each of its messages, EMQX remembers them.
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

    /// Messages per second, from the first publish until all are committed and seen by somebody else.
    pub(crate) async fn round(
        &self,
        messages: &[Message],
        homes: &Homes,
        reader: &Client,
    ) -> Answer<f64> {
        let messages = messages.to_vec();
        let mut seen = Seen::new(homes, messages.len());
        let started = Instant::now();
        for message in messages {
            self.publish(message).await?;
        }
        seen.all(reader).await?;
        Ok(per_second(seen.at.len(), started))
    }

    /// Milliseconds of each message, from when it was due to when a reader saw it committed: `rate` a second.
    pub(crate) async fn steadily(
        &self,
        messages: Vec<Message>,
        rate: u32,
        homes: &Homes,
        reader: Client,
    ) -> Answer<Vec<f64>> {
        let mut seen = Seen::new(homes, messages.len());
        let watching = tokio::spawn(async move {
            seen.all(&reader).await?;
            Answer::Ok(seen.at)
        });
        let mut due = Vec::with_capacity(messages.len());
        let mut ticks = interval(Duration::from_secs(1) / rate);
        // A message that is late was due all the same: waiting for its turn counts.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for message in messages {
            due.push(ticks.tick().await.into_std());
            self.publish(message).await?;
        }
        let at = watching.await??;
        let times = due.iter().enumerate().filter_map(|(n, due)| {
            let time = at.get(&n)?.saturating_duration_since(*due);
            Some(millis(time))
        });
        Ok(times.collect())
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

/// What a reader has seen committed, by its own clock after the answer: later than the commit, never earlier.
struct Seen {
    at: HashMap<usize, Instant>,
    wanted: usize,
    first_micros: i64,
    table: String,
    /// The last page of the table that had rows. There is one writer, so new rows come behind; two pages are read
    /// again because a row may still have fitted in.
    page: u32,
}

impl Seen {
    fn new(homes: &Homes, wanted: usize) -> Self {
        Self {
            at: HashMap::with_capacity(wanted),
            wanted,
            first_micros: homes.first_micros(),
            table: format!("aiida.message_{}", homes.day()),
            page: 0,
        }
    }

    /// Looks until all have been seen.
    async fn all(&mut self, reader: &Client) -> Answer<()> {
        let mut last = Instant::now();
        let found = async {
            while self.at.len() < self.wanted {
                let before = self.at.len();
                self.look(reader).await?;
                if self.at.len() > before {
                    last = Instant::now();
                }
                if last.elapsed() > PATIENCE {
                    return Err(format!("{before} of {} messages came", self.wanted).into());
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        found.await
    }

    async fn look(&mut self, reader: &Client) -> Answer<()> {
        let Self { table, page, .. } = self;
        let since = page.saturating_sub(2);
        let query = format!(
            "SELECT (ctid::text::point)[0]::bigint, (extract(epoch FROM sent_at) * 1000000)::bigint
             FROM {table} WHERE ctid >= '({since},0)'"
        );
        let rows = timeout(PATIENCE, reader.simple_query(&query)).await??;
        let now = Instant::now();
        for row in rows {
            let SimpleQueryMessage::Row(row) = row else {
                continue;
            };
            let (Some(page), Some(micros)) = (row.get(0), row.get(1)) else {
                continue;
            };
            self.page = self.page.max(page.parse()?);
            let n = usize::try_from(micros.parse::<i64>()? - self.first_micros)?;
            self.at.entry(n).or_insert(now);
        }
        Ok(())
    }
}
