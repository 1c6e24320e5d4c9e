//! Every setting of the custodian's side, and what it means when it is wrong.
//!
//! The names of PG&E's model application keep working (`CLIENT_ID`, `SMD_AUTH_BASE_URL`, …), with
//! the values it takes: a complete authorization page, a complete token endpoint, a bare host for
//! the API. Bare hosts are completed with PG&E's documented paths, slashes at the end are harmless.

use std::{path::PathBuf, time::Duration};

use url::Url;

use crate::{endpoints, tokens::Secret};

/// PG&E's authorization page.
pub const PGE_AUTHORIZE_URL: &str = "https://sharemydata.pge.com/myAuthorization";
/// PG&E's host for tokens and data.
pub const PGE_API_URL: &str = "https://api.pge.com";

/// How parameters reach the token endpoint. PG&E takes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum TokenForm {
    /// In a form body (RFC 6749).
    #[default]
    Form,
    /// In the query, with an empty body, as the model application does. Codes and refresh tokens
    /// then appear in access logs on the way: use it only where the form is refused.
    Query,
}

/// How `published-min` and `published-max` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum WindowFormat {
    /// Seconds since 1970, as `1571184000`.
    #[default]
    Epoch,
    /// `2019-10-16T00:00:00Z`.
    Iso8601,
}

/// The custodian's side of the configuration.
///
/// Missing or wrong values are reported by [`crate::Client::new`], each with the name of its
/// variable, so that commands that never call the custodian run without them.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Share My Data")]
pub struct SmdConfig {
    /// The client id that the Share My Data portal shows for this application (32 characters at
    /// PG&E). Required.
    #[arg(long = "smd-client-id", env = "CLIENT_ID")]
    pub client_id: Option<String>,

    /// The client secret of the portal. Required, here or in `CLIENT_SECRET_FILE`; not in both.
    #[arg(long = "smd-client-secret", env = "CLIENT_SECRET", hide_env_values = true, value_parser = secret)]
    pub client_secret: Option<Secret>,

    /// A file that holds the client secret, for container secrets. A line break at its end does
    /// not count.
    #[arg(long = "smd-client-secret-file", env = "CLIENT_SECRET_FILE")]
    pub client_secret_file: Option<PathBuf>,

    /// The complete address of the custodian's authorization page, where the customer's browser
    /// goes. A bare host gets PG&E's `/myAuthorization`.
    #[arg(long = "smd-authorize-url", env = "SMD_AUTH_BASE_URL", default_value = PGE_AUTHORIZE_URL)]
    pub authorize_url: String,

    /// Our own public address, as `https://energy.example.com`; the customer comes back to its
    /// `/OAuthCallback`, which must be registered in the portal letter by letter. Required.
    #[arg(long = "smd-redirect-base-url", env = "REDIRECT_BASE_URL")]
    pub redirect_base_url: Option<String>,

    /// The custodian's API host, as `https://api.pge.com`. Resources are looked for under
    /// `/GreenButtonConnect/espi/1_1/resource` there; an address that ends in `/resource` is taken
    /// as it is. Links in notifications are followed under this address only.
    #[arg(long = "smd-api-url", env = "PGE_API_BASE_URL", default_value = PGE_API_URL)]
    pub api_base_url: String,

    /// The complete address of the token endpoint. A bare host gets PG&E's
    /// `/datacustodian/oauth/v2/token`. Default: that path on the API's host. For PG&E's onboarding
    /// test: `https://api.pge.com/datacustodian/test/oauth/v2/token`.
    #[arg(long = "smd-token-url", env = "PGE_API_BASE_TOKEN_URL")]
    pub token_url: Option<String>,

