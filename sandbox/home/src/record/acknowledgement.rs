//! ACKNOWLEDGEMENT-CIM-V1-12: what a home answers to an inbound envelope.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Header, Origin};
use crate::Schema;

#[derive(Serialize)]
struct Acknowledgement<'a> {
    #[serde(rename = "MessageDocumentHeader")]
    header: Header<'a>,
    #[serde(rename = "MarketDocument")]
    document: Document,
}

#[derive(Serialize)]
struct Document {
    #[serde(rename = "mRID")]
    id: Uuid,
    #[serde(rename = "createdDateTime")]
    created: Timestamp,
    #[serde(rename = "received_MarketDocument.mRID")]
    received_id: Option<String>,
    #[serde(rename = "received_MarketDocument.createdDateTime")]
    received_created: Option<String>,
    #[serde(rename = "Reason", skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    code: &'static str,
}

/// The answer to `payload`, which came in `schema`; none when it is not JSON, or when homes do
/// not answer that schema.
pub(crate) fn acknowledge(
    schema: Schema,
    origin: &Origin,
    payload: &[u8],
    now: Timestamp,
    document: Uuid,
) -> Option<Vec<u8>> {
    let received: Value = serde_json::from_slice(payload).ok()?;
    let text = |pointer: &str| {
        let value = received.pointer(pointer)?;
        value.as_str().map(str::to_owned)
    };
    let (received_id, received_created, reasons) = match schema {
        Schema::MinMaxEnvelope => (
            text("/MarketDocument/mRID"),
            text("/MessageDocumentHeader/creationDateTime"),
            vec![Reason { code: "A01" }],
        ),
        Schema::Opaque => (text("/messageId"), text("/timestamp"), Vec::new()),
        Schema::Raw | Schema::Cim | Schema::CimV104 | Schema::CimV112 | Schema::Acknowledgement => {
            return None;
        }
    };
    serde_json::to_vec(&Acknowledgement {
        header: origin.header(now, "acknowledgement-market-document"),
        document: Document {
            id: document,
            created: now,
            received_id,
            received_created,
            reasons,
        },
    })
    .ok()
}
