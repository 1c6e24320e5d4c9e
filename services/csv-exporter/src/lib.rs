//! Writes what was pulled into the download folder, and removes it when its time is over.
//!
//! - [`table`]: readings in, CSV out; pure, shared with `metergate convert`.
//! - [`companion`]: the report and the readme beside the tables; pure, shared too.
//! - [`place`]: files that are complete or absent; shared too.
//! - `export` and `expire` are the jobs.

pub mod companion;
mod config;
mod expire;
mod export;
pub mod place;
pub mod table;

use std::sync::Arc;

use job_queue::{Worker, WorkerSettings};
use service_kit::health::Readiness;
use service_kit::program::Context;
use storage::kinds::{CsvExport, OutputExpire};
use storage::policy::ZoneError;
use storage::{Database, OpenError};

pub use config::{Config, OutputConfig};
use place::{Place, PlaceError};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database or its schema.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The output folder.
    #[error("METERGATE_OUTPUT_DIR: {0}")]
    Output(#[from] PlaceError),
    /// The configured time zone.
    #[error(transparent)]
    TimeZone(#[from] ZoneError),
}

/// What the handlers share.
struct Shared {
    database: Database,
    place: Place,
    config: Config,
}

/// A handler: the shared things, once per kind of job.
#[derive(Clone)]
struct Exporter(Arc<Shared>);

impl std::ops::Deref for Exporter {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Works until the shutdown.
pub async fn run(config: Config, context: Context) -> Result<(), ServeError> {
    config.check()?;
    let place = config.output.place()?;
    let database = Database::open(&config.database, &context.checks).await?;
    context.checks.add(OutputCheck(place.clone()));
    context.checks.complete();
    metrics::describe_counter!("csv_exports_total", "Customers whose files were written");
    let listener = database.listen(&context.shutdown);
    let pool = database.pool().clone();
    let exporter = Exporter(Arc::new(Shared {
        database,
        place,
        config,
    }));
    Worker::new(pool, listener, context.shutdown, WorkerSettings::default())
        .handle::<CsvExport, _>(2, exporter.clone())
        .handle::<OutputExpire, _>(1, exporter)
        .run()
        .await;
    Ok(())
}

/// Ready only while the folder takes files.
struct OutputCheck(Place);

#[async_trait::async_trait]
impl Readiness for OutputCheck {
    fn name(&self) -> &'static str {
        "output folder"
    }

    async fn check(&self) -> Result<(), String> {
        let place = self.0.clone();
        // A draft that is dropped leaves nothing.
        let tried = tokio::task::spawn_blocking(move || place.begin().map(drop)).await;
        tried
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }
}
