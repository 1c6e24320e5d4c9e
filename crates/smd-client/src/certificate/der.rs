//! The few fields of an X.509 certificate (RFC 5280 section 4.1) that a report needs.
//!
//! Nothing here decides about trust: that is the TLS library's. So a walk over the outer structure
//! is enough, and everything unexpected is `None`.

use jiff::{Timestamp, civil, tz::TimeZone};

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What a certificate says about itself. Nobody has checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The subject's common name, if it has one.
    pub common_name: Option<String>,
    /// The issuer's common name, if it has one.
    pub issuer: Option<String>,
    /// Subject and issuer are the same: no authority stands behind it.
    pub is_self_signed: bool,
    /// First instant at which it holds.
    pub not_before: Timestamp,
    /// Last instant at which it holds.
    pub not_after: Timestamp,
}

/// Reads a certificate in DER.
pub(super) fn certificate(der: &[u8]) -> Option<Facts> {
    let mut outer = Walk(Walk(der).expect(SEQUENCE)?);
    let mut fields = Walk(outer.expect(SEQUENCE)?);
    let (mut tag, _) = fields.next()?;
    if tag == VERSION {
        (tag, _) = fields.next()?;
    }
    if tag != INTEGER {
        return None;
    }
    let _signature_algorithm = fields.expect(SEQUENCE)?;
    let issuer = fields.expect(SEQUENCE)?;
    let mut validity = Walk(fields.expect(SEQUENCE)?);
    let not_before = time(validity.next()?)?;
    let not_after = time(validity.next()?)?;
    let subject = fields.expect(SEQUENCE)?;
    Some(Facts {
        common_name: common_name(subject),
        issuer: common_name(issuer),
        is_self_signed: subject == issuer,
        not_before,
        not_after,
    })
}

/// A name is a sequence of sets of (type, value).
fn common_name(name: &[u8]) -> Option<String> {
    let mut sets = Walk(name);
    while let Some((_, set)) = sets.next() {
        let mut attributes = Walk(set);
        while let Some((_, attribute)) = attributes.next() {
            let mut parts = Walk(attribute);
            if parts.expect(OBJECT_ID)? == COMMON_NAME {
                let (_, value) = parts.next()?;
                return std::str::from_utf8(value)
                    .ok()
                    .map(crate::refusal::printable);
            }
        }
    }
    None
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, the two forms that certificates may hold.
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let mut pairs = [0_i8; 5];
    let mut rest = rest;
    for pair in &mut pairs {
        let (digits, after) = rest.split_at_checked(2)?;
        *pair = digits.parse().ok()?;
        rest = after;
    }
    let [month, day, hour, minute, second] = pairs;
    let civil = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Steps over the elements of a constructed value.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    /// The next element's tag and contents.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 4 {
                return None;
            }
            (
                bytes
                    .iter()
                    .fold(0, |sum, &byte| (sum << 8) | usize::from(byte)),
                rest,
            )
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, contents) = self.next()?;
        (tag == wanted).then_some(contents)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = certificate(&bytes);
        }
    }

    #[test]
    fn refuses_times_that_are_none() {
        assert_eq!(time((UTC_TIME, b"250230000000Z")), None);
        assert_eq!(time((UTC_TIME, b"2502Z")), None);
        assert_eq!(time((UTC_TIME, b"250228000000")), None);
        let old = time((UTC_TIME, b"500101000000Z")).unwrap();
        assert_eq!(old.to_string(), "1950-01-01T00:00:00Z");
    }
}
