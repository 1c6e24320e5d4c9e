//! A stranger in front of a running Metergate: what should be open is, and nothing else. Everything is sent by hand,
//! so that it arrives as it is written here, dot segments and old versions of TLS included.

mod cases;
mod endpoints;
mod guessing;
mod hello;
mod http;
mod ports;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{BoxError, Claims};
use tls::Target;

/// How long anything may take that takes a moment.
const LIMIT: Duration = Duration::from_secs(15);

/// What is tried.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The public address, `https://host` or `https://host:port`.
    pub url: String,
    /// PEM file of the authority that signed its certificate.
    pub authority: PathBuf,
    /// Where ports are tried; the public address's host when it is none.
    pub host: Option<String>,
    /// Port of plain HTTP.
    pub http_port: u16,
    /// Port of the homes' MQTT over TLS.
    pub mqtt_port: Option<u16>,
    /// Ports that must refuse connections.
    pub closed: Vec<u16>,
    /// A key to the API.
    pub api_key: Option<String>,
    /// User and password of the download folder.
    pub reader: Option<(String, String)>,
}

impl Probe {
    /// Tries everything; takes some seconds, and leaves the edge's limit on downloads used up.
    pub fn run(&self) -> Claims {
        let mut claims = Claims::default();
        let target = Target::of(&self.url, &self.authority);
        let claim = "the address can be tried";
        if let Some(target) = claims.take(claim, Target::to_string, target) {
            self.try_all(&target, &mut claims);
        }
        claims
    }

    fn try_all(&self, target: &Target, claims: &mut Claims) {
        endpoints::over_tls(self, target, claims);
        endpoints::over_plain_http(self, target, claims);
        tls::versions_and_ciphers("https", target, claims);
        if let Some(port) = self.mqtt_port {
            let host = self.host.as_deref().unwrap_or(&target.name);
            let broker = claims.take(
                "the homes' listener has an address",
                Target::to_string,
                target.elsewhere(host, port),
            );
            if let Some(broker) = broker {
                tls::versions_and_ciphers("homes' MQTT", &broker, claims);
                ports::no_stranger_at_the_broker(&broker, claims);
            }
        }
        ports::closed(self, target, claims);
        // Last: it uses up the limit.
        guessing::is_slowed(target, claims);
    }
}

/// The first address of a name.
fn address(host: &str, port: u16) -> Result<SocketAddr, BoxError> {
    use std::net::ToSocketAddrs as _;
    let mut found = (host, port).to_socket_addrs()?.collect::<Vec<_>>();
    // What containers publish is there by IPv4 in any case.
    found.sort_by_key(SocketAddr::is_ipv6);
    found
        .into_iter()
        .next()
        .ok_or_else(|| format!("{host} has no address").into())
}
