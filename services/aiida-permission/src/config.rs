//! What this service is configured with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use pages::OperatorConfig;
use service_kit::secret::{Secret, SecretError};
use storage::DatabaseConfig;
use url::Url;

use crate::ServeError;
use crate::data_needs::DataNeeds;
use crate::tokens::Tokens;

/// What homes and households meet.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "AIIDA permission facade")]
pub struct FacadeConfig {
    /// Where the facade is served; nginx stands in front.
    #[arg(
        long = "aiida-permission-address",
        env = "METERGATE_AIIDA_PERMISSION_ADDRESS",
        default_value = "127.0.0.1:8081"
    )]
    pub aiida_permission_address: SocketAddr,

    /// Where homes reach this installation, `https://HOST`: the base of the handshake's address in every code. Only
    /// `https`, or `http` for trials on one machine.
    #[arg(long, env = "METERGATE_AIIDA_PUBLIC_URL")]
    pub aiida_public_url: Option<Url>,

    /// Signs the access tokens in the codes: 32 random bytes in base64 (`openssl rand -base64 32`). Several, separated
    /// by commas, change it: the first signs, all check. Codes that were signed with one that is not there any more
    /// stop to work.
    #[arg(long, env = "METERGATE_AIIDA_JWT_SECRET", hide_env_values = true)]
    pub aiida_jwt_secret: Option<Secret>,

    /// File that holds `METERGATE_AIIDA_JWT_SECRET`, instead of the variable.
    #[arg(long, env = "METERGATE_AIIDA_JWT_SECRET_FILE")]
    pub aiida_jwt_secret_file: Option<PathBuf>,

    /// Web sites of the eligible party, `https://HOST[:PORT]`, separated by commas: their pages may ask for permissions,
    /// and show the permission page in a frame. Without any, no browser lets another site's page do either; the
    /// permission page works all the same.
    #[arg(
        long,
        env = "METERGATE_AIIDA_ORIGINS",
        value_delimiter = ',',
        value_parser = origin
    )]
    pub aiida_origins: Vec<String>,

    /// File of data needs, a JSON array in EDDIE's format. Without it they are kept in the database and managed by
    /// the API.
    #[arg(long, env = "METERGATE_AIIDA_DATA_NEEDS")]
    pub aiida_data_needs: Option<PathBuf>,

    /// Cost of the bcrypt hash of a home's password, a power of two. The password is random, so 10 (about 70 ms) is
    /// enough; each step more doubles the time of an acceptance and of every connection to the broker.
    #[arg(
        long,
        env = "METERGATE_AIIDA_BCRYPT_COST",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(4..=16)
    )]
    pub aiida_bcrypt_cost: u32,

    /// The broker as homes reach it: `ssl://HOST:8883`, or `tcp://HOST:1883` without TLS.
    #[arg(long, env = "METERGATE_MQTT_HOMES_URL", value_parser = broker)]
    pub mqtt_homes_url: Option<String>,

    /// Seconds that an acceptance waits for the broker to know the home. A home does not try its first connection
    /// again; the answer is a success in any case. Together with the 20 s of trying before it, it must stay below what
    /// nginx waits for us (60 s).
    #[arg(
        long,
        env = "METERGATE_AIIDA_GRANT_SECONDS",
        default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=35)
    )]
    pub aiida_grant_seconds: u64,

    /// Whether permissions can be asked for without a key: by the connect button (`POST permission-request`) and on
    /// the page `/permissions/new`. Without, only the API asks, and gives the customer's page.
    #[arg(
        long,
        env = "METERGATE_AIIDA_PUBLIC_REQUESTS",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    pub aiida_public_requests: bool,

    /// Permissions that may wait for an answer before requests without a key are turned away; those that the API has
    /// asked for count, and it is never turned away. Too low, and customers are; too high, and a flood of requests
    /// fills the database for as long as a code is good.
    #[arg(
        long,
        env = "METERGATE_AIIDA_OPEN_PERMISSIONS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub aiida_open_permissions: u32,
}

/// What time does to permissions.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "AIIDA permission process")]
pub struct ProcessConfig {
    /// Hours that a code is good for; then the permission is `TIMED_OUT`.
    #[arg(
        long,
        env = "METERGATE_AIIDA_TIMEOUT_HOURS",
        default_value_t = 168,
        value_parser = clap::value_parser!(u32).range(1..=8760)
    )]
    pub aiida_timeout_hours: u32,

    /// Days that a home has to confirm a termination; then it is cut off at the broker all the same. Too low, and a
    /// home that was offline never learns why.
    #[arg(
        long,
        env = "METERGATE_AIIDA_TERMINATION_DAYS",
        default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=365)
    )]
    pub aiida_termination_days: u32,

    /// Minutes without any data, counted from when the first is due, after which the household's page says that the home seems not to be connected.
    #[arg(
        long,
        env = "METERGATE_AIIDA_SILENT_MINUTES",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=1440)
    )]
    pub aiida_silent_minutes: u32,

    /// Days that a permission is kept after its end, with its events; one whose readings are kept longer
    /// (`METERGATE_AIIDA_STREAM_RETENTION_DAYS`) stays as long as they do.
    #[arg(
        long,
        env = "METERGATE_AIIDA_RETENTION_DAYS",
        default_value_t = 90,
        value_parser = clap::value_parser!(u32).range(1..=36_500)
    )]
    pub aiida_retention_days: u32,
}

impl ProcessConfig {
    /// How long a code is good for.
    #[must_use]
    pub fn timeout(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.aiida_timeout_hours))
    }

    /// How long a home has to confirm a termination.
    #[must_use]
    pub fn termination(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.aiida_termination_days) * 24)
    }

    /// How long a permission is kept after its end.
    #[must_use]
    pub fn retention(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.aiida_retention_days) * 24)
    }

    /// How long an accepted permission may be without data.
    #[must_use]
    pub fn silence(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.aiida_silent_minutes))
    }
}

