//! The services that a stack runs, and what each may know.

use storage::kinds::role;

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
pub const SERVICES: [Service; 7] = [
    Service {
        name: "smd-auth",
        role: role::SMD_AUTH,
        side: Side::History,
        secrets: CUSTODIAN_SECRETS,
    },
    Service {
        name: "smd-fetcher",
        role: role::SMD_FETCHER,
        side: Side::History,
        secrets: CUSTODIAN_SECRETS,
    },
    Service {
        name: "csv-exporter",
        role: role::CSV_EXPORTER,
        side: Side::History,
        secrets: &[],
    },
    Service {
        name: "aiida-permission",
        role: role::AIIDA_PERMISSION,
        side: Side::NearRealTime,
        secrets: &["METERGATE_AIIDA_JWT_SECRET", "METERGATE_WEBHOOK_SECRET"],
    },
    Service {
        name: "mqtt-iam",
        role: role::MQTT_IAM,
        side: Side::NearRealTime,
        secrets: &["METERGATE_BROKER_API_SECRET"],
    },
    Service {
        name: "aiida-stream",
        role: role::AIIDA_STREAM,
        side: Side::NearRealTime,
        secrets: &["METERGATE_MQTT_PASSWORD"],
    },
    Service {
        name: "console",
        role: role::CONSOLE,
        side: Side::Both,
        secrets: &[],
    },
];

/// All of them in one process.
pub(super) const TOGETHER: Service = Service {
    name: "metergate",
    role: "",
    side: Side::Both,
    secrets: &[],
};
