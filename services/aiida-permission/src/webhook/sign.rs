//! The signature of what is posted, and how a receiver checks it.
//!
//! `Metergate-Signature: v1=<hex>` is HMAC-SHA-256, under the secret that both sides know, over the text
//! `{timestamp}.{body}`: the value of `Metergate-Timestamp` (seconds since 1970), a full stop, and the bytes of
//! the body as they came. A receiver
//! 1. computes it over what it received and compares in constant time,
//! 2. refuses timestamps more than five minutes from its own clock, so that a request that somebody recorded
//!    is of no use later,
//! 3. keeps the last `Metergate-Event-Id` it has handled and leaves aside what is not greater: an event can
//!    come twice.

use hmac::{Hmac, KeyInit as _, Mac as _};
use service_kit::secret::{ExposeSecret as _, Secret};
use sha2::Sha256;

/// The version of the signature, before the `=`.
const VERSION: &str = "v1";

/// How far a timestamp may be from the receiver's clock, in seconds.
const TOLERANCE: u64 = 300;

/// Why a request is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The signature is of another secret, body or timestamp, or is none.
    #[error("the signature does not fit")]
    Signature,
    /// The timestamp is too far from now.
    #[error("the timestamp is more than {TOLERANCE} s from now")]
    Timestamp,
}

/// The value of `Metergate-Signature` for `body` at `timestamp` (seconds since 1970).
#[must_use]
pub fn signature(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{VERSION}=");
    // A key of any length is good, so there is always a MAC.
    if let Some(mac) = mac(secret, timestamp, body) {
        for byte in mac.finalize().into_bytes() {
            // Writing to a text cannot fail.
            let _written = write!(text, "{byte:02x}");
        }
    }
    text
}

/// Checks a request as a receiver does at `now` (seconds since 1970). The comparison takes the same time
/// wherever the texts differ.
pub fn verify(
    secret: &Secret,
    timestamp: i64,
    body: &[u8],
    signature: &str,
    now: i64,
) -> Result<(), Untrusted> {
    let hex = signature
        .strip_prefix(VERSION)
        .and_then(|rest| rest.strip_prefix('='))
        .ok_or(Untrusted::Signature)?;
    let theirs = bytes(hex).ok_or(Untrusted::Signature)?;
    let mac = mac(secret, timestamp, body).ok_or(Untrusted::Signature)?;
    mac.verify_slice(&theirs)
        .map_err(|_| Untrusted::Signature)?;
    if now.abs_diff(timestamp) > TOLERANCE {
        return Err(Untrusted::Timestamp);
    }
    Ok(())
}

fn mac(secret: &Secret, timestamp: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    Some(
        mac.chain_update(timestamp.to_string().as_bytes())
            .chain_update(b".")
            .chain_update(body),
    )
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"eventId":7}"#;

    #[test]
    fn a_signature_is_of_the_secret_the_time_and_the_body() {
        let secret = Secret::from("a secret of at least thirty-two characters");
        let signed = signature(&secret, 1_767_323_045, BODY);
        // Computed with `printf '1767323045.{"eventId":7}' | openssl dgst -sha256 -hmac '…'`.
        assert_eq!(signed, EXPECTED);
        let check = |time, body, signed: &str, now| verify(&secret, time, body, signed, now);
        let now = 1_767_323_045;
        assert_eq!(check(now, BODY, &signed, now + 300), Ok(()));
        assert_eq!(check(now, BODY, &signed, now - 300), Ok(()));
        assert_eq!(
            check(now, BODY, &signed, now + 301),
            Err(Untrusted::Timestamp)
        );
        for (time, body, signed) in [
            (now + 1, BODY, signed.as_str()),
            (now, b"{}".as_slice(), &signed),
            (now, BODY, signed.strip_prefix("v1=").unwrap()),
            (now, BODY, &signed.replace("v1", "v0")),
            (now, BODY, "v1="),
            (now, BODY, "v1=\u{e9}\u{e9}"),
            (now, BODY, signed.get(..signed.len() - 2).unwrap()),
        ] {
            assert_eq!(
                check(time, body, signed, now),
                Err(Untrusted::Signature),
                "{signed}"
            );
        }
        let other = Secret::from("another secret");
        assert_eq!(
            verify(&other, now, BODY, &signed, now),
            Err(Untrusted::Signature)
        );
    }

    const EXPECTED: &str = "v1=68b1a7ca6774e430803af04fb5d026f17bfd61cf5fa395792452c1bb841ed0db";
}
