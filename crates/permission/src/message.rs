//! What homes say: status messages, and records of each schema.
//!
//! A payload comes from a machine that is not ours. It is read within bounds (size, number of values, length of
//! texts), unknown keys are passed over, numbers are read as text into exact decimals, and errors name what is wrong
//! without a word of what was in it.

use std::borrow::Cow;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::ids::{DataNeedId, PermissionId};
use crate::schema::Schema;

mod cim;
mod number;
mod opaque;
mod raw;
mod scalar;
mod status;

pub use status::StatusMessage;

/// Largest payload that is looked at, in bytes.
pub const MAX_PAYLOAD: usize = 256 * 1024;
/// Most values in a record.
pub const MAX_VALUES: usize = 2000;

/// A message as received and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The message's own time. None when the payload has none: take the time of arrival.
    pub sent_at: Option<Timestamp>,
    /// Whose data the payload says it is.
    pub named: Named,
    /// Its values, in the order of the payload.
    pub readings: Vec<Reading>,
    /// How many values are no readings: texts such as the meter's id, tags that are no OBIS code, quantities that
    /// are not there. They are in the payload.
    pub skipped: usize,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When it was measured.
    pub measured_at: Timestamp,
    /// Its OBIS code; `quantity:<type>` for a CIM type without one.
    pub obis: String,
    /// The value, exactly as sent.
    pub value: Decimal,
    /// The unit as the home sent it, or that of the CIM type. Empty: none.
    pub unit: String,
    /// CIM's word for how good it is, such as `AS_PROVIDED`.
    pub quality: Option<String>,
}

/// What a payload says about whose it is. The topic decides; a payload that says otherwise is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Every permission id in it.
    pub permissions: Vec<PermissionId>,
    /// The eligible party's name for the customer.
    pub connection_id: Option<String>,
    /// The data need.
    pub data_need: Option<DataNeedId>,
}

impl Named {
    /// The key by which the payload names something else than the permission on whose topic it came. None: it
    /// agrees, or names nothing.
    #[must_use]
    pub fn contradiction(
        &self,
        permission: PermissionId,
        data_need: DataNeedId,
        connection_id: &str,
    ) -> Option<&'static str> {
        if self.permissions.iter().any(|named| *named != permission) {
            return Some("permissionId");
        }
        if self.data_need.is_some_and(|named| named != data_need) {
            return Some("dataNeedId");
        }
        let named = self.connection_id.as_deref();
        named
            .is_some_and(|named| named != connection_id)
            .then_some("connectionId")
    }
}

/// Why a payload is refused. Never holds anything of the payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// More bytes than are looked at.
    #[error("the payload has more than {MAX_PAYLOAD} bytes")]
    Large,
    /// Not JSON, or not of the schema's form.
    #[error("the payload is not the JSON of its schema ({what} at line {line}, column {column})")]
    Json {
        /// `syntax`, `form` or `end`: bad JSON, other JSON than expected, cut off.
        what: &'static str,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// Something without which the record says nothing.
    #[error("the payload has no `{0}`")]
    Missing(&'static str),
    /// Not a UUID.
    #[error("`{0}` in the payload is no UUID")]
    Id(&'static str),
    /// Neither RFC 3339 nor seconds since 1970.
    #[error("`{0}` in the payload is no time")]
    Time(&'static str),
    /// Not a number that can be kept exactly.
    #[error("`{0}` in the payload is no number of at most 28 digits")]
    Number(&'static str),
    /// Not a text, too long, or with control characters.
    #[error("`{0}` in the payload is no plain text")]
    Text(&'static str),
    /// More values than are looked at.
    #[error("the payload has more than {MAX_VALUES} values")]
    Values,
    /// No status of the process model.
    #[error("`status` in the payload is no status of a permission")]
    Status,
}

impl MessageError {
    /// A short word for counting refusals.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Large => "payload too large",
            Self::Json { .. } => "payload not of its schema",
            Self::Missing(_) => "payload incomplete",
            Self::Id(_) => "malformed id",
            Self::Time(_) => "malformed time",
            Self::Number(_) => "malformed number",
            Self::Text(_) => "malformed text",
            Self::Values => "too many values",
            Self::Status => "unknown status",
        }
    }
}

impl From<serde_json::Error> for MessageError {
    /// The error's own words may quote the payload: only its place is kept.
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Data => "form",
            serde_json::error::Category::Eof => "end",
            serde_json::error::Category::Io | serde_json::error::Category::Syntax => "syntax",
        };
        Self::Json {
            what,
            line: error.line(),
            column: error.column(),
        }
    }
}

impl Record {
    /// Reads a payload of this schema. Opaque ones are never refused for what is in them.
    pub fn parse(schema: Schema, payload: &[u8]) -> Result<Self, MessageError> {
        bounded(payload)?;
        match schema {
            Schema::SmartMeterP1Raw => raw::parse(payload),
            Schema::SmartMeterP1CimV104 => cim::flat(payload),
            Schema::SmartMeterP1CimV112 => cim::nested(payload),
            Schema::MinMaxEnvelopeCimV112 | Schema::AcknowledgementCimV112 => {
                cim::header_only(payload)
            }
            Schema::Opaque => Ok(opaque::parse(payload)),
        }
    }
}

fn bounded(payload: &[u8]) -> Result<(), MessageError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(MessageError::Large);
    }
    Ok(())
}

/// A text that may be stored and compared: short, without control characters (the database has no NUL).
fn plain<'a>(text: Cow<'a, str>, field: &'static str) -> Result<Cow<'a, str>, MessageError> {
    if text.len() > 256 || text.chars().any(char::is_control) {
        return Err(MessageError::Text(field));
    }
    Ok(text)
}
