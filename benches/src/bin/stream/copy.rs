//! The limit: COPY of the same rows into tables of the same shape, without partitions, without looking whether a row
//! is there already. The bytes are ready before the clock runs: Postgres has written them itself.

use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_postgres::{Client, NoTls};

use benches::Answer;
use benches::numbers::per_second;

use crate::messages::Homes;

const MESSAGE: &str = "permission_id, sent_at, digest, channel, schema, payload";
const READING: &str = "permission_id, sent_at, digest, nr, measured_at, obis, value, unit, quality";

type Rows = Cursor<Arc<[u8]>>;

/// Rows of a batch, in COPY's format.
struct Batch {
    messages: Rows,
    readings: Rows,
}

/// COPY of the messages, in one of its formats.
pub(crate) struct Limit {
    client: Client,
    format: Format,
    count: usize,
    batches: Vec<Batch>,
    whole: Batch,
}

/// What the rows are written as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    Text,
    Binary,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// A connection that may do everything.
pub(crate) async fn connect(url: &str) -> Answer<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

impl Limit {
    /// Takes the rows of `count` messages, which are stored, out of the tables: in the order of their times, which is
    /// that of their arrival, `size` messages a batch.
    pub(crate) async fn of_stored(
        url: &str,
        homes: &Homes,
        count: usize,
        size: usize,
        format: Format,
    ) -> Answer<Self> {
        let client = connect(url).await?;
        let tables = "CREATE TABLE IF NOT EXISTS public.message (LIKE aiida.message INCLUDING ALL);
                      CREATE TABLE IF NOT EXISTS public.reading (LIKE aiida.reading INCLUDING ALL)";
        client.batch_execute(tables).await?;
        let mut batches = Vec::new();
        for first in (0..count).step_by(size) {
            batches.push(rows(&client, homes, first, (first + size).min(count), format).await?);
        }
        let whole = rows(&client, homes, 0, count, format).await?;
        Ok(Self {
            client,
            format,
            count,
            batches,
            whole,
        })
    }

    /// Messages per second, one commit for each batch.
    pub(crate) async fn in_batches(&self) -> Answer<f64> {
        self.round(&self.batches).await
    }

    /// Messages per second, all in one transaction.
    pub(crate) async fn at_once(&self) -> Answer<f64> {
        self.round(std::slice::from_ref(&self.whole)).await
    }

    async fn round(&self, batches: &[Batch]) -> Answer<f64> {
        self.client
            .batch_execute("TRUNCATE public.message, public.reading; CHECKPOINT")
            .await?;
        let started = Instant::now();
        for batch in batches {
            self.client.batch_execute("BEGIN").await?;
            self.copy("message", MESSAGE, &batch.messages).await?;
            self.copy("reading", READING, &batch.readings).await?;
            self.client.batch_execute("COMMIT").await?;
        }
        Ok(per_second(self.count, started))
    }

    async fn copy(&self, table: &str, columns: &str, rows: &Rows) -> Answer<()> {
        let format = self.format.name();
        let statement = format!("COPY public.{table} ({columns}) FROM STDIN (FORMAT {format})");
        let mut sink = pin!(self.client.copy_in(&statement).await?);
        sink.send(rows.clone()).await?;
        sink.close().await?;
        Ok(())
    }
}

/// The rows of messages `first` to before `end`.
async fn rows(
    client: &Client,
    homes: &Homes,
    first: usize,
    end: usize,
    format: Format,
) -> Answer<Batch> {
    let format = format.name();
    let (from, to) = (homes.time(first)?, homes.time(end)?);
    let mut parts = Vec::new();
    for (table, columns, order) in [
        ("message", MESSAGE, "sent_at"),
        ("reading", READING, "sent_at, nr"),
    ] {
        let statement = format!(
            "COPY (SELECT {columns} FROM aiida.{table} WHERE sent_at >= '{from}' AND sent_at < '{to}' ORDER BY {order})
             TO STDOUT (FORMAT {format})"
        );
        let mut stream = pin!(client.copy_out(&statement).await?);
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece?);
        }
        parts.push(Cursor::new(Arc::from(bytes)));
    }
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(messages), Some(readings)) => Ok(Batch { messages, readings }),
        _ => Err("no rows".into()),
    }
}
