//! Asks the internal port of a running program whether it is ready.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than the checks of the other side may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Why a program does not count as ready.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody answers.
    #[error(
        "nothing answers on the internal address {address} (METERGATE_INTERNAL_ADDRESS): is the service running?"
    )]
    NoAnswer {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It answers that it is not ready.
    #[error("not ready: {answer}")]
    NotReady {
        /// What it says.
        answer: String,
    },
}

/// `Ok` when `/readyz` at `address` answers 200.
pub fn ready(address: SocketAddr) -> Result<(), ProbeError> {
    let address = reachable(address);
    let answer = ask(address).map_err(|source| ProbeError::NoAnswer { address, source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split_whitespace().nth(1) == Some("200") {
        return Ok(());
    }
    Err(ProbeError::NotReady {
        answer: body.trim().to_owned(),
    })
}

/// A program that listens everywhere is asked on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// One HTTP/1.0 request: the answer ends with the connection, so no client library is needed.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_is_asked_on_the_loopback() {
        let ask = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(ask("0.0.0.0:9100"), "127.0.0.1:9100");
        assert_eq!(ask("[::]:9100"), "[::1]:9100");
        assert_eq!(ask("10.0.0.7:9100"), "10.0.0.7:9100");
    }
}
