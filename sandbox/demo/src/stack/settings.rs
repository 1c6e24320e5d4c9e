//! What each part of a stack is told of the others.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use test_support::certs::{Authority, CertificateFiles};
use test_support::nginx::Nginx;
use test_support::ports;

use super::setup::{BROKER_API_KEY, PARTY, Secrets};
use super::{Addresses, BrokerAddresses, SERVICES, StackOptions};

/// The settings that say where a service listens.
const SMD_AUTH: &str = "METERGATE_SMD_AUTH_ADDRESS";
const AIIDA_PERMISSION: &str = "METERGATE_AIIDA_PERMISSION_ADDRESS";
const AIIDA_STREAM: &str = "METERGATE_AIIDA_STREAM_ADDRESS";
const CONSOLE: &str = "METERGATE_CONSOLE_ADDRESS";

/// What only some service may have.
pub(super) fn is_secret(name: &str) -> bool {
    SERVICES
        .iter()
        .any(|service| service.secrets.contains(&name))
}

/// Where a service listens for nginx.
pub(super) fn is_listener(name: &str) -> bool {
    [SMD_AUTH, AIIDA_PERMISSION, AIIDA_STREAM, CONSOLE].contains(&name)
}

/// Where the services listen for nginx.
pub(super) struct HttpPorts {
    pub(super) smd_auth: SocketAddr,
    pub(super) aiida_permission: SocketAddr,
    pub(super) aiida_stream: SocketAddr,
    pub(super) console: SocketAddr,
}

impl HttpPorts {
    pub(super) fn free() -> Self {
        let address = || SocketAddr::from(([127, 0, 0, 1], ports::free()));
        Self {
            smd_auth: address(),
            aiida_permission: address(),
            aiida_stream: address(),
            console: address(),
        }
    }

    pub(super) fn settings(&self) -> [(String, String); 4] {
        [
            (SMD_AUTH, self.smd_auth),
            (AIIDA_PERMISSION, self.aiida_permission),
            (AIIDA_STREAM, self.aiida_stream),
            (CONSOLE, self.console),
        ]
        .map(|(name, address)| (name.to_owned(), address.to_string()))
    }
}

/// What the services of AIIDA are told.
pub(super) fn aiida_settings(
    folder: &Path,
    nginx: &Nginx,
    broker: &BrokerAddresses,
    secrets: &Secrets,
) -> io::Result<Vec<(String, String)>> {
    let data_needs = folder.join("data-needs.json");
    fs::write(&data_needs, include_str!("../../data-needs.json"))?;
    let homes_port = broker.tls.rsplit(':').next().unwrap_or_default();
    let settings = [
        ("METERGATE_AIIDA_PUBLIC_URL", nginx.url()),
        ("METERGATE_AIIDA_JWT_SECRET", secrets.jwt_secret.clone()),
        (
            "METERGATE_AIIDA_DATA_NEEDS",
            data_needs.display().to_string(),
        ),
        // The certificate is for the name.
        (
            "METERGATE_MQTT_HOMES_URL",
            format!("ssl://localhost:{homes_port}"),
        ),
        ("METERGATE_MQTT_URL", format!("mqtt://{}", broker.plain)),
        ("METERGATE_MQTT_USERNAME", PARTY.to_owned()),
        ("METERGATE_MQTT_PASSWORD", secrets.party_password.clone()),
        ("METERGATE_BROKER_API_URL", format!("http://{}", broker.api)),
        ("METERGATE_BROKER_API_KEY", BROKER_API_KEY.to_owned()),
        (
            "METERGATE_BROKER_API_SECRET",
            secrets.broker_api_secret.clone(),
        ),
    ];
    Ok(settings
        .map(|(name, value)| (name.to_owned(), value))
        .into())
}

pub(super) fn settings(
    folder: &Path,
    options: &StackOptions,
    authority: &Authority,
    client: &CertificateFiles,
    nginx: &Nginx,
    addresses: &Addresses,
    secrets: &Secrets,
) -> Vec<(String, String)> {
    let path = |path: &Path| path.display().to_string();
    let mut settings: Vec<(String, String)> = [
        ("CLIENT_ID", secrets.client_id.clone()),
        ("CLIENT_SECRET", secrets.client_secret.clone()),
        (
            "SMD_AUTH_BASE_URL",
            format!("{}/myAuthorization", addresses.pages.trim_end_matches('/')),
        ),
        ("REDIRECT_BASE_URL", nginx.url()),
        ("PGE_API_BASE_URL", addresses.api.clone()),
        ("METERGATE_SMD_CERTIFICATE", path(&client.certificate)),
        ("METERGATE_SMD_PRIVATE_KEY", path(&client.key)),
        ("METERGATE_SMD_EXTRA_CA", path(authority.certificate())),
        (
            "METERGATE_ENCRYPTION_KEYS",
            format!("demo:{}", secrets.encryption_key),
        ),
        (
            "METERGATE_OPERATOR_NAME",
            "Sunny Side Solar (demo)".to_owned(),
        ),
        (
            "METERGATE_OPERATOR_PRIVACY_URL",
            "https://sunny-side.example/privacy".to_owned(),
        ),
        (
            "METERGATE_OPERATOR_CONTACT",
            "help@sunny-side.example".to_owned(),
        ),
        ("METERGATE_OUTPUT_DIR", path(&folder.join("output"))),
        ("METERGATE_OUTPUT_MODE", "644".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if options.fast {
        for (name, value) in [
            ("REQUEST_SPACING_MS", "0"),
            ("REQUESTS_PER_HOUR", "1000000"),
            ("REQUESTS_PER_DAY", "1000000"),
        ] {
            settings.push((format!("METERGATE_SMD_{name}"), value.to_owned()));
        }
    }
    settings
}
