//! OBIS codes (IEC 62056-61): what a value of a meter is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An OBIS code such as `1-0:1.8.0`: five numbers of at most 255, and a sixth after `*` where there is one. Only its
/// form is checked: a home finds nothing under a code that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObisCode(String);

impl ObisCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObisCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not an OBIS code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an OBIS code: write it as in `1-0:1.8.0`")]
pub struct NotObis;

impl FromStr for ObisCode {
    type Err = NotObis;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        groups(text).map(|_| Self(text.to_owned())).ok_or(NotObis)
    }
}

/// The groups A to E.
fn groups(text: &str) -> Option<[u8; 5]> {
    let (medium, rest) = text.split_once('-')?;
    let (channel, rest) = rest.split_once(':')?;
    let (code, storage) = match rest.split_once('*') {
        Some((code, storage)) => (code, Some(storage)),
        None => (rest, None),
    };
    if let Some(storage) = storage {
        group(storage)?;
    }
    let mut parts = code.split('.');
    let parsed = [
        group(medium)?,
        group(channel)?,
        group(parts.next()?)?,
        group(parts.next()?)?,
        group(parts.next()?)?,
    ];
    parts.next().is_none().then_some(parsed)
}

fn group(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text.len() == 1 || !text.starts_with('0');
    (plain && canonical).then(|| text.parse().ok())?
}

/// Whether a value under this code is a text by its nature: ids, messages and states of the meter stand in the
/// groups C 0, 96 and 97.
pub(crate) fn is_textual(code: &str) -> bool {
    matches!(groups(code), Some([_, _, 0 | 96 | 97, _, _]))
}

impl Serialize for ObisCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ObisCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
