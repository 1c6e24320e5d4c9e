//! All concerns, each once; every service takes its part.

use pages::OperatorConfig;
use smd_client::GatewayConfig;

/// Configuration of everything.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// What the services share.
    #[command(flatten)]
    pub gateway: GatewayConfig,
    /// The pages of `smd-auth`.
    #[command(flatten)]
    pub pages: smd_auth::PagesConfig,
    /// Who is asking.
    #[command(flatten)]
    pub operator: OperatorConfig,
    /// The fetching of `smd-fetcher`.
    #[command(flatten)]
    pub fetch: smd_fetcher::FetchConfig,
    /// The download folder of `csv-exporter`.
    #[command(flatten)]
    pub output: csv_exporter::OutputConfig,
    /// What homes and households are told by `aiida-permission`.
    #[command(flatten)]
    pub facade: aiida_permission::FacadeConfig,
    /// How long permissions may take.
    #[command(flatten)]
    pub process: aiida_permission::ProcessConfig,
    /// The webhook of the eligible party.
    #[command(flatten)]
    pub webhook: aiida_permission::WebhookConfig,
    /// How `mqtt-iam` manages the broker.
    #[command(flatten)]
    pub iam: mqtt_iam::IamConfig,
    /// How `aiida-stream` reaches the broker.
    #[command(flatten)]
    pub broker: aiida_stream::BrokerConfig,
    /// How `aiida-stream` takes data in.
    #[command(flatten)]
    pub stream: aiida_stream::StreamConfig,
    /// How `aiida-stream` sends.
    #[command(flatten)]
    pub outbound: aiida_stream::OutboundConfig,
    /// Where the `console` is.
    #[command(flatten)]
    pub console: console::ConsoleConfig,
    /// How `aiida-stream` shows readings as they come.
    #[command(flatten)]
    pub live: aiida_stream::LiveConfig,
}

impl Config {
    /// Whether Share My Data is configured: there is a registration with PG&E.
    #[must_use]
    pub fn has_history(&self) -> bool {
        self.gateway.smd.is_configured()
    }

    /// Whether AIIDA is configured: homes are told where to come.
    #[must_use]
    pub fn has_near_real_time(&self) -> bool {
        self.facade.is_configured()
    }
}

impl From<Config> for smd_auth::Config {
    fn from(
        Config {
            gateway,
            pages,
            operator,
            ..
        }: Config,
    ) -> Self {
        Self {
            pages,
            operator,
            gateway,
        }
    }
}

impl From<Config> for smd_fetcher::Config {
    fn from(Config { gateway, fetch, .. }: Config) -> Self {
        Self { fetch, gateway }
    }
}

impl From<Config> for csv_exporter::Config {
    fn from(
        Config {
            gateway, output, ..
        }: Config,
    ) -> Self {
        let GatewayConfig {
            database,
            history,
            retention,
            ..
        } = gateway;
        Self {
            output,
            database,
            history,
            retention,
        }
    }
}

impl From<Config> for aiida_permission::Config {
    fn from(config: Config) -> Self {
        Self {
            facade: config.facade,
            process: config.process,
            webhook: config.webhook,
            operator: config.operator,
            database: config.gateway.database,
        }
    }
}

impl From<Config> for mqtt_iam::Config {
    fn from(config: Config) -> Self {
        Self {
            iam: config.iam,
            database: config.gateway.database,
        }
    }
}

impl From<Config> for aiida_stream::Config {
    fn from(config: Config) -> Self {
        Self {
            database: config.gateway.database,
            broker: config.broker,
            stream: config.stream,
            outbound: config.outbound,
            live: config.live,
        }
    }
}

impl From<Config> for console::Config {
    fn from(config: Config) -> Self {
        let GatewayConfig {
            database,
            smd,
            budget,
            retention,
            ..
        } = config.gateway;
        Self {
            console: config.console,
            database,
            output: config.output,
            retention,
            budget,
            certificate: console::CertificateConfig {
                certificate: smd.certificate,
            },
        }
    }
}
