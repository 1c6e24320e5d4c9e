//! What goes to a home.

use jiff::Timestamp;
use serde::Serialize;
use storage::aiida::OutgoingId;
use storage::aiida::outgoing::Listed;
use utoipa::ToSchema;

/// A command or inbound data on its way to the home.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutgoingView {
    #[schema(value_type = Uuid)]
    id: OutgoingId,
    /// `command` or `inbound`.
    kind: &'static str,
    /// The action, or the schema.
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the broker had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    published_at: Option<Timestamp>,
    /// Why it was not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<String>,
}

impl From<Listed> for OutgoingView {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.id,
            kind: listed.kind.name(),
            name: listed.name,
            created_at: listed.created_at,
            published_at: listed.published_at,
            dropped: listed.dropped,
        }
    }
}

/// The last commands and inbound data of a permission, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutgoingList {
    pub(crate) outgoing: Vec<OutgoingView>,
}

/// Something that was taken and will be published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Taken {
    /// Its id among the outgoing of the permission.
    #[schema(value_type = Uuid)]
    pub(crate) id: OutgoingId,
}
