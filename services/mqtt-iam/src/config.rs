//! What this service is configured with.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use service_kit::secret::{Secret, SecretError};
use storage::DatabaseConfig;
use url::Url;

/// Where the broker is managed.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Management interface of the broker")]
pub struct BrokerApiConfig {
    /// Base address of EMQX's REST interface, as `http://emqx:18083`; `/api/v5` is added. Plain http only inside one
    /// machine or a private network: the secret goes with every request.
    #[arg(
        long,
        env = "METERGATE_BROKER_API_URL",
        default_value = "http://127.0.0.1:18083"
    )]
    pub broker_api_url: String,

    /// API key, from the broker's bootstrap file of keys (`infra/emqx`).
    #[arg(long, env = "METERGATE_BROKER_API_KEY")]
    pub broker_api_key: Option<String>,

    /// Its secret.
    #[arg(long, env = "METERGATE_BROKER_API_SECRET", hide_env_values = true)]
    pub broker_api_secret: Option<Secret>,

    /// A file with the secret instead.
    #[arg(long, env = "METERGATE_BROKER_API_SECRET_FILE")]
    pub broker_api_secret_file: Option<PathBuf>,

    /// PEM file of the authority that signed the interface's certificate, when that is a private one.
    #[arg(long, env = "METERGATE_BROKER_API_CA")]
    pub broker_api_ca: Option<PathBuf>,

    /// Seconds for one request. Too low, and a busy broker's list of clients never arrives; too high, and a dead
    /// one holds revocations up.
    #[arg(long, env = "METERGATE_BROKER_API_TIMEOUT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub broker_api_timeout_seconds: u64,
}

/// What only this service needs.
#[derive(Debug, Clone, clap::Args)]
pub struct IamConfig {
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerApiConfig,
    /// Homes let in, and homes shut out, at the same time. A home waits for its grant; more than there are database
    /// connections only makes them wait for each other.
    #[arg(
        id = "mqtt_iam_concurrency",
        long = "mqtt-iam-concurrency",
        env = "METERGATE_MQTT_IAM_CONCURRENCY",
        default_value_t = 6,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=64)
    )]
    pub concurrency: usize,
}

/// Configuration of `mqtt-iam`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Broker and concurrency.
    #[command(flatten)]
    pub iam: IamConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

impl Config {
    /// Looks at what parsing does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        crate::broker::Broker::new(&self.iam.broker).map(drop)
    }
}

/// A setting that cannot work, with its variable and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address is none, or none of a management interface.
    #[error("METERGATE_BROKER_API_URL: {0}")]
    Url(String),
    /// There is no key.
    #[error(
        "METERGATE_BROKER_API_KEY is not set: write the key from the broker's bootstrap file of keys"
    )]
    Key,
    /// The secret is missing, is given twice, or its file cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The authority's file.
    #[error("METERGATE_BROKER_API_CA names {path}, which is no readable PEM file: {reason}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be built.
    #[error("the client for the broker's management interface could not be built: {0}")]
    Client(String),
}

/// The configuration after parsing: the address complete, the secret read.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// With a path that ends in `/api/v5`.
    pub(crate) base: Url,
    pub(crate) key: String,
    pub(crate) secret: Secret,
    pub(crate) authority: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

impl BrokerApiConfig {
    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let key = self.broker_api_key.as_deref().map(str::trim);
        let secret = service_kit::secret::read(
            "METERGATE_BROKER_API_SECRET",
            self.broker_api_secret.as_ref(),
            self.broker_api_secret_file.as_deref(),
        )?;
        let authority = self.broker_api_ca.clone();
        Ok(Settings {
            base: base(self.broker_api_url.trim())?,
            key: key
                .filter(|key| !key.is_empty())
                .ok_or(ConfigError::Key)?
                .to_owned(),
            secret,
            authority: authority.filter(|path| !path.as_os_str().is_empty()),
            timeout: Duration::from_secs(self.broker_api_timeout_seconds),
        })
    }
}

