//! What a home says about a permission, retained on `…/status`.

use jiff::Timestamp;
use serde::Deserialize;

use super::scalar::Scalar;
use super::{MessageError, Named, bounded};
use crate::json::Object;
use crate::status::Status;

/// A status message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    /// What the permission is at the home.
    pub status: Status,
    /// Whose it says it is.
    pub named: Named,
    /// When, by the home's clock. None when it does not say so in a way that we understand.
    pub at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow, default)]
    status: Scalar<'a>,
    #[serde(borrow, default)]
    permission_id: Scalar<'a>,
    #[serde(borrow, default)]
    connection_id: Scalar<'a>,
    #[serde(borrow, default)]
    data_need_id: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
}

impl StatusMessage {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<Self, MessageError> {
        bounded(payload)?;
        let Object(payload): Object<Payload<'_>> = serde_json::from_slice(payload)?;
        let status = payload.status.text("status")?;
        let status = status.ok_or(MessageError::Missing("status"))?;
        let permission = payload.permission_id.permission("permissionId")?;
        let connection = payload.connection_id.text("connectionId")?;
        Ok(Self {
            status: status.parse().map_err(|_| MessageError::Status)?,
            named: Named {
                permissions: permission.into_iter().collect(),
                connection_id: connection.map(Into::into),
                data_need: payload.data_need_id.data_need("dataNeedId")?,
            },
            // For show only: a household's word is not refused for the clock of its home.
            at: payload.timestamp.time("timestamp").ok().flatten(),
        })
    }

    /// Whether it changes the permission: the household took its consent back, the home confirms the end, or the
    /// time frame is over. The other statuses are the home's own view of what we know already.
    #[must_use]
    pub const fn is_acted_on(&self) -> bool {
        matches!(
            self.status,
            Status::Revoked | Status::ExternallyTerminated | Status::Fulfilled
        )
    }
}
