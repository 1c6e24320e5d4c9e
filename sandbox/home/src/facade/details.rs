//! The details of a permission: tolerant about keys that are not known, strict about those that
//! are needed.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::Generation;
use crate::need::Need;

/// Why a home cannot read the details.
#[derive(Debug, thiserror::Error)]
pub enum DetailsError {
    /// Not an object with `permission_request` and `data_need`.
    #[error("the details are not what a home reads: {0}")]
    Shape(String),
    /// A value of `permission_request` is missing, null or malformed.
    #[error("permission_request.{key}: {reason}")]
    Request {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The data need cannot be read.
    #[error("data_need: {0}")]
    Need(String),
}

/// What the household decides on.
#[derive(Debug, Clone)]
pub(crate) struct Details {
    pub(crate) connection: String,
    pub(crate) meter: Option<String>,
    pub(crate) start: Date,
    pub(crate) end: Date,
    pub(crate) need: Need,
}

#[derive(Deserialize)]
struct Wire {
    permission_request: HashMap<String, Scalar>,
    data_need: Value,
}

/// Homes read every value of `permission_request` as a string: scalars become text, null stays
/// null, anything nested is an error.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Flag(bool),
    Null(()),
}

impl Scalar {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Null(()) => None,
        }
    }
}

impl Details {
    /// Reads the details of `permission` as a home of `generation` does.
    pub(crate) fn read(
        generation: Generation,
        permission: Uuid,
        body: &[u8],
    ) -> Result<Self, DetailsError> {
        let wire: Wire =
            serde_json::from_slice(body).map_err(|error| DetailsError::Shape(error.to_string()))?;
        let mut request = wire.permission_request;
        let id = needed::<Uuid>(&mut request, "permission_id", "is not a UUID")?;
        if id != permission {
            return Err(DetailsError::Request {
                key: "permission_id",
                reason: "is another permission's",
            });
        }
        Ok(Self {
            connection: needed(&mut request, "connection_id", "is not a string")?,
            meter: request.remove("meter_id").and_then(Scalar::into_text),
            // Both: the home's parser fails on null, so an open end needs a date as well.
            start: needed(&mut request, "start", "is not a date (yyyy-MM-dd)")?,
            end: needed(&mut request, "end", "is not a date (yyyy-MM-dd)")?,
            need: Need::read(generation, wire.data_need).map_err(DetailsError::Need)?,
        })
    }
}

fn needed<T: std::str::FromStr>(
    request: &mut HashMap<String, Scalar>,
    key: &'static str,
    malformed: &'static str,
) -> Result<T, DetailsError> {
    let text = request.remove(key).and_then(Scalar::into_text);
    let text = text.ok_or(DetailsError::Request {
        key,
        reason: "is missing or null",
    })?;
    text.parse().map_err(|_| DetailsError::Request {
        key,
        reason: malformed,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PERMISSION: &str = "22222222-2222-4222-8222-222222222222";

    fn details() -> Value {
        json!({
            "eddie_id": "11111111-1111-4111-8111-111111111111",
            "permission_request": {
                "permission_id": PERMISSION,
                "connection_id": "flat 7",
                "data_need_id": "44444444-4444-4444-8444-444444444444",
                "meter_id": null,
                "start": "2026-06-02",
                "end": "2026-06-12",
                "something_newer": 5
            },
            "data_need": {
                "type": "outbound-aiida",
                "id": "44444444-4444-4444-8444-444444444444",
                "name": "Power now",
                "purpose": "Steering",
                "policyLink": "https://ep.example/policy",
                "transmissionSchedule": "*/5 * * * * *",
                "asset": "SUBMETER",
                "schemas": ["SMART-METER-P1-RAW"]
            },
            "something_newer": []
        })
    }

    fn read(value: &Value) -> Result<Details, DetailsError> {
        let body = value.to_string();
        Details::read(
            Generation::June2026,
            PERMISSION.parse().unwrap(),
            body.as_bytes(),
        )
    }

    #[test]
    fn unknown_keys_are_ignored_and_scalars_are_text() {
        let mut value = details();
        value["permission_request"]["connection_id"] = json!(7);
        let read = read(&value).unwrap();
        assert_eq!(read.connection, "7");
        assert_eq!(read.meter, None);
        assert_eq!(read.start.to_string(), "2026-06-02");
        assert_eq!(read.end.to_string(), "2026-06-12");
    }

    #[test]
    fn what_is_needed_must_be_there() {
        for key in ["permission_id", "connection_id", "start", "end"] {
            let mut value = details();
            value["permission_request"][key] = Value::Null;
            assert!(read(&value).is_err(), "{key} null");
            let request = value["permission_request"].as_object_mut().unwrap();
            request.remove(key);
            assert!(read(&value).is_err(), "{key} missing");
        }
        for key in ["permission_request", "data_need"] {
            let mut value = details();
            value.as_object_mut().unwrap().remove(key);
            assert!(read(&value).is_err(), "{key}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for (key, wrong) in [
            (
                "permission_id",
                json!("33333333-3333-4333-8333-333333333333"),
            ),
            ("permission_id", json!("7")),
            ("start", json!("02.06.2026")),
            ("end", json!("2026-06-12T00:00:00Z")),
            ("connection_id", json!(["flat 7"])),
            ("something_newer", json!({"nested": true})),
        ] {
            let mut value = details();
            value["permission_request"][key] = wrong.clone();
            assert!(read(&value).is_err(), "{key}: {wrong}");
        }
    }
}
