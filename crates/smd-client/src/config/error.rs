//! What can be wrong with a setting.

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
