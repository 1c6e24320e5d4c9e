//! What can be set, from flags or from the environment: one struct per concern. The comment on a
//! field is its manual.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use service_kit::secret::Secret;
use url::Url;

/// Everything the sandbox custodian can be told.
#[derive(Debug, Clone, Parser)]
#[command(name = "custodian", about = "Stands in for PG&E Share My Data")]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub listen: ListenConfig,
    /// Who may ask.
    #[command(flatten)]
    pub client: ClientConfig,
    /// How it notifies.
    #[command(flatten)]
    pub notifications: NotificationConfig,
    /// Which of the known variants of PG&E it shows.
    #[command(flatten)]
    pub behaviour: BehaviourConfig,
    /// What it refuses when asked too often.
    #[command(flatten)]
    pub limits: LimitConfig,
}

/// Addresses and certificates of the two listeners.
#[derive(Debug, Clone, Args)]
pub struct ListenConfig {
    /// Address of the customer's pages. Port 0 takes a free one.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_PAGES",
        default_value = "127.0.0.1:8460"
    )]
    pub pages: SocketAddr,
    /// Address of the API: tokens and resources, always TLS. Port 0 takes a free one.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_API",
        default_value = "127.0.0.1:8461"
    )]
    pub api: SocketAddr,
    /// Server certificate of the API (PEM, with its chain).
    #[arg(long, env = "METERGATE_CUSTODIAN_TLS_CERTIFICATE")]
    pub tls_certificate: PathBuf,
    /// Private key of that certificate (PEM).
    #[arg(long, env = "METERGATE_CUSTODIAN_TLS_KEY")]
    pub tls_key: PathBuf,
    /// Serve the pages with the same certificate; without it they are plain HTTP.
    #[arg(long, env = "METERGATE_CUSTODIAN_PAGES_TLS")]
    pub pages_tls: bool,
    /// What the API is called in links, without a path. Default: `https://localhost:{port}`. A
    /// client that only follows links on its configured host needs the name it was configured with.
    #[arg(long, env = "METERGATE_CUSTODIAN_API_BASE")]
    pub api_base: Option<Url>,
    /// A file to write the bound addresses to, as JSON `{"pages": URL, "api": URL}`.
    #[arg(long, env = "METERGATE_CUSTODIAN_ADDRESS_FILE")]
    pub address_file: Option<PathBuf>,
}

/// One registered third party by flags, any number by file.
#[derive(Debug, Clone, Args)]
pub struct ClientConfig {
    /// Client id, 32 characters.
    #[arg(long, env = "METERGATE_CUSTODIAN_CLIENT_ID", requires_all = ["client_secret", "redirect_uri", "client_certificate"])]
    pub client_id: Option<String>,
    /// Client secret.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_CLIENT_SECRET",
        hide_env_values = true
    )]
    pub client_secret: Option<Secret>,
    /// Name on the customer's pages.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_CLIENT_NAME",
        default_value = "Metergate"
    )]
    pub client_name: String,
    /// Registered redirect URIs, separated by commas; compared letter by letter.
    #[arg(long, env = "METERGATE_CUSTODIAN_REDIRECT_URI", value_delimiter = ',')]
    pub redirect_uri: Vec<String>,
    /// Where notifications are posted. Without it there are none, and a batch answered with 202
    /// can only be found by asking again.
    #[arg(long, env = "METERGATE_CUSTODIAN_NOTIFICATION_URI")]
    pub notification_uri: Option<Url>,
    /// Where a customer who starts at the custodian is sent.
    #[arg(long, env = "METERGATE_CUSTODIAN_PORTAL_URI")]
    pub portal_uri: Option<Url>,
    /// Registered client certificates (PEM), separated by commas: two while one replaces the other.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_CLIENT_CERTIFICATE",
        value_delimiter = ','
    )]
    pub client_certificate: Vec<PathBuf>,
    /// Token for the third party's own registration, `ApplicationInformation`; without it nobody
    /// may see that.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_REGISTRATION_TOKEN",
        hide_env_values = true
    )]
    pub registration_token: Option<Secret>,
    /// More third parties: a JSON array of objects with the fields `client_id`, `client_secret`,
    /// `name`, `redirect_uris`, `notification_uri`, `portal_uri`,
    /// `registration_token`, `certificates` (paths).
    #[arg(long, env = "METERGATE_CUSTODIAN_CLIENTS")]
    pub clients: Option<PathBuf>,
}

/// How notifications leave.
#[derive(Debug, Clone, Args)]
pub struct NotificationConfig {
    /// Certificate authorities (PEM) that notification targets are verified against; the system's
    /// when absent.
    #[arg(long, env = "METERGATE_CUSTODIAN_NOTIFY_CA")]
    pub notify_ca: Option<PathBuf>,
    /// Milliseconds between a 202 and its notification. PG&E takes 10 to 120 s.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_NOTIFY_DELAY_MS",
        default_value_t = 10_000
    )]
    pub notify_delay_ms: u64,
    /// How often a notification is tried before it is given up.
    #[arg(long, env = "METERGATE_CUSTODIAN_NOTIFY_ATTEMPTS", default_value_t = 5)]
    pub notify_attempts: u32,
    /// Milliseconds before the second attempt; doubled for each further one.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_NOTIFY_RETRY_MS",
        default_value_t = 1_000
    )]
    pub notify_retry_ms: u64,
    /// Name the first link of a batch's notification twice, and add one with an all-zero
    /// correlation id that leads nowhere: both are seen at PG&E.
    #[arg(long, env = "METERGATE_CUSTODIAN_NOTIFY_NOISE")]
    pub notify_noise: bool,
}

