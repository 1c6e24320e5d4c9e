//! The services that a stack runs, and what each may know.

/// A service, its database role, and the secrets that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The name on `metergate serve`.
    pub name: &'static str,
    pub(super) role: &'static str,
    pub(super) side: Side,
    pub(super) secrets: &'static [&'static str],
}

/// Which half of Metergate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Both.
    #[default]
    Both,
    /// Share My Data.
    History,
    /// AIIDA.
    NearRealTime,
}

/// What a service that talks to the custodian must have, and no other.
const CUSTODIAN_SECRETS: &[&str] = &["CLIENT_ID", "CLIENT_SECRET", "METERGATE_ENCRYPTION_KEYS"];

/// The services, each run as a process of its own under its own database role.
pub const SERVICES: [Service; 6] = [
    Service {
        name: "smd-auth",
        role: "metergate_smd_auth",
        side: Side::History,
        secrets: CUSTODIAN_SECRETS,
    },
    Service {
        name: "smd-fetcher",
        role: "metergate_smd_fetcher",
        side: Side::History,
        secrets: CUSTODIAN_SECRETS,
    },
    Service {
        name: "csv-exporter",
        role: "metergate_csv_exporter",
        side: Side::History,
        secrets: &[],
    },
    Service {
        name: "aiida-permission",
        role: "metergate_aiida_permission",
        side: Side::NearRealTime,
        secrets: &["METERGATE_AIIDA_JWT_SECRET", "METERGATE_WEBHOOK_SECRET"],
    },
    Service {
        name: "mqtt-iam",
        role: "metergate_mqtt_iam",
        side: Side::NearRealTime,
        secrets: &["METERGATE_BROKER_API_SECRET"],
    },
    Service {
        name: "aiida-stream",
        role: "metergate_aiida_stream",
        side: Side::NearRealTime,
        secrets: &["METERGATE_MQTT_PASSWORD"],
    },
];

/// All of them in one process.
pub(super) const TOGETHER: Service = Service {
    name: "metergate",
    role: "",
    side: Side::Both,
    secrets: &[],
};
