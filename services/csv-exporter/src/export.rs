//! `csv.export`: the files of one authorization. A second run replaces, never appends.

mod convert;
mod files;
mod origin;

use std::pin::pin;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use espi::Reading;
use futures_util::TryStreamExt;
use job_queue::{Handler, Job, Lease, LeaseLost, Outcome};
use serde_json::json;
use storage::DatabaseError;
use storage::audit;
use storage::kinds::CsvExport;
use storage::smd::authorization::Stage;
use storage::smd::export::{self, Export, Files};
use storage::smd::reading::{self, StoredSeries};
use storage::smd::{AuthorizationId, erasure};
use tokio::sync::mpsc;

use crate::Exporter;
use crate::companion;
use crate::place::{FileName, NameError, PlaceError};
use crate::table::{Selection, TableError};
use convert::{series, to_reading};
use files::{Names, Opened};

/// Readings on their way from the database to the files.
const CHUNK: usize = 1_000;
const CHUNKS_AHEAD: usize = 4;

/// For the customer of a history that no file can hold.
const NO_FILE: &str = "PG&E gave us your usage in a form that we cannot put into files. The operator of this service has been told.";

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
    #[error("no series fits a file: the log says why each was left out")]
    Nothing,
    #[error("a stored reading has a number out of range")]
    OutOfRange,
    #[error("the writer of the files ended unexpectedly")]
    Writer,
}

impl ExportError {
    /// Whether it lies in what was pulled: every attempt would end alike.
    const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Nothing
                | Self::OutOfRange
                | Self::Table(TableError::Digits { .. } | TableError::Overlapping { .. })
        )
    }
}

