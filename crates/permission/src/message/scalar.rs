//! Values that documents write as a string here and as a number there. They are kept as the text in the payload, so
//! that no number passes through a float.

use std::borrow::Cow;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{MessageError, number, plain};
use crate::ids::{DataNeedId, PermissionId};

/// A JSON value as it stands in the payload. Null and missing are both None.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Scalar<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Scalar<'a> {
    pub(super) const fn is_none(self) -> bool {
        self.0.is_none()
    }

    /// The text of a string or of a number; None for null.
    pub(super) fn text(self, field: &'static str) -> Result<Option<Cow<'a, str>>, MessageError> {
        let Some(raw) = self.0 else {
            return Ok(None);
        };
        let json: &'a str = raw.get();
        let text = match json.bytes().next() {
            Some(b'"') => unquoted(json).ok_or(MessageError::Text(field))?,
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(json),
            _ => return Err(MessageError::Text(field)),
        };
        plain(text, field).map(Some)
    }

    /// A time: RFC 3339, or seconds since 1970 with or without a fraction.
    pub(super) fn time(self, field: &'static str) -> Result<Option<Timestamp>, MessageError> {
        let text = self.text(field).map_err(|_| MessageError::Time(field))?;
        text.map(|text| number::time(&text).ok_or(MessageError::Time(field)))
            .transpose()
    }

    pub(super) fn decimal(self, field: &'static str) -> Result<Option<Decimal>, MessageError> {
        let text = self.text(field).map_err(|_| MessageError::Number(field))?;
        text.map(|text| number::decimal(&text).ok_or(MessageError::Number(field)))
            .transpose()
    }

    pub(super) fn permission(
        self,
        field: &'static str,
    ) -> Result<Option<PermissionId>, MessageError> {
        let text = self.text(field).map_err(|_| MessageError::Id(field))?;
        text.map(|text| text.parse().map_err(|_| MessageError::Id(field)))
            .transpose()
    }

    pub(super) fn data_need(self, field: &'static str) -> Result<Option<DataNeedId>, MessageError> {
        let text = self.text(field).map_err(|_| MessageError::Id(field))?;
        text.map(|text| text.parse().map_err(|_| MessageError::Id(field)))
            .transpose()
    }
}

/// The text of a JSON string; borrowed where it has no escapes.
fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}
