//! The code that a household scans: standard base64 of a JSON object whose keys must be exactly
//! those of the home's generation. A home refuses a key that it does not know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use uuid::Uuid;

use crate::Generation;

/// Where the newer codes want the permission's id.
const PLACE: &str = "{permissionId}";

/// Why a code cannot be used. The messages never quote the code: it carries a token.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Not base64.
    #[error("the code is not standard base64: copy it whole")]
    Base64(#[from] base64::DecodeError),
    /// Not the JSON of this generation.
    #[error("a home of {generation} cannot read the code: {reason}")]
    Json {
        /// Which home.
        generation: Generation,
        /// What is wrong, without what the code holds.
        reason: String,
    },
    /// Nothing to accept.
    #[error("the code names no permission")]
    Empty,
    /// The address has no place for the id, or still has one.
    #[error("the code's handshake address is not what a home of {0} expects")]
    Address(Generation),
}

/// One permission of a scanned code.
#[derive(Clone)]
pub(crate) struct Invitation {
    pub(crate) permission: Uuid,
    /// Sent with every status message.
    pub(crate) eddie: Uuid,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("permission", &self.permission)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Homes of 2025-09-10 to 2026-02-04.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SingleCode {
    eddie_id: Uuid,
    permission_id: Uuid,
    #[serde(rename = "serviceName")]
    _service_name: String,
    handshake_url: String,
    bearer_token: String,
}

/// Homes from 2026-02-05.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BundleCode {
    eddie_id: Uuid,
    permission_ids: Vec<Uuid>,
    handshake_url: String,
    access_token: String,
}

/// Reads a code as a home of `generation` does.
pub(crate) fn read(generation: Generation, text: &str) -> Result<Vec<Invitation>, CodeError> {
    let json = STANDARD.decode(text.trim())?;
    let invitations = if generation.scans_single_codes() {
        single(generation, &json)?
    } else {
        bundle(generation, &json)?
    };
    if invitations.is_empty() {
        return Err(CodeError::Empty);
    }
    Ok(invitations)
}

fn single(generation: Generation, json: &[u8]) -> Result<Vec<Invitation>, CodeError> {
    let code: SingleCode = parse(generation, json)?;
    // This home asks the address as it is, and an address with braces is none.
    if code.handshake_url.contains(['{', '}']) {
        return Err(CodeError::Address(generation));
    }
    Ok(vec![Invitation {
        permission: code.permission_id,
        eddie: code.eddie_id,
        url: code.handshake_url,
        token: code.bearer_token,
    }])
}

fn bundle(generation: Generation, json: &[u8]) -> Result<Vec<Invitation>, CodeError> {
    let code: BundleCode = parse(generation, json)?;
    if !code.handshake_url.contains(PLACE) {
        return Err(CodeError::Address(generation));
    }
    let invite = |permission: &Uuid| Invitation {
        permission: *permission,
        eddie: code.eddie_id,
        url: code.handshake_url.replace(PLACE, &permission.to_string()),
        token: code.access_token.clone(),
    };
    Ok(code.permission_ids.iter().map(invite).collect())
}

fn parse<T: serde::de::DeserializeOwned>(
    generation: Generation,
    json: &[u8],
) -> Result<T, CodeError> {
    serde_json::from_slice(json).map_err(|error| CodeError::Json {
        generation,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn single_code() -> Value {
        json!({
            "eddieId": "11111111-1111-4111-8111-111111111111",
            "permissionId": "22222222-2222-4222-8222-222222222222",
            "serviceName": "Energy service",
            "handshakeUrl": "https://ep.example/permission-request/22222222-2222-4222-8222-222222222222",
            "bearerToken": "a.b.c"
        })
    }

    fn bundle_code() -> Value {
        json!({
            "eddieId": "11111111-1111-4111-8111-111111111111",
            "permissionIds": [
                "22222222-2222-4222-8222-222222222222",
                "33333333-3333-4333-8333-333333333333"
            ],
            "handshakeUrl": "https://ep.example/permission-request/{permissionId}",
            "accessToken": "a.b.c"
        })
    }

    fn try_read(generation: Generation, code: &Value) -> Result<Vec<Invitation>, CodeError> {
        read(generation, &STANDARD.encode(code.to_string()))
    }

    #[test]
    fn each_generation_reads_its_own_code_only() {
        let old = Generation::November2025;
        let read_by_old = try_read(old, &single_code()).unwrap();
        assert_eq!(read_by_old.len(), 1);
        assert!(try_read(old, &bundle_code()).is_err());
        for new in [Generation::February2026, Generation::June2026] {
            let invitations = try_read(new, &bundle_code()).unwrap();
            assert_eq!(invitations.len(), 2);
            assert_eq!(
                invitations[1].url,
                "https://ep.example/permission-request/33333333-3333-4333-8333-333333333333"
            );
            assert!(try_read(new, &single_code()).is_err());
        }
    }

    #[test]
    fn an_unknown_key_is_refused_in_every_generation() {
        for generation in Generation::ALL {
            let mut code = if generation.scans_single_codes() {
                single_code()
            } else {
                bundle_code()
            };
            code["version"] = json!(1);
            let error = try_read(generation, &code).unwrap_err().to_string();
            assert!(error.contains("unknown field `version`"), "{error}");
        }
    }

    #[test]
    fn a_missing_or_null_key_is_refused() {
        for key in [
            "eddieId",
            "permissionId",
            "serviceName",
            "handshakeUrl",
            "bearerToken",
        ] {
            for change in [None, Some(Value::Null)] {
                let mut code = single_code();
                match change {
                    None => drop(code.as_object_mut().unwrap().remove(key)),
                    Some(null) => code[key] = null,
                }
                assert!(try_read(Generation::November2025, &code).is_err(), "{key}");
            }
        }
    }

    #[test]
    fn the_older_token_key_is_not_the_newer_one() {
        let mut code = single_code();
        let token = code.as_object_mut().unwrap().remove("bearerToken").unwrap();
        code["accessToken"] = token;
        assert!(try_read(Generation::November2025, &code).is_err());
    }

    #[test]
    fn a_template_is_for_newer_homes_only() {
        let mut code = single_code();
        code["handshakeUrl"] = json!("https://ep.example/permission-request/{permissionId}");
        let refused = try_read(Generation::November2025, &code);
        assert!(matches!(refused, Err(CodeError::Address(_))));
        let mut code = bundle_code();
        code["handshakeUrl"] = json!("https://ep.example/permission-request/2");
        let refused = try_read(Generation::June2026, &code);
        assert!(matches!(refused, Err(CodeError::Address(_))));
    }

    #[test]
    fn other_texts_are_no_codes() {
        assert!(matches!(
            read(Generation::June2026, "%%%"),
            Err(CodeError::Base64(_))
        ));
        let mut code = bundle_code();
        code["permissionIds"] = json!([]);
        let refused = try_read(Generation::June2026, &code);
        assert!(matches!(refused, Err(CodeError::Empty)));
    }

    #[test]
    fn tokens_are_not_printed() {
        let invitation = try_read(Generation::June2026, &bundle_code()).unwrap();
        assert!(!format!("{invitation:?}").contains("a.b.c"));
    }
}