impl Handler<CsvExport> for Exporter {
    async fn run(&self, job: Job<CsvExport>) -> Outcome {
        match self.export(&job).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_final() => self.give_up(&job, &error).await,
            Err(error) => {
                self.note(&job, &error).await;
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
            // A run that was killed may have put files in place after they were removed.
            self.remove_files(&known.files).await?;
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
        if names.is_empty() {
            return Err(ExportError::Nothing);
        }
        if !self.announce(&mut conn, job, &names).await? {
            return Ok(Outcome::Cancel("the authorization was erased".to_owned()));
        }
        let written = self
            .write(&mut conn, &known, &stored, selection, &names)
            .await?;
        if !self.confirm(&mut conn, job, written.len()).await? {
            // Erased while we wrote: the tombstone outranks the files.
            self.remove_files(&names.stored()).await?;
            return Ok(Outcome::Cancel("the authorization was erased".to_owned()));
        }
        for rows in written {
            tracing::info!(authorization = %id, rows, "file written");
        }
        metrics::counter!("csv_exports_total").increment(1);
        Ok(Outcome::Done)
    }

    /// The names first: what was written under them can always be found and removed. False when the
    /// authorization was erased.
    async fn announce(
        &self,
        conn: &mut AsyncPgConnection,
        job: &Job<CsvExport>,
        names: &Names,
    ) -> Result<bool, ExportError> {
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            Ok(export::name_files(conn, job.payload.authorization, &names.stored()).await?)
        })
        .await
    }

    /// The files are in place. False when the authorization was erased meanwhile.
    async fn confirm(
        &self,
        conn: &mut AsyncPgConnection,
        job: &Job<CsvExport>,
        files: usize,
    ) -> Result<bool, ExportError> {
        let id = job.payload.authorization;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let stands = export::mark_exported(conn, id).await?;
            if stands {
                let detail = json!({ "files": files });
                audit::record(conn, "smd.exported", Some(id.uuid()), &detail).await?;
            }
            Ok(stands)
        })
        .await
    }

    /// Streams the readings once through all tables; the files appear when all of them are complete. Gives the rows of
    /// each table.
    async fn write(
        &self,
        conn: &mut AsyncPgConnection,
        known: &Export,
        stored: &[StoredSeries],
        selection: Selection,
        names: &Names,
    ) -> Result<Vec<u64>, ExportError> {
        let (chunks, queue) = mpsc::channel::<Vec<(usize, Reading)>>(CHUNKS_AHEAD);
        let origin = origin::of(&self.config, known, stored, &selection);
        let files = Opened::begin(&self.place, &selection, origin, names)?;
        let writer = tokio::task::spawn_blocking(move || files.write_all(queue));
        let read = read_all(conn, stored, &chunks).await;
        drop(chunks);
        let (drafts, written) = writer.await.map_err(|_panic| ExportError::Writer)??;
        // Only now: a stream that broke must not leave shorter files.
        read?;
        blocking(move || {
            drafts
                .into_iter()
                .try_for_each(|(draft, name)| draft.commit(&name))
        })
        .await?;
        Ok(written)
    }

    /// Removes files, those that are there, and what stands beside them: that first, so that whatever is left after a
    /// kill is found by the names that are stored.
    async fn remove_files(&self, files: &Files) -> Result<(), ExportError> {
        let names = [&files.electricity, &files.gas]
            .into_iter()
            .flatten()
            .map(|name| name.parse::<FileName>())
            .collect::<Result<Vec<_>, _>>()?;
        let place = self.place.clone();
        blocking(move || {
            let beside = names.iter().filter_map(companion::names);
            let beside: Vec<FileName> = beside.flat_map(|own| [own.report, own.readme]).collect();
            let mut all = beside.iter().chain(&names);
            all.try_for_each(|name| place.remove(name).map(drop))
        })
        .await
    }

    /// The history has failed: customer and operator are told, and its data goes.
    async fn give_up(&self, job: &Job<CsvExport>, error: &ExportError) -> Outcome {
        let id = job.payload.authorization;
        let noted = async {
            let mut conn = self.database.get().await?;
            conn.transaction(async |conn| {
                job.lease.hold(conn).await?;
                let line = error.to_string();
                Ok::<_, ExportError>(export::mark_failed(conn, id, NO_FILE, &line).await?)
            })
            .await
        };
        match noted.await {
            Ok(is_failed) => {
                if is_failed {
                    tracing::error!(authorization = %id, %error, "no file can hold a customer's history: given up");
                }
                Outcome::Cancel(error.to_string())
            }
            Err(error) => Outcome::retry(&error),
        }
    }

    /// The operator sees why a file is not there.
    async fn note(&self, job: &Job<CsvExport>, error: &ExportError) {
        let id = job.payload.authorization;
        let noted = async {
            let mut conn = self.database.get().await?;
            conn.transaction(async |conn| {
                job.lease.hold(conn).await?;
                export::note_error(conn, id, &error.to_string()).await?;
                Ok::<_, ExportError>(())
            })
            .await
        };
        if let Err(error) = noted.await {
            tracing::warn!(authorization = %id, %error, "a failed export could not be noted");
        }
    }
}

async fn read_all(
    conn: &mut AsyncPgConnection,
    stored: &[StoredSeries],
    chunks: &mpsc::Sender<Vec<(usize, Reading)>>,
) -> Result<(), ExportError> {
    let mut readings = pin!(reading::in_order(conn, stored).await?.try_chunks(CHUNK));
    while let Some(chunk) = readings.try_next().await.map_err(|error| error.1)? {
        let chunk = chunk.iter().map(to_reading).collect::<Result<_, _>>()?;
        if chunks.send(chunk).await.is_err() {
            // The writer failed; its error is the one that counts.
            return Ok(());
        }
    }
    Ok(())
}

/// Files block: runs on a thread for that.
async fn blocking(
    work: impl FnOnce() -> Result<(), PlaceError> + Send + 'static,
) -> Result<(), ExportError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_panic| ExportError::Writer)??)
}

/// Removes the files of an authorization, if there are any, and notes it.
pub(crate) async fn remove(
    exporter: &Exporter,
    lease: &Lease,
    id: AuthorizationId,
    files: &Files,
) -> Result<(), ExportError> {
    exporter.remove_files(files).await?;
    let mut conn = exporter.database.get().await?;
    conn.transaction(async |conn| {
        lease.hold(conn).await?;
        export::mark_removed(conn, id).await?;
        erasure::finish(conn, id).await?;
        audit::record(conn, "smd.files_removed", Some(id.uuid()), &json!({})).await?;
        Ok::<_, ExportError>(())
    })
    .await
}