/// Where the eligible party is told of changes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Webhook of the eligible party")]
pub struct WebhookConfig {
    /// Each change of a permission's status is posted here. Without it, the eligible party asks the API.
    #[arg(long, env = "METERGATE_WEBHOOK_URL")]
    pub webhook_url: Option<Url>,

    /// Signs what is posted (HMAC-SHA-256), so that the receiver knows it is ours: any text of at least 32
    /// characters.
    #[arg(long, env = "METERGATE_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<Secret>,

    /// File that holds `METERGATE_WEBHOOK_SECRET`, instead of the variable.
    #[arg(long, env = "METERGATE_WEBHOOK_SECRET_FILE")]
    pub webhook_secret_file: Option<PathBuf>,
}

/// Configuration of `aiida-permission`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The facade.
    #[command(flatten)]
    pub facade: FacadeConfig,
    /// The process.
    #[command(flatten)]
    pub process: ProcessConfig,
    /// The webhook.
    #[command(flatten)]
    pub webhook: WebhookConfig,
    /// The operator.
    #[command(flatten)]
    pub operator: OperatorConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// A setting that parsing alone lets pass.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The public address.
    #[error(
        "METERGATE_AIIDA_PUBLIC_URL must be https://HOST or http://HOST, without query and fragment: homes are told to come back there"
    )]
    PublicUrl,
    /// A setting without which the facade cannot work.
    #[error("{variable} is not set: {remedy}")]
    Missing {
        /// Which.
        variable: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A secret that cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key of the access tokens.
    #[error(
        "METERGATE_AIIDA_JWT_SECRET must be 32 bytes in base64, or several such keys with commas between them: make one with `openssl rand -base64 32`"
    )]
    JwtSecret,
}

impl Config {
    /// Looks at what parsing does not; no effects.
    pub fn check(&self) -> Result<(), ServeError> {
        self.facade.settings()?;
        DataNeeds::load(self.facade.aiida_data_needs.as_deref())?;
        crate::webhook::check(&self.webhook)?;
        self.operator.load()?;
        Ok(())
    }

    pub(crate) const fn grant_wait(&self) -> Duration {
        Duration::from_secs(self.facade.aiida_grant_seconds)
    }
}

/// The facade's configuration after parsing.
pub(crate) struct Settings {
    /// Where homes reach us, without a slash at its end.
    pub(crate) public_url: String,
    /// The broker as homes reach it.
    pub(crate) homes_url: String,
    pub(crate) tokens: Tokens,
}

impl FacadeConfig {
    /// Whether AIIDA is configured at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.aiida_public_url.is_some()
    }

    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let homes_url = self.mqtt_homes_url.clone().ok_or(ConfigError::Missing {
            variable: "METERGATE_MQTT_HOMES_URL",
            remedy: "write the broker as homes reach it, as ssl://HOST:8883",
        })?;
        let secret = service_kit::secret::read(
            "METERGATE_AIIDA_JWT_SECRET",
            self.aiida_jwt_secret.as_ref(),
            self.aiida_jwt_secret_file.as_deref(),
        )?;
        Ok(Settings {
            public_url: self.public_url()?,
            homes_url,
            tokens: Tokens::new(&secret)?,
        })
    }

    fn public_url(&self) -> Result<String, ConfigError> {
        let url = self.aiida_public_url.as_ref().ok_or(ConfigError::Missing {
            variable: "METERGATE_AIIDA_PUBLIC_URL",
            remedy: "write where homes reach this installation, as https://HOST",
        })?;
        let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
        let is_bare = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !(is_web && is_bare) {
            return Err(ConfigError::PublicUrl);
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }
}

/// What a browser sends as `Origin`: scheme, host and port, nothing more.
fn origin(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let origin = url.origin().ascii_serialization();
    // It stands in a policy: a name of a host only, no `*` for many of them and nothing that ends a directive.
    let is_plain = |host: &str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    };
    let has_host = url.host_str().is_some_and(is_plain);
    if matches!(url.scheme(), "https" | "http") && has_host && origin == text {
        Ok(origin)
    } else {
        Err(format!(
            "{text:?} is no origin: write https://HOST or https://HOST:PORT"
        ))
    }
}

/// What a home's client takes as the address of a broker.
fn broker(text: &str) -> Result<String, String> {
    let wrong =
        || format!("{text:?} is no broker's address: write ssl://HOST:PORT or tcp://HOST:PORT");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_whole = url.has_host() && url.port().is_some();
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
    if matches!(url.scheme(), "ssl" | "tcp") && is_whole && is_bare {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use service_kit::program::Program;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Program::new("aiida-permission", "test")
            .command::<Config>()
            .debug_assert();
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for good in ["https://party.example", "http://127.0.0.1:9000"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        assert_eq!(
            origin(" https://party.example/").as_deref(),
            Ok("https://party.example")
        );
        for bad in [
            "*",
            "party.example",
            "https://party.example/path",
            "null",
            "ftp://party.example",
            "https://Party.example",
            "https://*.example",
            "https://party.example;script-src",
            "https://party.example'",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_broker_has_scheme_host_and_port() {
        for good in ["ssl://broker.example:8883", "tcp://127.0.0.1:1883"] {
            assert_eq!(broker(good).as_deref(), Ok(good));
        }
        for bad in [
            "mqtts://broker.example:8883",
            "ssl://broker.example",
            "broker.example:8883",
            "tcp://broker.example:1883/x",
        ] {
            assert!(broker(bad).is_err(), "{bad}");
        }
    }
}