    /// Our client certificate with its chain, PEM, leaf first. It must be from a public authority
    /// and be uploaded in the portal. A replaced file is picked up within a minute.
    #[arg(
        long = "smd-certificate",
        env = "METERGATE_SMD_CERTIFICATE",
        default_value = "ssl/certs/certificate.crt"
    )]
    pub certificate: PathBuf,

    /// The certificate's private key, PEM, without a password.
    #[arg(
        long = "smd-private-key",
        env = "METERGATE_SMD_PRIVATE_KEY",
        default_value = "ssl/private/private.key"
    )]
    pub private_key: PathBuf,

    /// Further authorities to trust for the custodian's own certificate, PEM, besides the system's.
    #[arg(long = "smd-extra-ca", env = "METERGATE_SMD_EXTRA_CA")]
    pub extra_ca: Option<PathBuf>,

    /// Whether token parameters travel in a form body or in the query.
    #[arg(
        long = "smd-token-form",
        env = "METERGATE_SMD_TOKEN_FORM",
        value_enum,
        default_value_t
    )]
    pub token_form: TokenForm,

    /// How the limits of a window are written.
    #[arg(
        long = "smd-window-format",
        env = "METERGATE_SMD_WINDOW_FORMAT",
        value_enum,
        default_value_t
    )]
    pub window_format: WindowFormat,

    /// What to ask for in the authorization request's `scope`, as
    /// `PreferredAuthEndDate=1893456000` (epoch seconds). Nothing by default: the customer chooses
    /// on PG&E's page.
    #[arg(
        long = "smd-authorization-scope",
        env = "METERGATE_SMD_AUTHORIZATION_SCOPE"
    )]
    pub authorization_scope: Option<String>,

    /// Seconds to wait for the head of an answer, and for each next piece of its body. Too low
    /// breaks off answers the custodian takes long to assemble; too high holds a worker.
    #[arg(
        long = "smd-request-timeout",
        env = "METERGATE_SMD_REQUEST_TIMEOUT_SECONDS",
        default_value_t = 60
    )]
    pub request_timeout_seconds: u64,

    /// Seconds a whole answer may take, body included.
    #[arg(
        long = "smd-transfer-timeout",
        env = "METERGATE_SMD_TRANSFER_TIMEOUT_SECONDS",
        default_value_t = 900
    )]
    pub transfer_timeout_seconds: u64,

    /// Longest body of readings accepted, in bytes. It is streamed, so this bounds time and disk,
    /// not memory; 28 days of quarter hours in both directions are about 3 MB.
    #[arg(long = "smd-max-body", env = "METERGATE_SMD_MAX_BODY_BYTES", default_value_t = 512 * 1024 * 1024)]
    pub max_body_bytes: u64,

    /// Seconds to wait for a turn of the request budget before giving the work back.
    #[arg(
        long = "smd-longest-wait",
        env = "METERGATE_SMD_LONGEST_WAIT_SECONDS",
        default_value_t = 5
    )]
    pub longest_wait_seconds: u64,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(text.into())
}

impl Default for SmdConfig {
    /// PG&E's production hosts, without credentials.
    fn default() -> Self {
        Self {
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            authorize_url: PGE_AUTHORIZE_URL.to_owned(),
            redirect_base_url: None,
            api_base_url: PGE_API_URL.to_owned(),
            token_url: None,
            certificate: "ssl/certs/certificate.crt".into(),
            private_key: "ssl/private/private.key".into(),
            extra_ca: None,
            token_form: TokenForm::default(),
            window_format: WindowFormat::default(),
            authorization_scope: None,
            request_timeout_seconds: 60,
            transfer_timeout_seconds: 900,
            max_body_bytes: 512 * 1024 * 1024,
            longest_wait_seconds: 5,
        }
    }
}

