//! OPAQUE: something that only the two ends understand, in an envelope.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::Origin;
use crate::meter::Reading;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    region_connector_id: &'static str,
    permission_id: Uuid,
    connection_id: &'a str,
    data_need_id: Uuid,
    message_id: Uuid,
    timestamp: Timestamp,
    payload: String,
}

pub(super) fn write(
    origin: &Origin,
    reading: &Reading,
    document: Uuid,
) -> serde_json::Result<Vec<u8>> {
    let lines: Vec<String> = reading
        .values(&origin.tags)
        .into_iter()
        .map(|value| format!("{}={}", value.tag, value.number))
        .collect();
    serde_json::to_vec(&Envelope {
        region_connector_id: "aiida",
        permission_id: origin.permission,
        connection_id: &origin.connection,
        data_need_id: origin.data_need,
        message_id: document,
        timestamp: reading.at,
        payload: lines.join(";"),
    })
}
