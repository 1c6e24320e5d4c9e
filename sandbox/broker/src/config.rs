//! What can be set, from flags or from the environment. The comment on a field is its manual.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use service_kit::secret::Secret;

/// Everything the sandbox broker can be told.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address of the listener without TLS. Port 0 takes a free one; without an address there is
    /// no such listener.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_PLAIN",
        required_unless_present = "tls"
    )]
    pub plain: Option<SocketAddr>,

    /// Address of the TLS listener. Port 0 takes a free one; without an address there is none.
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_TLS", requires_all = ["tls_certificate", "tls_key"])]
    pub tls: Option<SocketAddr>,

    /// Server certificate of the TLS listener (PEM, with its chain).
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,

    /// Private key of that certificate (PEM).
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Address of the REST API. Port 0 takes a free one. Plain HTTP: keep it on the loopback.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_API",
        default_value = "127.0.0.1:18083"
    )]
    pub api: SocketAddr,

    /// Key (user name) of the REST API.
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_API_KEY")]
    pub api_key: String,

    /// Secret (password) of the REST API.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_API_SECRET",
        hide_env_values = true
    )]
    pub api_secret: Secret,

    /// User name of the eligible party: may do everything, and alone may use `$share`.
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_PARTY_USERNAME")]
    pub party_username: String,

    /// Password of the eligible party.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_PARTY_PASSWORD",
        hide_env_values = true
    )]
    pub party_password: Secret,

    /// The database with the two tables, as the role `emqx` or a member of it:
    /// `postgres://role:password@host:port/database`. While it does not answer, logins are refused
    /// and everything is denied.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Secret,

    /// Most connections to that database. Each publish of a home takes one for a moment: too low,
    /// and homes wait for each other.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_DATABASE_CONNECTIONS",
        default_value_t = 4
    )]
    pub database_connections: usize,

    /// Folder for sessions, queued and retained messages; made when it is not there, of one broker
    /// only. Without it they are in memory and gone with the process.
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_STORE")]
    pub store: Option<PathBuf>,

    /// A file to write the bound addresses to, as JSON `{"plain": …, "tls": …, "api": …}`, each
    /// `host:port` or null.
    #[arg(long, env = "METERGATE_SANDBOX_BROKER_ADDRESS_FILE")]
    pub address_file: Option<PathBuf>,

    /// Most open connections. One more is closed at once.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_CONNECTIONS",
        default_value_t = 10_000
    )]
    pub connections: usize,

    /// Largest packet in bytes. A client that sends a larger one is disconnected.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_PACKET_BYTES",
        default_value_t = 1_048_576
    )]
    pub packet_bytes: usize,

    /// Messages per second and connection of a home, with a burst of ten seconds' worth. A faster
    /// one is made to wait, nothing is lost. 0 lifts the limit.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_HOME_RATE",
        default_value_t = 200
    )]
    pub home_rate: u32,

    /// Most messages kept for one session while it is offline. Then the oldest go.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_QUEUE",
        default_value_t = 100_000
    )]
    pub queue: usize,

    /// Longest time in seconds that a session outlives its connection; clients may ask for less.
    /// The eligible party's sessions must survive its outages: too low, and what homes sent
    /// meanwhile is lost.
    #[arg(
        long,
        env = "METERGATE_SANDBOX_BROKER_SESSION_SECONDS",
        default_value_t = 604_800
    )]
    pub session_seconds: u32,
}

impl Config {
    /// A broker in memory on free ports of the loopback, plain only: for tests and benchmarks, which
    /// then change what they need. `party` and `api` are user name and password.
    #[must_use]
    pub fn on_loopback(database_url: &str, party: (&str, &str), api: (&str, &str)) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            plain: Some(free),
            tls: None,
            tls_certificate: None,
            tls_key: None,
            api: free,
            api_key: api.0.to_owned(),
            api_secret: Secret::from(api.1),
            party_username: party.0.to_owned(),
            party_password: Secret::from(party.1),
            database_url: Secret::from(database_url),
            database_connections: 4,
            store: None,
            address_file: None,
            connections: 10_000,
            packet_bytes: 1_048_576,
            home_rate: 200,
            queue: 100_000,
            session_seconds: 604_800,
        }
    }
}

#[cfg(test)]
mod tests {
    use service_kit::program::Program;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Program::new("sandbox-broker", "MQTT broker for one machine")
            .command::<Config>()
            .debug_assert();
    }
}
