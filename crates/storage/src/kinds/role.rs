//! The database roles that migrations make; the only list of them in the code.

/// Browser side of Share My Data.
pub const SMD_AUTH: &str = "metergate_smd_auth";
/// Pulls usage and ends authorizations.
pub const SMD_FETCHER: &str = "metergate_smd_fetcher";
/// Writes the download folder.
pub const CSV_EXPORTER: &str = "metergate_csv_exporter";
/// The permission facade of AIIDA.
pub const AIIDA_PERMISSION: &str = "metergate_aiida_permission";
/// Keeps what the broker reads.
pub const MQTT_IAM: &str = "metergate_mqtt_iam";
/// Takes the homes' data in.
pub const AIIDA_STREAM: &str = "metergate_aiida_stream";
/// The operator's command line.
pub const OPERATOR: &str = "metergate_operator";
/// The operator's pages.
pub const CONSOLE: &str = "metergate_console";
/// The broker, which is its own login.
pub const BROKER: &str = "emqx";

/// The services of Share My Data.
pub const HISTORY: [&str; 3] = [SMD_AUTH, SMD_FETCHER, CSV_EXPORTER];
/// The services of AIIDA.
pub const NEAR_REAL_TIME: [&str; 3] = [AIIDA_PERMISSION, MQTT_IAM, AIIDA_STREAM];

/// Group roles: their members are logins.
pub fn groups() -> impl Iterator<Item = &'static str> {
    HISTORY
        .into_iter()
        .chain(NEAR_REAL_TIME)
        .chain([OPERATOR, CONSOLE])
}
