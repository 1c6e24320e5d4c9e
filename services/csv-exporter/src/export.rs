//! `csv.export`: the files of one authorization. A second run replaces, never appends.

use std::pin::pin;

use diesel_async::AsyncConnection;
use espi::{
    AccumulationBehaviour, Commodity, FlowDirection, MeasurementKind, Reading, ReadingType,
    UnitOfMeasure,
};
use futures_util::TryStreamExt;
use jiff::tz::TimeZone;
use job_queue::{Handler, Job, LeaseLost, Outcome};
use serde_json::json;
use storage::DatabaseError;
use storage::audit;
use storage::kinds::CsvExport;
use storage::smd::authorization::Stage;
use storage::smd::export::{self, Export, Files};
use storage::smd::reading::{self, StoredReading, StoredSeries};
use storage::smd::{AuthorizationId, erasure};
use tokio::sync::mpsc;

use crate::Exporter;
use crate::place::{Draft, FileName, NameError, Place, PlaceError, Stem};
use crate::table::{Columns, Selection, Series, Table, TableError, Writer, Written};

/// Readings on their way from the database to the files.
const CHUNK: usize = 1_000;
const CHUNKS_AHEAD: usize = 4;

/// A file name for customers who did not share theirs.
const NO_NAME: &str = "customer";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error("the output folder: {0}")]
    Place(#[from] PlaceError),
    #[error("the table: {0}")]
    Table(#[from] TableError),
    #[error("the file's name: {0}")]
    Name(#[from] NameError),
    #[error("a stored reading has a number out of range")]
    OutOfRange,
    #[error("the writer of the files ended unexpectedly")]
    Writer,
}

impl Handler<CsvExport> for Exporter {
    async fn run(&self, job: Job<CsvExport>) -> Outcome {
        match self.export(&job).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.note(job.payload.authorization, &error).await;
                Outcome::retry(&error)
            }
        }
    }
}

impl Exporter {
    async fn export(&self, job: &Job<CsvExport>) -> Result<Outcome, ExportError> {
        let id = job.payload.authorization;
        let mut conn = self.database.get().await?;
        let Some(known) = export::get(&mut conn, id).await? else {
            return Ok(Outcome::Cancel("there is no such authorization".to_owned()));
        };
        if known.stage != Stage::Fetched {
            return Ok(Outcome::Cancel(format!(
                "the authorization is {}",
                known.stage
            )));
        }
        let stored = reading::series_of(&mut conn, id).await?;
        let selection = Selection::of(&stored.iter().map(series).collect::<Vec<_>>());
        for left_out in selection.left_out() {
            tracing::info!(authorization = %id, reason = %left_out.reason, "a series is left out of the files");
        }
        let names = Names::of(&known, &selection)?;
        // The names first: what was written under them can always be found and removed.
        let allowed = conn
            .transaction(async |conn| {
                job.lease.hold(conn).await?;
                Ok::<_, ExportError>(export::name_files(conn, id, &names.stored()).await?)
            })
            .await?;
        if !allowed {
            return Ok(Outcome::Cancel("the authorization was erased".to_owned()));
        }
        let written = self
            .write(&mut conn, &known, &stored, selection, &names)
            .await?;
        let stands = conn
            .transaction(async |conn| {
                job.lease.hold(conn).await?;
                let stands = export::mark_exported(conn, id).await?;
                if stands {
                    audit::record(
                        conn,
                        "smd.exported",
                        Some(id.uuid()),
                        &json!({ "files": written.len() }),
                    )
                    .await?;
                }
                Ok::<_, ExportError>(stands)
            })
            .await?;
        if !stands {
            // Erased while we wrote: the tombstone outranks the files.
            names.remove(&self.place)?;
            return Ok(Outcome::Cancel("the authorization was erased".to_owned()));
        }
        for one in &written {
            tracing::info!(authorization = %id, rows = one.rows, "file written");
        }
        metrics::counter!("csv_exports_total").increment(1);
        Ok(Outcome::Done)
    }

