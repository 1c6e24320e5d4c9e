//! TLS towards the broker.

use std::path::PathBuf;

use rumqttc::{TlsConfiguration, Transport};

use crate::broker::BrokerConfig;

/// The broker's certificate cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error(
        "METERGATE_MQTT_CA names {path}, which cannot be read: check the path and who may read it"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// No certificate in it.
    #[error("METERGATE_MQTT_CA names {0}, which holds no certificate in PEM form")]
    NoCertificate(PathBuf),
    /// Trust in this machine's authorities cannot be set up.
    #[error(
        "the authorities that this machine trusts cannot be loaded ({0}): name one in METERGATE_MQTT_CA"
    )]
    Machine(String),
}

/// How connections to the broker are made.
#[derive(Clone)]
pub(crate) struct Tls(Transport);

impl Tls {
    /// Reads the authority's certificate where the broker's URL wants TLS.
    pub(crate) fn load(config: &BrokerConfig) -> Result<Self, TlsError> {
        if !config.mqtt_url.tls() {
            return Ok(Self(Transport::tcp()));
        }
        let Some(path) = &config.mqtt_ca else {
            return Transport::try_tls_with_default_config()
                .map(Self)
                .map_err(|error| TlsError::Machine(error.to_string()));
        };
        let ca = std::fs::read(path).map_err(|source| TlsError::Unreadable {
            path: path.clone(),
            source,
        })?;
        if !String::from_utf8_lossy(&ca).contains("BEGIN CERTIFICATE") {
            return Err(TlsError::NoCertificate(path.clone()));
        }
        Ok(Self(Transport::tls_with_config(TlsConfiguration::Simple {
            ca,
            alpn: None,
            client_auth: None,
        })))
    }

    pub(crate) fn transport(&self) -> Transport {
        self.0.clone()
    }
}
