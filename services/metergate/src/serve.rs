//! `metergate serve`: services in one process.

use std::future::Future;

use service_kit::program::{BoxError, CommonConfig, Context, ProgramError, run_service};
use tokio::task::JoinSet;

use crate::config::Config;

/// Runs all services in one process, or those named.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The services to run; all when none is named.
    #[arg(value_enum)]
    services: Vec<Service>,
    #[command(flatten)]
    common: CommonConfig,
    #[command(flatten)]
    config: Config,
}

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Service {
    SmdAuth,
    SmdFetcher,
    CsvExporter,
}

impl Service {
    const ALL: [Self; 3] = [Self::SmdAuth, Self::SmdFetcher, Self::CsvExporter];
}

impl Serve {
    /// Until the shutdown, or until one of them fails: then all stop.
    pub fn run(self) -> Result<(), ProgramError> {
        let wanted: Vec<Service> = Service::ALL
            .into_iter()
            .filter(|it| self.services.is_empty() || self.services.contains(it))
            .collect();
        run_service("metergate", &self.common, |context| {
            run_all(wanted, self.config, context)
        })
    }
}

async fn run_all(wanted: Vec<Service>, config: Config, context: Context) -> Result<(), BoxError> {
    let mut running = JoinSet::new();
    for service in wanted {
        let (config, context) = (config.clone(), context.clone());
        match service {
            Service::SmdAuth => start(&mut running, smd_auth::run(config.into(), context)),
            Service::SmdFetcher => start(&mut running, smd_fetcher::run(config.into(), context)),
            Service::CsvExporter => start(&mut running, csv_exporter::run(config.into(), context)),
        }
    }
    let mut first = Ok(());
    while let Some(ended) = running.join_next().await {
        let ended = ended.map_err(BoxError::from).and_then(|result| result);
        if ended.is_err() {
            context.shutdown.begin_soft();
        }
        first = first.and(ended);
    }
    first
}

fn start<E: Into<BoxError> + 'static>(
    running: &mut JoinSet<Result<(), BoxError>>,
    service: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    running.spawn(async move { service.await.map_err(Into::into) });
}
