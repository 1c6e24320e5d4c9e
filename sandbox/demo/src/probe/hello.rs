//! A `ClientHello` by hand (RFC 5246, 7.4.1.2; RFC 4346 for 1.1): rustls speaks neither old versions nor weak
//! ciphers, and so cannot tell whether a server does.

use std::fmt;
use std::io::{ErrorKind, Read, Write};

use crate::BoxError;

pub(super) const TLS_1_2: u16 = 0x0303;
const TLS_1_1: u16 = 0x0302;
const TLS_1_0: u16 = 0x0301;

/// What clients of the time of TLS 1.0 and 1.1 offered: every server that speaks those versions takes one of them.
const OF_THEIR_TIME: &[u16] = &[
    0xc00a, 0xc009, 0xc014, 0xc013, 0x0039, 0x0033, 0x0035, 0x002f, 0x000a, 0x0005,
];

/// A version and some cipher suites (IANA's numbers).
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) name: &'static str,
    pub(super) ciphers: &'static str,
    version: u16,
    suites: &'static [u16],
}

impl Offer {
    /// What must be answered.
    pub(super) const GOOD: Self = Self {
        name: "TLS 1.2",
        ciphers: "ECDHE and AES-GCM",
        version: TLS_1_2,
        suites: &[0xc02b, 0xc02f, 0xc02c, 0xc030],
    };

    /// What must be refused.
    pub(super) const BAD: &'static [Self] = &[
        Self {
            name: "TLS 1.0",
            ciphers: "ciphers of its time",
            version: TLS_1_0,
            suites: OF_THEIR_TIME,
        },
        Self {
            name: "TLS 1.1",
            ciphers: "ciphers of its time",
            version: TLS_1_1,
            suites: OF_THEIR_TIME,
        },
        Self {
            name: "TLS 1.2",
            ciphers: "CBC",
            version: TLS_1_2,
            suites: &[
                0xc023, 0xc024, 0xc027, 0xc028, 0xc009, 0xc00a, 0xc013, 0xc014,
            ],
        },
        Self {
            name: "TLS 1.2",
            ciphers: "RSA key exchange, which has no forward secrecy",
            version: TLS_1_2,
            suites: &[0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035],
        },
        Self {
            name: "TLS 1.2",
            ciphers: "RC4, 3DES and DES",
            version: TLS_1_2,
            suites: &[
                0xc007, 0xc011, 0x0004, 0x0005, 0xc008, 0xc012, 0x000a, 0x0016, 0x0009,
            ],
        },
        Self {
            name: "TLS 1.2",
            ciphers: "no encryption, no authentication, export ciphers",
            version: TLS_1_2,
            suites: &[
                0x0001, 0x0002, 0x003b, 0xc006, 0xc010, 0xc015, 0xc018, 0x0034, 0x00a6, 0x0003,
                0x0008,
            ],
        },
    ];
}

/// The first record of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It agrees, in this version and with this suite.
    Hello { version: u16, suite: u16 },
    /// It refuses, with this description (RFC 5246, 7.2).
    Alert(u8),
    /// It hangs up.
    Closed,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello { version, suite } => {
                write!(f, "accepted: version {version:#06x}, cipher {suite:#06x}")
            }
            Self::Alert(70) => f.write_str("refused: the version"),
            Self::Alert(40) => f.write_str("refused: nothing in common"),
            Self::Alert(other) => write!(f, "refused: alert {other}"),
            Self::Closed => f.write_str("refused: hung up"),
        }
    }
}

/// Sends a hello for the server `name` and reads the first record.
pub(super) fn send(
    mut stream: impl Read + Write,
    offer: &Offer,
    name: &str,
) -> Result<Reply, BoxError> {
    stream.write_all(&record(offer, name)?)?;
    let mut head = [0; 5];
    match stream.read_exact(&mut head) {
        Ok(()) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
            ) =>
        {
            return Ok(Reply::Closed);
        }
        Err(error) => return Err(error.into()),
    }
    let [kind, _, _, high, low] = head;
    let mut body = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut body)?;
    read(kind, &body).ok_or_else(|| format!("a record of type {kind} that is no answer").into())
}

/// Reads a `ServerHello` or an alert.
fn read(kind: u8, body: &[u8]) -> Option<Reply> {
    if kind == 21 {
        return body.get(1).copied().map(Reply::Alert);
    }
    // Type 2, a length of three bytes, the version, 32 random bytes, the session, the suite.
    let pair = |at: usize| {
        let bytes: [u8; 2] = body.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    };
    if (kind, body.first()) != (22, Some(&2)) {
        return None;
    }
    let session = usize::from(*body.get(38)?);
    Some(Reply::Hello {
        version: pair(4)?,
        suite: pair(39 + session)?,
    })
}

fn record(offer: &Offer, name: &str) -> Result<Vec<u8>, BoxError> {
    let mut hello = offer.version.to_be_bytes().to_vec();
    // Nothing is kept secret here: the random bytes need not be random.
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(sized(&numbers(offer.suites))?);
    hello.extend([1, 0]);
    hello.extend(sized(&extensions(offer.version, name)?)?);
    let mut message = vec![1, 0];
    message.extend(sized(&hello)?);
    let mut record = vec![22, 3, 1];
    record.extend(sized(&message)?);
    Ok(record)
}

/// The name, curves, and for TLS 1.2 the signatures; no supported versions, so that TLS 1.3 is not meant.
fn extensions(version: u16, name: &str) -> Result<Vec<u8>, BoxError> {
    let mut host = vec![0];
    host.extend(sized(name.as_bytes())?);
    let mut extensions = extension(0, &sized(&host)?)?;
    extensions.extend(extension(10, &sized(&numbers(&[0x001d, 0x0017, 0x0018]))?)?);
    extensions.extend(extension(11, &[1, 0])?);
    if version == TLS_1_2 {
        let signatures = [
            0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
        ];
        extensions.extend(extension(13, &sized(&numbers(&signatures))?)?);
    }
    Ok(extensions)
}

fn extension(kind: u16, data: &[u8]) -> Result<Vec<u8>, BoxError> {
    let mut extension = kind.to_be_bytes().to_vec();
    extension.extend(sized(data)?);
    Ok(extension)
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// Behind its length in two bytes.
fn sized(data: &[u8]) -> Result<Vec<u8>, BoxError> {
    let mut sized = u16::try_from(data.len())?.to_be_bytes().to_vec();
    sized.extend(data);
    Ok(sized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(read(21, &[2, 70]), Some(Reply::Alert(70)));
        let mut hello = vec![2, 0, 0, 40, 3, 3];
        hello.extend([9; 32]);
        hello.extend([1, 5, 0xc0, 0x2b, 0]);
        let (version, suite) = (TLS_1_2, 0xc02b);
        assert_eq!(read(22, &hello), Some(Reply::Hello { version, suite }));
        assert_eq!(read(22, &[2, 0]), None);
        assert_eq!(read(23, &[2, 0]), None);
    }
}
