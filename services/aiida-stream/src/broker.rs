//! How the eligible party's side reaches the MQTT broker: one set of settings for everything that comes in and
//! everything that goes out.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use service_kit::secret::{Secret, SecretError};
use url::Url;

/// The broker, and who we are there.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "MQTT broker")]
pub struct BrokerConfig {
    /// The listener for the eligible party: `mqtt://host:1883`, or `mqtts://host:8883` with TLS. Not the
    /// listener of the homes: that one binds client ids to usernames.
    #[arg(
        long,
        env = "METERGATE_MQTT_URL",
        default_value = "mqtt://127.0.0.1:1883"
    )]
    pub mqtt_url: BrokerUrl,

    /// Our username at the broker; it may do everything.
    #[arg(long, env = "METERGATE_MQTT_USERNAME")]
    pub mqtt_username: Option<String>,

    /// Our password at the broker.
    #[arg(long, env = "METERGATE_MQTT_PASSWORD", hide_env_values = true)]
    pub mqtt_password: Option<Secret>,

    /// File that holds `METERGATE_MQTT_PASSWORD`, instead of the variable.
    #[arg(long, env = "METERGATE_MQTT_PASSWORD_FILE")]
    pub mqtt_password_file: Option<PathBuf>,

    /// PEM file of the authority that signed the broker's certificate, for `mqtts`. Without it the
    /// authorities that this machine trusts.
    #[arg(long, env = "METERGATE_MQTT_CA")]
    pub mqtt_ca: Option<PathBuf>,
}

/// We are not known at the broker.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A password is of no use without the name.
    #[error(
        "METERGATE_MQTT_USERNAME is not set: write the user that the broker knows us by (for EMQX, in its bootstrap file of users)"
    )]
    Username,
    /// A name without its password, or a file that cannot be read.
    #[error(transparent)]
    Password(#[from] SecretError),
}

impl BrokerConfig {
    /// The same with the password read from its file, if it is in one.
    pub(crate) fn resolved(mut self) -> Result<Self, LoginError> {
        let username = self.mqtt_username.as_deref().map(str::trim);
        if username.is_none_or(str::is_empty) {
            return Err(LoginError::Username);
        }
        self.mqtt_password = Some(service_kit::secret::read(
            "METERGATE_MQTT_PASSWORD",
            self.mqtt_password.as_ref(),
            self.mqtt_password_file.as_deref(),
        )?);
        Ok(self)
    }
}

/// Where the broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    tls: bool,
    host: String,
    port: u16,
}

impl BrokerUrl {
    /// Whether the connection is encrypted (`mqtts`).
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 1883 or, with TLS, 8883 where the URL has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port with a scheme of somebody's own; an IPv6 address gets its brackets.
    #[must_use]
    pub fn with_scheme(&self, scheme: &str) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("{scheme}://[{host}]:{port}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_scheme(if self.tls { "mqtts" } else { "mqtt" }))
    }
}

/// Not the address of a broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerUrlError {
    /// No URL at all.
    #[error("not a URL ({0}): write mqtt://host:1883 or mqtts://host:8883")]
    Syntax(#[from] url::ParseError),
    /// Another protocol.
    #[error("the scheme {0}: write mqtt:// or, with TLS, mqtts://")]
    Scheme(String),
    /// Nobody to talk to.
    #[error("no host: write mqtt://host:1883 or mqtts://host:8883")]
    Host,
    /// More than host and port.
    #[error(
        "more than scheme, host and port: the username and the password have settings of their own"
    )]
    Extra,
}

impl FromStr for BrokerUrl {
    type Err = BrokerUrlError;

    fn from_str(text: &str) -> Result<Self, BrokerUrlError> {
        let url = Url::parse(text)?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            other => return Err(BrokerUrlError::Scheme(other.to_owned())),
        };
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_bare {
            return Err(BrokerUrlError::Extra);
        }
        let host = url
            .host_str()
            .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
            .filter(|host| !host.is_empty())
            .ok_or(BrokerUrlError::Host)?;
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: url.port().unwrap_or(if tls { 8883 } else { 1883 }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_scheme_host_and_port() {
        for (text, shown, tls) in [
            ("mqtt://broker.example", "mqtt://broker.example:1883", false),
            (
                "mqtts://broker.example",
                "mqtts://broker.example:8883",
                true,
            ),
            ("mqtt://127.0.0.1:40001/", "mqtt://127.0.0.1:40001", false),
            ("mqtts://[::1]:8884", "mqtts://[::1]:8884", true),
        ] {
            let url: BrokerUrl = text.parse().unwrap();
            assert_eq!(
                (url.to_string().as_str(), url.tls()),
                (shown, tls),
                "{text}"
            );
        }
        let six: BrokerUrl = "mqtt://[::1]".parse().unwrap();
        assert_eq!((six.host(), six.port()), ("::1", 1883));
        assert_eq!(six.with_scheme("tcp"), "tcp://[::1]:1883");
    }

    #[test]
    fn anything_else_is_refused_without_repeating_a_password() {
        for text in [
            "broker.example:1883",
            "127.0.0.1:1883",
            "tcp://broker.example",
            "https://broker.example",
            "mqtt://",
            "mqtt://someone:hunter2@broker.example",
            "mqtt://broker.example/path",
            "mqtt://broker.example?a=b",
        ] {
            let error = text.parse::<BrokerUrl>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