/// The query parameter that carries the code back to the third party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CodeParameter {
    /// `code`, as RFC 6749 has it.
    Code,
    /// `authorization_code`, as one source names it.
    #[value(name = "authorization_code")]
    AuthorizationCode,
}

impl CodeParameter {
    /// The parameter's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::AuthorizationCode => "authorization_code",
        }
    }
}

/// How `expires_in` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExpiresIn {
    /// `3600`
    Number,
    /// `"3600"`
    String,
}

/// The status that answers an expired token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExpiredToken {
    /// 401
    #[value(name = "401")]
    Unauthorized,
    /// 403
    #[value(name = "403")]
    Forbidden,
}

/// The status that refuses a request that came too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ThrottleStatus {
    /// 429
    #[value(name = "429")]
    TooManyRequests,
    /// 503
    #[value(name = "503")]
    ServiceUnavailable,
}

/// How a client token is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientTokenFormat {
    /// As JSON.
    Json,
    /// As XML.
    Xml,
}

/// Which usage point batches are answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Asynchronous {
    /// Those of the customers that are there to show it.
    PerCustomer,
    /// All.
    Always,
    /// None.
    Never,
}

/// The variants of PG&E's behaviour.
#[derive(Debug, Clone, Args)]
pub struct BehaviourConfig {
    /// Seed of customers, numbers and readings.
    #[arg(long, env = "METERGATE_CUSTODIAN_SEED", default_value_t = 1)]
    pub seed: u64,
    /// So many more customers who are all alike, with the keys `crowd-1`, `crowd-2`…
    #[arg(long, env = "METERGATE_CUSTODIAN_CROWD", default_value_t = 0)]
    pub crowd: u16,
    /// As many more whose batches come later, with the keys `later-1`, `later-2`…
    #[arg(long, env = "METERGATE_CUSTODIAN_CROWD_LATER", default_value_t = 0)]
    pub crowd_later: u16,
    /// The last complete local day with data lies this many days back (PG&E: 2 to 5). 0 is today,
    /// which is then complete before its evening.
    #[arg(long, env = "METERGATE_CUSTODIAN_LAG_DAYS", default_value_t = 3)]
    pub lag_days: u16,
    /// Parameter that carries the authorization code.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_CODE_PARAMETER",
        value_enum,
        default_value = "code"
    )]
    pub code_parameter: CodeParameter,
    /// How `expires_in` is written.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_EXPIRES_IN",
        value_enum,
        default_value = "number"
    )]
    pub expires_in: ExpiresIn,
    /// Status for an expired token.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_EXPIRED_STATUS",
        value_enum,
        default_value = "401"
    )]
    pub expired: ExpiredToken,
    /// How a client token is written.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_CLIENT_TOKEN",
        value_enum,
        default_value = "json"
    )]
    pub client_token: ClientTokenFormat,
    /// Which usage point batches are answered with 202.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_ASYNCHRONOUS",
        value_enum,
        default_value = "per-customer"
    )]
    pub asynchronous: Asynchronous,
    /// Seconds for which an authorization code is good.
    #[arg(long, env = "METERGATE_CUSTODIAN_CODE_SECONDS", default_value_t = 600)]
    pub code_seconds: u32,
    /// Seconds for which access and client tokens are good.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_ACCESS_SECONDS",
        default_value_t = 3_600
    )]
    pub access_seconds: u32,
    /// Seconds for which a refresh token is good.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_REFRESH_SECONDS",
        default_value_t = 31_536_000
    )]
    pub refresh_seconds: u32,
}

/// PG&E's limits; 0 lifts one.
#[derive(Debug, Clone, Args)]
pub struct LimitConfig {
    /// Requests per second and third party, over all its client ids.
    #[arg(long, env = "METERGATE_CUSTODIAN_PER_SECOND", default_value_t = 1)]
    pub per_second: u32,
    /// Requests per clock hour and client id.
    #[arg(long, env = "METERGATE_CUSTODIAN_PER_HOUR", default_value_t = 2_000)]
    pub per_hour: u32,
    /// Requests per day and client id; the day begins at 17:00 Pacific time.
    #[arg(long, env = "METERGATE_CUSTODIAN_PER_DAY", default_value_t = 20_000)]
    pub per_day: u32,
    /// Milliseconds by which the second is shortened, because requests that leave a second apart
    /// do not arrive exactly so.
    #[arg(long, env = "METERGATE_CUSTODIAN_TOLERANCE_MS", default_value_t = 50)]
    pub tolerance_ms: u32,
    /// Status of a refusal.
    #[arg(
        long,
        env = "METERGATE_CUSTODIAN_THROTTLE_STATUS",
        value_enum,
        default_value = "429"
    )]
    pub throttle_status: ThrottleStatus,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Config::command().debug_assert();
    }

    #[test]
    fn a_client_needs_its_certificate() {
        let base = [
            "custodian",
            "--tls-certificate",
            "a",
            "--tls-key",
            "b",
            "--client-id",
            "x",
        ];
        let error = Config::try_parse_from(base).unwrap_err().to_string();
        assert!(error.contains("--client-certificate"), "{error}");
    }
}