/// A setting that cannot work, with its variable and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required value is absent or empty.
    #[error("{variable} is not set: {remedy}")]
    Missing {
        /// The environment variable.
        variable: &'static str,
        /// What to put there.
        remedy: &'static str,
    },
    /// An address that is none, or that would send secrets in the clear.
    #[error("{variable}: {reason}")]
    Address {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// Another value out of its range.
    #[error("{variable}: {reason}")]
    Value {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The client secret is missing, is given twice, or its file cannot be read.
    #[error("{0}: the client secret stands in the Share My Data portal")]
    Secret(#[from] service_kit::secret::SecretError),
    /// Certificate, key or authorities that cannot be used.
    #[error(transparent)]
    Certificate(#[from] crate::certificate::CertificateError),
    /// The TLS client could not be built from them.
    #[error("the TLS client for the custodian could not be built: {0}")]
    Tls(String),
}

/// The configuration after parsing: every address complete, every secret read.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) redirect_uri: Url,
    pub(crate) authorize: Url,
    pub(crate) token: Url,
    pub(crate) resources: Url,
    pub(crate) token_form: TokenForm,
    pub(crate) window_format: WindowFormat,
    pub(crate) authorization_scope: Option<String>,
    pub(crate) max_body: u64,
    pub(crate) longest_wait: Duration,
}

impl SmdConfig {
    /// Checks everything that can be checked without the custodian. Certificate files are read by
    /// [`crate::Client::new`].
    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let client_id = filled(self.client_id.as_deref()).ok_or(ConfigError::Missing {
            variable: "CLIENT_ID",
            remedy: "copy the client id from the Share My Data portal",
        })?;
        let redirect = filled(self.redirect_base_url.as_deref()).ok_or(ConfigError::Missing {
            variable: "REDIRECT_BASE_URL",
            remedy: "write our public address, as https://energy.example.com",
        })?;
        let resources = endpoints::resources(&self.api_base_url)?;
        let token = match filled(self.token_url.as_deref()) {
            Some(text) => endpoints::token(text)?,
            None => endpoints::token_beside(&resources),
        };
        for (variable, seconds) in [
            (
                "METERGATE_SMD_REQUEST_TIMEOUT_SECONDS",
                self.request_timeout_seconds,
            ),
            (
                "METERGATE_SMD_TRANSFER_TIMEOUT_SECONDS",
                self.transfer_timeout_seconds,
            ),
            ("METERGATE_SMD_MAX_BODY_BYTES", self.max_body_bytes),
        ] {
            if seconds == 0 {
                let reason = "0 would break off every answer: write a larger number".to_owned();
                return Err(ConfigError::Value { variable, reason });
            }
        }
        Ok(Settings {
            client_id: client_id.to_owned(),
            client_secret: self.secret()?,
            redirect_uri: endpoints::redirect(redirect)?,
            authorize: endpoints::authorize(&self.authorize_url)?,
            token,
            resources,
            token_form: self.token_form,
            window_format: self.window_format,
            authorization_scope: filled(self.authorization_scope.as_deref()).map(str::to_owned),
            max_body: self.max_body_bytes,
            longest_wait: Duration::from_secs(self.longest_wait_seconds),
        })
    }

    fn secret(&self) -> Result<Secret, ConfigError> {
        use service_kit::secret::{ExposeSecret, read};
        let secret = read(
            "CLIENT_SECRET",
            self.client_secret.as_ref(),
            self.client_secret_file.as_deref(),
        )?;
        if secret.expose_secret().trim().is_empty() {
            return Err(ConfigError::Missing {
                variable: "CLIENT_SECRET",
                remedy: "copy the client secret from the Share My Data portal",
            });
        }
        Ok(secret)
    }
}

/// Compose files set variables to nothing; that is not a value.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        smd: SmdConfig,
    }

    fn complete() -> SmdConfig {
        SmdConfig {
            client_id: Some("0123456789abcdef0123456789abcdef".into()),
            client_secret: Some("tell-nobody".into()),
            redirect_base_url: Some("https://energy.example.com/".into()),
            ..SmdConfig::default()
        }
    }

    fn refusal(change: impl FnOnce(&mut SmdConfig)) -> String {
        let mut config = complete();
        change(&mut config);
        config.settings().unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_well_formed_and_defaults_to_production() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        let cli = Cli::parse_from(["test", "--smd-client-secret", "tell-nobody"]);
        let plain = SmdConfig::default();
        assert_eq!(cli.smd.authorize_url, plain.authorize_url);
        assert_eq!(cli.smd.api_base_url, plain.api_base_url);
        assert_eq!(cli.smd.certificate, plain.certificate);
        assert_eq!(cli.smd.private_key, plain.private_key);
        assert_eq!(cli.smd.token_form, plain.token_form);
        assert_eq!(cli.smd.window_format, plain.window_format);
        assert_eq!(
            cli.smd.request_timeout_seconds,
            plain.request_timeout_seconds
        );
        assert_eq!(
            cli.smd.transfer_timeout_seconds,
            plain.transfer_timeout_seconds
        );
        assert_eq!(cli.smd.max_body_bytes, plain.max_body_bytes);
        assert_eq!(cli.smd.longest_wait_seconds, plain.longest_wait_seconds);
        assert!(!format!("{:?}", cli.smd).contains("tell-nobody"));
    }

    #[test]
    fn completes_every_address() {
        let settings = complete().settings().unwrap();
        assert_eq!(
            settings.authorize.as_str(),
            "https://sharemydata.pge.com/myAuthorization"
        );
        assert_eq!(
            settings.token.as_str(),
            "https://api.pge.com/datacustodian/oauth/v2/token"
        );
        assert_eq!(
            settings.resources.as_str(),
            "https://api.pge.com/GreenButtonConnect/espi/1_1/resource"
        );
        assert_eq!(
            settings.redirect_uri.as_str(),
            "https://energy.example.com/OAuthCallback"
        );
    }

    #[test]
    fn names_the_variable_and_the_remedy() {
        let missing_id = refusal(|it| it.client_id = Some("  ".into()));
        assert!(
            missing_id.starts_with("CLIENT_ID is not set: copy"),
            "{missing_id}"
        );
        let missing_secret = refusal(|it| it.client_secret = None);
        assert!(
            missing_secret.contains("CLIENT_SECRET_FILE"),
            "{missing_secret}"
        );
        assert!(refusal(|it| it.redirect_base_url = None).starts_with("REDIRECT_BASE_URL"));
        let clear = refusal(|it| it.api_base_url = "http://api.pge.com".into());
        assert!(
            clear.starts_with("PGE_API_BASE_URL") && clear.contains("https"),
            "{clear}"
        );
        assert!(
            refusal(|it| it.token_url = Some("token".into())).starts_with("PGE_API_BASE_TOKEN_URL")
        );
        assert!(refusal(|it| it.authorize_url = "ftp://x".into()).starts_with("SMD_AUTH_BASE_URL"));
        assert!(refusal(|it| it.max_body_bytes = 0).starts_with("METERGATE_SMD_MAX_BODY_BYTES"));
    }

    #[test]
    fn reads_the_secret_from_a_file_but_not_from_two_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "from-file\n").unwrap();
        let mut config = complete();
        config.client_secret_file = Some(path.clone());
        assert!(
            config
                .settings()
                .unwrap_err()
                .to_string()
                .contains("keep one")
        );
        config.client_secret = None;
        assert_eq!(
            config.settings().unwrap().client_secret.expose_secret(),
            "from-file"
        );
        std::fs::write(&path, " \n").unwrap();
        assert!(
            config
                .settings()
                .unwrap_err()
                .to_string()
                .starts_with("CLIENT_SECRET is not set")
        );
        config.client_secret_file = Some(folder.path().join("none"));
        assert!(
            config
                .settings()
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