    /// Streams the readings once through all tables; the files appear when all of them are complete.
    async fn write(
        &self,
        conn: &mut diesel_async::AsyncPgConnection,
        known: &Export,
        stored: &[StoredSeries],
        selection: Selection,
        names: &Names,
    ) -> Result<Vec<Written>, ExportError> {
        let (chunks, queue) = mpsc::channel::<Vec<(usize, Reading)>>(CHUNKS_AHEAD);
        let files = Opened::begin(
            &self.place,
            &selection,
            self.config.output.csv_columns,
            &self.zone(known),
            names,
        )?;
        let writer = tokio::task::spawn_blocking(move || files.write_all(queue));
        let read = read_all(conn, stored, &chunks).await;
        drop(chunks);
        let (drafts, written) = writer.await.map_err(|_panic| ExportError::Writer)??;
        // Only now: a stream that broke must not leave shorter files.
        read?;
        for (draft, name) in drafts {
            draft.commit(&name)?;
        }
        Ok(written)
    }

    fn zone(&self, known: &Export) -> TimeZone {
        let configured = || TimeZone::get(&self.config.history.time_zone);
        let name = known
            .time_zone
            .as_deref()
            .unwrap_or(&self.config.history.time_zone);
        TimeZone::posix(name)
            .or_else(|_| TimeZone::get(name))
            .or_else(|_| configured())
            .unwrap_or(TimeZone::UTC)
    }

    /// The operator sees why a file is not there.
    async fn note(&self, id: AuthorizationId, error: &ExportError) {
        if matches!(error, ExportError::Lease(_)) {
            return;
        }
        let noted = async {
            let mut conn = self.database.get().await?;
            export::note_error(&mut conn, id, &error.to_string()).await?;
            Ok::<_, DatabaseError>(())
        };
        if let Err(error) = noted.await {
            tracing::warn!(authorization = %id, %error, "a failed export could not be noted");
        }
    }
}

/// The names of an export's files, by table.
struct Names(Vec<(Table, FileName)>);

