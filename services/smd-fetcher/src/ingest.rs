//! Reads a feed into staged readings. Memory does not grow with the feed, and a feed that breaks
//! leaves nothing behind.

use std::collections::BTreeMap;
use std::io::BufRead;

use espi::{Binder, Bound, BoundBlock, Content, FlowDirection, ReadingType, Series, UsagePointId};
use jiff::Timestamp;
use smd_client::{Body, Tokens};
use storage::smd::AuthorizationId;
use storage::smd::reading::{self, FeedSeries, SeriesCodes, StagedReading};
use storage::{Database, DatabaseError};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::Fetcher;
use crate::error::StepError;

/// Blocks on their way from the parser to the database; a block is a day as a rule.
const BLOCKS_AHEAD: usize = 16;
/// Readings per INSERT.
const ROWS_PER_INSERT: usize = 2_000;

/// A feed could not be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    #[error("the feed: {0}")]
    Read(#[from] espi::ReadError),
    #[error("the feed: {0}")]
    Bind(#[from] espi::BindError),
    #[error("the feed holds readings of another usage point than was asked for")]
    ForeignUsagePoint,
    #[error("the feed holds no reading of the time that was asked for")]
    OtherTime,
    #[error("the feed holds entries, and none of them is of a kind that usage comes in")]
    Unrecognised,
    #[error("the feed does not tell which usage point its readings belong to")]
    NoUsagePoint,
    #[error("the feed has readings without a reading type, nor a link to one")]
    NoReadingType,
    #[error("a reading of the feed has a number out of range")]
    OutOfRange,
    #[error("the reader of the feed ended unexpectedly")]
    Reader,
}

impl IngestError {
    /// The connection broke, not the feed, nor is the feed longer than we accept.
    pub(crate) fn is_transient(&self) -> bool {
        let Self::Read(error) = self else {
            return false;
        };
        match &error.kind {
            espi::ReadErrorKind::Input(input) => input.kind() != std::io::ErrorKind::FileTooLarge,
            espi::ReadErrorKind::Truncated => true,
            _ => false,
        }
    }
}

/// A feed that was read to its end, staged under `batch`.
pub(crate) struct Staged {
    pub(crate) batch: Uuid,
    /// Rows staged.
    pub(crate) rows: i64,
    /// Series by number, those with staged rows only.
    pub(crate) series: BTreeMap<i32, StagedSeries>,
}

/// A series of the feed, and what came of it.
pub(crate) struct StagedSeries {
    pub(crate) series: Series,
    pub(crate) rows: usize,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// Reads `body` and stages its readings. Without links in the feed, readings belong to `usage_point`.
pub(crate) async fn stage(
    fetcher: &Fetcher,
    body: Body,
    usage_point: Option<UsagePointId>,
) -> Result<Staged, StepError> {
    let batch = fetcher.random.uuid();
    let (blocks, queue) = mpsc::channel(BLOCKS_AHEAD);
    let parser = tokio::task::spawn_blocking(move || {
        parse(body.into_blocking_reader(), usage_point, &blocks)
    });
    let inserted = insert_all(&fetcher.database, batch, queue).await;
    // The parser has ended when its queue has, or ends now that nobody takes from it.
    let parsed = parser.await.map_err(|_panic| IngestError::Reader)?;
    match finish(parsed, inserted) {
        Ok((rows, series)) => Ok(Staged {
            batch,
            rows,
            series,
        }),
        Err(error) => {
            discard(fetcher, batch).await;
            Err(error)
        }
    }
}

/// Forgets what was staged; what a crash leaves, the sweep forgets.
pub(crate) async fn discard(fetcher: &Fetcher, batch: Uuid) {
    let discarded = async {
        let mut conn = fetcher.database.get().await?;
        reading::discard_staged(&mut conn, batch).await?;
        Ok::<_, DatabaseError>(())
    };
    if let Err(error) = discarded.await {
        tracing::warn!(%error, "staged readings stay until the next sweep");
    }
}

/// Runs on a thread of its own: the reader blocks until bytes arrive.
fn parse(
    input: Box<dyn BufRead + Send>,
    usage_point: Option<UsagePointId>,
    blocks: &mpsc::Sender<BoundBlock>,
) -> Result<Bound, IngestError> {
    let mut binder = Binder::new();
    if let Some(id) = usage_point {
        binder = binder.with_usage_point(id);
    }
    let (mut entries, mut recognised) = (false, false);
    for entry in espi::Reader::new(input) {
        let entry = entry?;
        entries = true;
        recognised |= !matches!(entry.content, Content::Other { .. } | Content::Empty);
        for block in binder.push(entry)? {
            if blocks.blocking_send(block).is_err() {
                // The database failed; its error is the one that counts.
                return Err(IngestError::Reader);
            }
        }
    }
    // Another format in Atom's clothes must not look like a window without usage.
    if entries && !recognised {
        return Err(IngestError::Unrecognised);
    }
    let mut bound = binder.finish()?;
    for block in bound.blocks.drain(..) {
        if blocks.blocking_send(block).is_err() {
            return Err(IngestError::Reader);
        }
    }
    Ok(bound)
}

/// Rows, first and last start by number of series.
type Extents = BTreeMap<usize, (usize, Timestamp, Timestamp)>;

async fn insert_all(
    database: &Database,
    batch: Uuid,
    mut queue: mpsc::Receiver<BoundBlock>,
) -> Result<Extents, StepError> {
    let mut extents = Extents::new();
    let mut rows = Vec::new();
    while let Some(block) = queue.recv().await {
        for staged in to_rows(&block)? {
            let extent = extents.entry(block.series.index()).or_insert((
                0,
                staged.starts_at,
                staged.starts_at,
            ));
            *extent = (
                extent.0 + 1,
                extent.1.min(staged.starts_at),
                extent.2.max(staged.starts_at),
            );
            rows.push(staged);
        }
        if rows.len() >= ROWS_PER_INSERT {
            insert(database, batch, &rows).await?;
            rows.clear();
        }
    }
    if !rows.is_empty() {
        insert(database, batch, &rows).await?;
    }
    Ok(extents)
}

async fn insert(database: &Database, batch: Uuid, rows: &[StagedReading]) -> Result<(), StepError> {
    let mut conn = database.get().await?;
    Ok(reading::stage(&mut conn, batch, rows).await?)
}

fn to_rows(block: &BoundBlock) -> Result<Vec<StagedReading>, IngestError> {
    let series = i32::try_from(block.series.index()).map_err(|_| IngestError::OutOfRange)?;
    block
        .readings
        .iter()
        .map(|one| {
            Ok(StagedReading {
                series,
                starts_at: one.start,
                duration: i32::try_from(one.duration).map_err(|_| IngestError::OutOfRange)?,
                value: one.value,
                quality: one.quality.iter().map(|code| i32::from(*code)).collect(),
                tou: one.tou.map(i32::from),
                cpp: one.cpp.map(i32::from),
                cost: one.cost,
                published_at: block.published,
            })
        })
        .collect()
}

fn finish(
    parsed: Result<Bound, IngestError>,
    inserted: Result<Extents, StepError>,
) -> Result<(i64, BTreeMap<i32, StagedSeries>), StepError> {
    let (extents, bound) = match (inserted, parsed) {
        // When both failed, the parser failed because the database did.
        (Err(error), _) => return Err(error),
        (Ok(_), Err(error)) => return Err(error.into()),
        (Ok(extents), Ok(bound)) => (extents, bound),
    };
    let mut total = 0;
    let mut all = BTreeMap::new();
    for (number, series) in bound.series.into_iter().enumerate() {
        let Some(&(rows, first, last)) = extents.get(&number) else {
            continue;
        };
        total += i64::try_from(rows).map_err(|_| IngestError::OutOfRange)?;
        let number = i32::try_from(number).map_err(|_| IngestError::OutOfRange)?;
        all.insert(
            number,
            StagedSeries {
                series,
                rows,
                first,
                last,
            },
        );
    }
    Ok((total, all))
}

impl Staged {
    /// Whether any reading lies within `[from, until)`, or there is none at all.
    pub(crate) fn answers(&self, from: Timestamp, until: Timestamp) -> bool {
        let mut series = self.series.values();
        self.rows == 0 || series.any(|one| one.first < until && one.last >= from)
    }
}

impl StagedSeries {
    /// Whose usage point it is.
    pub(crate) fn usage_point(&self) -> Result<&UsagePointId, IngestError> {
        self.series
            .usage_point
            .as_ref()
            .ok_or(IngestError::NoUsagePoint)
    }

    /// What the series means, for merging. A reading type that the feed did not bring is fetched.
    pub(crate) async fn describe(
        &self,
        fetcher: &Fetcher,
        tokens: &dyn Tokens,
        authorization: AuthorizationId,
        number: i32,
    ) -> Result<FeedSeries, StepError> {
        let mut series = self.series.clone();
        if series.reading_type.is_none() {
            let link = series
                .reading_type_href
                .as_deref()
                .ok_or(IngestError::NoReadingType)?;
            series.reading_type = Some(fetcher.client.reading_type(link, tokens).await?);
        }
        Ok(FeedSeries {
            number,
            authorization,
            multiplier: i16::from(series.multiplier()),
            codes: codes(&series, self.usage_point()?.as_str()),
        })
    }
}

fn codes(series: &Series, usage_point: &str) -> SeriesCodes {
    let stated = |pick: fn(&ReadingType) -> Option<u16>| {
        series
            .reading_type
            .as_ref()
            .and_then(pick)
            .map_or(0, i32::from)
    };
    SeriesCodes {
        usage_point_id: usage_point.to_owned(),
        commodity: series.commodity().map_or(0, |it| i32::from(it.code())),
        flow: stated(|it| it.flow_direction.map(FlowDirection::code)),
        unit: stated(|it| it.uom.map(espi::UnitOfMeasure::code)),
        accumulation: stated(|it| {
            it.accumulation_behaviour
                .map(espi::AccumulationBehaviour::code)
        }),
        kind: stated(|it| it.kind.map(espi::MeasurementKind::code)),
        phase: stated(|it| it.phase),
        tou: stated(|it| it.tou),
        qualifier: stated(|it| it.data_qualifier),
        default_quality: stated(|it| it.default_quality),
        currency: stated(|it| it.currency),
    }
}
