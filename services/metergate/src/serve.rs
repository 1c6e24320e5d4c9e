//! `metergate serve`: services in one process.
//!
//! Without names, those of the sides that are configured: Share My Data with a registration, AIIDA with the address
//! that homes are told. The console runs with either.

use std::future::Future;

use service_kit::program::{BoxError, CommonConfig, Context, ProgramError, run_service};
use tokio::task::JoinSet;

use crate::config::Config;

/// Runs all services in one process, or those named.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The services to run. When none is named: those of Share My Data if `CLIENT_ID` is set, and those of AIIDA if
    /// `METERGATE_AIIDA_PUBLIC_URL` is; the console with either.
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
    AiidaPermission,
    MqttIam,
    AiidaStream,
    Console,
}

impl Service {
    const HISTORY: [Self; 3] = [Self::SmdAuth, Self::SmdFetcher, Self::CsvExporter];
    const NEAR_REAL_TIME: [Self; 3] = [Self::AiidaPermission, Self::MqttIam, Self::AiidaStream];

    /// As it is called on the command line, in logs and in traces.
    const fn name(self) -> &'static str {
        match self {
            Self::SmdAuth => "smd-auth",
            Self::SmdFetcher => "smd-fetcher",
            Self::CsvExporter => "csv-exporter",
            Self::AiidaPermission => "aiida-permission",
            Self::MqttIam => "mqtt-iam",
            Self::AiidaStream => "aiida-stream",
            Self::Console => "console",
        }
    }
}

/// Nothing to run.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing is configured: set CLIENT_ID and the rest for Share My Data, METERGATE_AIIDA_PUBLIC_URL and the rest for AIIDA, or name a service"
)]
struct Nothing;

impl Serve {
    /// Until the shutdown, or until one of them fails: then all stop.
    pub fn run(self) -> Result<(), ProgramError> {
        let wanted = self.wanted();
        // A trace tells services apart by it.
        let name = match wanted.as_slice() {
            [one] => one.name(),
            _ => "metergate",
        };
        run_service(name, &self.common, |context| {
            run_all(wanted, self.config, context)
        })
    }

    fn wanted(&self) -> Vec<Service> {
        let sides = [
            (self.config.has_history(), &Service::HISTORY[..]),
            (
                self.config.has_near_real_time(),
                &Service::NEAR_REAL_TIME[..],
            ),
            (
                self.config.has_history() || self.config.has_near_real_time(),
                &[Service::Console],
            ),
        ];
        let all = sides.into_iter().flat_map(|(is_configured, services)| {
            services
                .iter()
                .map(move |service| (is_configured, *service))
        });
        all.filter(|(is_configured, service)| {
            self.services.contains(service) || (self.services.is_empty() && *is_configured)
        })
        .map(|(_, service)| service)
        .collect()
    }
}

async fn run_all(wanted: Vec<Service>, config: Config, context: Context) -> Result<(), BoxError> {
    if wanted.is_empty() {
        return Err(Nothing.into());
    }
    context.checks.expect(wanted.len());
    let mut running = JoinSet::new();
    for service in wanted {
        let (config, context) = (config.clone(), context.clone());
        match service {
            Service::SmdAuth => start(&mut running, smd_auth::run(config.into(), context)),
            Service::SmdFetcher => start(&mut running, smd_fetcher::run(config.into(), context)),
            Service::CsvExporter => start(&mut running, csv_exporter::run(config.into(), context)),
            Service::AiidaPermission => {
                start(&mut running, aiida_permission::run(config.into(), context));
            }
            Service::MqttIam => start(&mut running, mqtt_iam::run(config.into(), context)),
            Service::AiidaStream => start(&mut running, aiida_stream::run(config.into(), context)),
            Service::Console => start(&mut running, console::run(config.into(), context)),
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
