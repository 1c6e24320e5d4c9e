//! What the household scans: a JSON object in standard base64. The same text stands below the picture, to be copied.
//! Homes of every generation refuse a code with a key that they do not know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::ids::{BundleId, PermissionId};
use crate::json::Object;

/// Code of the homes from 2026-02-05; also the answer to `POST permission-request`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// The request.
    pub eddie_id: BundleId,
    /// Its permissions.
    pub permission_ids: Vec<PermissionId>,
    /// Where the home asks for details: a template, its `{permissionId}` is literal.
    pub handshake_url: String,
    /// The token for that address.
    pub access_token: String,
}

/// Code of the homes from 2025-11-12: one permission each.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Single {
    /// The request.
    pub eddie_id: BundleId,
    /// The permission.
    pub permission_id: PermissionId,
    /// Who asks, as the home shows it to the household: the data need's name.
    pub service_name: String,
    /// Where the home asks for details, with the id in place.
    pub handshake_url: String,
    /// The token for that address.
    pub bearer_token: String,
}

/// The current code, for all permissions of a request. `public_url`: where this deployment is reached from outside,
/// with or without a slash at its end.
#[must_use]
pub fn bundle(
    public_url: &str,
    request: BundleId,
    permissions: &[PermissionId],
    access_token: &str,
) -> Bundle {
    Bundle {
        eddie_id: request,
        permission_ids: permissions.to_vec(),
        handshake_url: handshake_url(public_url, "{permissionId}"),
        access_token: access_token.to_owned(),
    }
}

/// The code of older homes, for one permission. Offer it only for a data need that
/// [`serves`](crate::DataNeed::serves) them.
#[must_use]
pub fn single(
    public_url: &str,
    request: BundleId,
    permission: PermissionId,
    service_name: &str,
    bearer_token: &str,
) -> Single {
    Single {
        eddie_id: request,
        permission_id: permission,
        service_name: service_name.to_owned(),
        handshake_url: handshake_url(public_url, &permission.to_string()),
        bearer_token: bearer_token.to_owned(),
    }
}

fn handshake_url(public_url: &str, permission: &str) -> String {
    let base = public_url.trim_end_matches('/');
    format!("{base}/region-connectors/aiida/permission-request/{permission}")
}

/// Why a text is no code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Not base64.
    #[error("the code is not base64")]
    Base64(#[from] base64::DecodeError),
    /// Not the object of this generation.
    #[error("the code is not one of this generation: {0}")]
    Json(#[from] serde_json::Error),
}

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text in the picture.
            #[must_use]
            pub fn to_text(&self) -> String {
                // An object of strings is always JSON.
                let json = serde_json::to_vec(self).unwrap_or_default();
                STANDARD.encode(json)
            }

            /// Reads a text as strictly as a home does.
            pub fn from_text(text: &str) -> Result<Self, CodeError> {
                let json = STANDARD.decode(text.trim())?;
                let Object(code) = serde_json::from_slice(&json)?;
                Ok(code)
            }
        }
    };
}

text!(Bundle);
text!(Single);

// The token opens the handshake: it stays out of what is printed.
impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("eddie_id", &self.eddie_id)
            .field("permission_ids", &self.permission_ids)
            .field("handshake_url", &self.handshake_url)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Single")
            .field("eddie_id", &self.eddie_id)
            .field("permission_id", &self.permission_id)
            .field("handshake_url", &self.handshake_url)
            .finish_non_exhaustive()
    }
}
