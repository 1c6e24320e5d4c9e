//! What came from a home.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use storage::aiida::reading::{Message, Reading, Refused};
use utoipa::ToSchema;

use super::permission::RefusalView;

/// One value of a record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadingView {
    #[schema(value_type = String, format = DateTime)]
    measured_at: Timestamp,
    /// When the home made the record; pages and time ranges go by this.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    /// OBIS code, as `1-0:1.8.0`; `quantity:<type>` for a type of CIM that has no code.
    obis: String,
    /// The exact decimal, as the home sent it.
    #[schema(example = "0.132")]
    value: String,
    #[schema(example = "kWh")]
    unit: String,
    /// In the words of the home's format.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<String>,
}

impl From<Reading> for ReadingView {
    fn from(reading: Reading) -> Self {
        Self {
            measured_at: reading.measured.at,
            sent_at: reading.sent_at,
            obis: reading.measured.obis,
            value: reading.measured.value,
            unit: reading.measured.unit,
            quality: reading.quality,
        }
    }
}

/// A page of readings, by the time of their records.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadingPage {
    pub(crate) readings: Vec<ReadingView>,
    /// Leads to the next page; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// Bytes as they came: the text itself, or base64 where they are no text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PayloadView {
    /// `utf-8` or `base64`.
    encoding: &'static str,
    payload: String,
}

impl From<Vec<u8>> for PayloadView {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(payload) => Self {
                encoding: "utf-8",
                payload,
            },
            Err(error) => Self {
                encoding: "base64",
                payload: STANDARD.encode(error.as_bytes()),
            },
        }
    }
}

/// A record as it was received.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageView {
    /// When the home made it.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// `data` or `acknowledgement`.
    channel: String,
    schema: String,
    #[serde(flatten)]
    payload: PayloadView,
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            sent_at: message.sent_at,
            received_at: message.received_at,
            channel: message.channel,
            schema: message.schema,
            payload: message.payload.into(),
        }
    }
}

/// A page of records, by their time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessagePage {
    pub(crate) messages: Vec<MessageView>,
    /// Leads to the next page; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// A message that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusedView {
    topic: String,
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// The beginning of it.
    #[serde(flatten)]
    payload: PayloadView,
}

impl From<Refused> for RefusedView {
    fn from(refused: Refused) -> Self {
        Self {
            topic: refused.topic,
            reason: refused.reason,
            received_at: refused.received_at,
            payload: refused.payload.into(),
        }
    }
}

/// Refused messages of a permission, the newest first; only the last ones are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusedPage {
    /// How many there were, by reason.
    pub(crate) counts: Vec<RefusalView>,
    pub(crate) refused: Vec<RefusedView>,
    /// Leads to the next page; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}
