//! Every setting of the custodian's side, and what it means when it is wrong.
//!
//! The names of PG&E's model application keep working (`CLIENT_ID`, `SMD_AUTH_BASE_URL`, …), with
//! the values it takes: a complete authorization page, a complete token endpoint, a bare host for
//! the API. Bare hosts are completed with PG&E's documented paths, slashes at the end are harmless.

mod error;
mod settings;

use std::path::PathBuf;

pub use error::ConfigError;
pub(crate) use settings::Settings;

use crate::tokens::Secret;

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
    #[arg(
        long = "smd-client-secret",
        env = "CLIENT_SECRET",
        hide_env_values = true
    )]
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

    /// Seconds to wait for the head of an answer, for each next piece of its body, and for the whole of
    /// any answer but readings. Too low breaks off answers the custodian takes long to assemble; too
    /// high holds a worker. A customer who comes back with a code waits 25 seconds at most.
    #[arg(
        long = "smd-request-timeout",
        env = "METERGATE_SMD_REQUEST_TIMEOUT_SECONDS",
        default_value_t = 60
    )]
    pub request_timeout_seconds: u64,

    /// Seconds that a whole answer of readings may take.
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