/// The address of the interface's version 5, without a slash at its end.
fn base(text: &str) -> Result<Url, ConfigError> {
    let refused = |reason: &str| Err(ConfigError::Url(reason.to_owned()));
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            return refused(&format!(
                "{error}: write an address such as http://emqx:18083"
            ));
        }
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refused("write an http or https address such as http://emqx:18083");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused(
            "key and secret do not belong in the address: use METERGATE_BROKER_API_KEY and _SECRET",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("write the address without a query or fragment");
    }
    if url.path().trim_end_matches('/').ends_with("/api/v5") {
        return refused("write the address without /api/v5: it is added");
    }
    let Ok(mut path) = url.path_segments_mut() else {
        return refused("write an address such as http://emqx:18083");
    };
    path.pop_if_empty().extend(["api", "v5"]);
    drop(path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use service_kit::secret::ExposeSecret as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn parsed(arguments: &[&str]) -> Config {
        let base = ["test", "--database-url", "postgres://localhost/x"];
        let key: &[&str] = if arguments.contains(&"--broker-api-key") {
            &[]
        } else {
            &["--broker-api-key", "metergate"]
        };
        Cli::parse_from(base.iter().chain(key).chain(arguments)).config
    }

    fn refusal(arguments: &[&str]) -> String {
        let with_secret: Vec<_> = arguments
            .iter()
            .copied()
            .chain(["--broker-api-secret", "tell-nobody"])
            .collect();
        parsed(&with_secret).check().unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_well_formed_and_keeps_the_secret() {
        service_kit::program::Program::new("mqtt-iam", "")
            .command::<Config>()
            .debug_assert();
        let config = parsed(&["--broker-api-secret", "tell-nobody"]);
        config.check().unwrap();
        assert!(!format!("{config:?}").contains("tell-nobody"));
        let settings = config.iam.broker.settings().unwrap();
        assert_eq!(settings.base.as_str(), "http://127.0.0.1:18083/api/v5");
        assert!(!format!("{settings:?}").contains("tell-nobody"));
    }

    #[test]
    fn addresses_are_completed_or_refused() {
        for (given, complete) in [
            ("https://emqx.example/", "https://emqx.example/api/v5"),
            (
                "https://emqx.example/broker/",
                "https://emqx.example/broker/api/v5",
            ),
            ("http://[::1]:18083", "http://[::1]:18083/api/v5"),
        ] {
            assert_eq!(base(given).unwrap().as_str(), complete);
        }
        for wrong in [
            "",
            "emqx:18083",
            "ftp://emqx",
            "mqtt://emqx:1883",
            "file:///etc/emqx",
            "http://key:secret@emqx:18083",
            "http://emqx:18083?x=1",
            "http://emqx:18083#x",
            "http://emqx:18083/api/v5/",
        ] {
            let message = refusal(&["--broker-api-url", wrong]);
            assert!(
                message.starts_with("METERGATE_BROKER_API_URL: "),
                "{wrong}: {message}"
            );
            assert!(!message.contains("secret@"), "{message}");
        }
    }

    #[test]
    fn the_key_and_one_secret_are_needed() {
        assert!(refusal(&["--broker-api-key", " "]).starts_with("METERGATE_BROKER_API_KEY"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "from-file\n").unwrap();
        let path = file.to_str().unwrap();
        let config = parsed(&["--broker-api-secret-file", path]);
        let settings = config.iam.broker.settings().unwrap();
        assert_eq!(settings.secret.expose_secret(), "from-file");
        assert!(refusal(&["--broker-api-secret-file", path]).contains("keep one"));
        let none = parsed(&[]).check().unwrap_err().to_string();
        assert!(none.contains("METERGATE_BROKER_API_SECRET_FILE"), "{none}");
    }

    #[test]
    fn an_authority_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, "not a certificate").unwrap();
        for path in [file, folder.path().join("none")] {
            let message = refusal(&["--broker-api-ca", path.to_str().unwrap()]);
            assert!(message.starts_with("METERGATE_BROKER_API_CA"), "{message}");
        }
    }
}
