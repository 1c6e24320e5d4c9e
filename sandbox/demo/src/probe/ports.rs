//! Ports that nobody outside may reach, and the one that only homes may use.

use std::io::{ErrorKind, Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::tls::Target;
use super::{Probe, address};
use crate::{BoxError, Claims};

/// A port that does not answer within this is closed, too: something drops what is sent there.
const LIMIT: Duration = Duration::from_secs(3);

/// An MQTT 5 CONNECT of the client `stranger`, without user and password.
const CONNECT: &[u8] = b"\x10\x15\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x08stranger";

/// Nothing listens there.
pub(super) fn closed(probe: &Probe, target: &Target, claims: &mut Claims) {
    let host = probe.host.as_deref().unwrap_or(&target.name);
    for port in &probe.closed {
        let seen = knock(host, *port);
        claims.note(
            format!("port {port} of {host} is closed"),
            matches!(seen, Ok(Knock::Refused | Knock::Silent)),
            match seen {
                Ok(seen) => format!("{seen:?}").to_lowercase(),
                Err(error) => error.to_string(),
            },
        );
    }
}

#[derive(Debug)]
enum Knock {
    Open,
    Refused,
    Silent,
}

fn knock(host: &str, port: u16) -> Result<Knock, BoxError> {
    match TcpStream::connect_timeout(&address(host, port)?, LIMIT) {
        Ok(_) => Ok(Knock::Open),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Knock::Refused),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(Knock::Silent),
        Err(error) => Err(error.into()),
    }
}

/// How much it answers; nothing when it ends the connection. Silence is an error: it says nothing.
fn read(stream: &mut impl Read, answer: &mut [u8]) -> std::io::Result<usize> {
    match stream.read(answer) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof
                    | ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
            ) =>
        {
            Ok(0)
        }
        read => read,
    }
}

/// The broker lets nobody in without a user, and speaks no MQTT without TLS.
pub(super) fn no_stranger_at_the_broker(broker: &Target, claims: &mut Claims) {
    let connect = || -> Result<Vec<u8>, BoxError> {
        let mut stream = broker.connect()?;
        stream.write_all(CONNECT)?;
        stream.flush()?;
        let mut answer = [0; 64];
        let read = read(&mut stream, &mut answer)?;
        Ok(answer.iter().take(read).copied().collect())
    };
    let answer = connect();
    claims.note(
        "homes' MQTT: nobody is let in without a user",
        // A CONNACK (2) whose third byte is the reason code, 128 or more; or the end of the connection.
        answer.as_ref().is_ok_and(|it| match it.as_slice() {
            [] => true,
            [0x20, _, _, reason, ..] => *reason >= 128,
            _ => false,
        }),
        format!("{answer:?}"),
    );
    let plain = || -> Result<Vec<u8>, BoxError> {
        let mut stream = broker.tcp()?;
        stream.write_all(CONNECT)?;
        let mut answer = [0; 64];
        let read = read(&mut stream, &mut answer)?;
        Ok(answer.iter().take(read).copied().collect())
    };
    let answer = plain();
    claims.note(
        "homes' MQTT: no MQTT without TLS",
        answer.as_ref().is_ok_and(|it| it.first() != Some(&0x20)),
        format!("{answer:?}"),
    );
}
