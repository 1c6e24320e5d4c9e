//! `OPAQUE`: any bytes. Where they are a JSON object that names a permission, that name counts.

use serde::Deserialize;

use super::scalar::Scalar;
use super::{Named, Record};
use crate::json::Object;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    permission_id: Scalar<'a>,
    #[serde(borrow, default)]
    request_permission_id: Scalar<'a>,
}

/// What is not to be understood is not there. The other keys of such an object are the two sides' own affair.
pub(super) fn parse(payload: &[u8]) -> Record {
    let Object(payload): Object<Payload<'_>> = serde_json::from_slice(payload).unwrap_or_default();
    let ids = [payload.permission_id, payload.request_permission_id];
    let ids = ids.into_iter();
    Record {
        sent_at: payload.timestamp.time("timestamp").ok().flatten(),
        named: Named {
            permissions: ids
                .filter_map(|id| id.permission("permissionId").ok().flatten())
                .collect(),
            ..Named::default()
        },
        readings: Vec::new(),
        skipped: 0,
    }
}