impl Names {
    /// Stored names win: a second run replaces what the first wrote.
    fn of(known: &Export, selection: &Selection) -> Result<Self, ExportError> {
        let stem = Stem::new(
            known.customer_name.as_deref().unwrap_or(NO_NAME),
            known.subscription_id.as_deref().unwrap_or_default(),
            known.authorized_at,
        )?;
        let stored = |table| match table {
            Table::Electricity => &known.files.electricity,
            Table::Gas => &known.files.gas,
        };
        Table::ALL
            .into_iter()
            .filter(|table| selection.has(*table))
            .map(|table| match stored(table) {
                Some(name) => Ok((table, name.parse()?)),
                None => Ok((table, stem.file(table.name(), "csv"))),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn stored(&self) -> Files {
        let of = |wanted| {
            self.0
                .iter()
                .find(|(table, _)| *table == wanted)
                .map(|(_, name)| name.to_string())
        };
        Files {
            electricity: of(Table::Electricity),
            gas: of(Table::Gas),
        }
    }

    fn remove(&self, place: &Place) -> Result<(), PlaceError> {
        for (_, name) in &self.0 {
            place.remove(name)?;
        }
        Ok(())
    }
}

/// The tables being written.
struct Opened(Vec<(Writer<Draft>, FileName)>);

impl Opened {
    fn begin(
        place: &Place,
        selection: &Selection,
        columns: Columns,
        zone: &TimeZone,
        names: &Names,
    ) -> Result<Self, ExportError> {
        let open = |(table, name): &(Table, FileName)| {
            let writer = Writer::new(place.begin()?, selection, *table, columns, zone.clone())?;
            Ok::<_, ExportError>((writer, name.clone()))
        };
        names.0.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// Runs on a thread of its own: files block.
    fn write_all(
        mut self,
        mut queue: mpsc::Receiver<Vec<(usize, Reading)>>,
    ) -> Result<(Vec<(Draft, FileName)>, Vec<Written>), ExportError> {
        while let Some(chunk) = queue.blocking_recv() {
            for (series, one) in &chunk {
                for (writer, _) in &mut self.0 {
                    writer.push(*series, one)?;
                }
            }
        }
        let (mut drafts, mut all) = (Vec::new(), Vec::new());
        for (writer, name) in self.0 {
            let (written, draft) = writer.finish()?;
            drafts.push((draft, name));
            all.push(written);
        }
        Ok((drafts, all))
    }
}

async fn read_all(
    conn: &mut diesel_async::AsyncPgConnection,
    stored: &[StoredSeries],
    chunks: &mpsc::Sender<Vec<(usize, Reading)>>,
) -> Result<(), ExportError> {
    let mut readings = pin!(reading::in_order(conn, stored).await?.try_chunks(CHUNK));
    while let Some(chunk) = readings.try_next().await.map_err(|error| error.1)? {
        let chunk = chunk
            .into_iter()
            .map(to_reading)
            .collect::<Result<_, _>>()?;
        if chunks.send(chunk).await.is_err() {
            // The writer failed; its error is the one that counts.
            return Ok(());
        }
    }
    Ok(())
}

fn to_reading(stored: StoredReading) -> Result<(usize, Reading), ExportError> {
    let code = |code: i32| u16::try_from(code).map_err(|_| ExportError::OutOfRange);
    let optional = |stored: Option<i32>| stored.map(code).transpose();
    let mut quality = espi::Qualities::new();
    for stored in &stored.quality {
        quality.push(code(*stored)?);
    }
    let reading = Reading {
        start: stored.starts_at,
        duration: u32::try_from(stored.duration).map_err(|_| ExportError::OutOfRange)?,
        value: stored.value,
        quality,
        tou: optional(stored.tou)?,
        cpp: optional(stored.cpp)?,
        cost: stored.cost,
    };
    Ok((
        usize::try_from(stored.series).map_err(|_| ExportError::OutOfRange)?,
        reading,
    ))
}

/// A stored series as the tables know it: 0 means that the feed said nothing.
fn series(stored: &StoredSeries) -> Series {
    let codes = &stored.codes;
    let said = |code: i32| u16::try_from(code).ok().filter(|code| *code != 0);
    Series {
        usage_point: codes.usage_point_id.parse().ok(),
        service_kind: None,
        reading_type: Some(ReadingType {
            accumulation_behaviour: said(codes.accumulation).map(AccumulationBehaviour::from_code),
            commodity: said(codes.commodity).map(Commodity::from_code),
            currency: said(codes.currency),
            data_qualifier: said(codes.qualifier),
            default_quality: said(codes.default_quality),
            flow_direction: said(codes.flow).map(FlowDirection::from_code),
            kind: said(codes.kind).map(MeasurementKind::from_code),
            phase: said(codes.phase),
            power_of_ten_multiplier: i8::try_from(stored.multiplier).ok(),
            tou: said(codes.tou),
            uom: said(codes.unit).map(UnitOfMeasure::from_code),
            ..ReadingType::default()
        }),
    }
}

/// Removes the files of an authorization, if there are any, and notes it.
pub(crate) async fn remove(
    exporter: &Exporter,
    id: AuthorizationId,
    files: &Files,
) -> Result<(), ExportError> {
    for name in [&files.electricity, &files.gas].into_iter().flatten() {
        exporter.place.remove(&name.parse::<FileName>()?)?;
    }
    let mut conn = exporter.database.get().await?;
    conn.transaction(async |conn| {
        export::mark_removed(conn, id).await?;
        erasure::finish(conn, id).await?;
        audit::record(conn, "smd.files_removed", Some(id.uuid()), &json!({})).await?;
        Ok::<_, ExportError>(())
    })
    .await
}
