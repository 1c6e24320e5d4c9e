//! Payloads that are wrong in themselves.

use serde_json::Value;
use uuid::Uuid;

use super::{Fault, Victim};

/// Stands for a value until the text is written: JSON has no word for what it becomes.
const SPOILED: &str = "SPOILED";
/// More than Metergate takes, and less than the broker lets through.
const OVERSIZED: usize = 200_000;
/// More than the broker lets through.
const BEYOND_BROKER: usize = 1_100_000;
/// As many as fit into an answer to the facade.
const NESTED: usize = 5_000;

/// The payload spoiled by a fault of its bytes; none when the fault is no such one.
pub(super) fn spoil(fault: Fault, payload: &[u8]) -> Option<Vec<u8>> {
    Some(match fault {
        Fault::Oversized => padded(payload, OVERSIZED),
        Fault::BeyondBroker => padded(payload, BEYOND_BROKER),
        Fault::Truncated => payload.get(..payload.len() / 2)?.to_vec(),
        Fault::WrongTypes => every_value(payload, &Value::Array(Vec::new()))?,
        Fault::HugeNumbers => worded(payload, "1e400")?,
        Fault::NotANumber => worded(payload, "NaN")?,
        Fault::DeepNesting => {
            let mut nested = vec![b'['; NESTED];
            nested.resize(NESTED * 2, b']');
            nested
        }
        Fault::InvalidUtf8 => {
            let mut spoiled = payload.to_vec();
            // Into the first key.
            spoiled.insert(payload.iter().position(|byte| *byte == b'"')? + 1, 0xFF);
            spoiled
        }
        Fault::Empty => Vec::new(),
        Fault::UnknownKeys => with(payload, "somethingNewer", "5")?,
        _ => return None,
    })
}

/// The payload in somebody else's name; none when the fault is no such one.
pub(super) fn in_the_name_of(
    fault: Fault,
    payload: &[u8],
    own: &Victim,
    other: &Victim,
) -> Option<Vec<u8>> {
    let (key, own, other) = match fault {
        Fault::ForeignPermission => ("permissionId", id(own.permission), id(other.permission)),
        Fault::ForeignDataNeed => ("dataNeedId", id(own.data_need), id(other.data_need)),
        Fault::ForeignConnection => (
            "connectionId",
            own.connection.clone(),
            other.connection.clone(),
        ),
        _ => return None,
    };
    let text = std::str::from_utf8(payload).ok()?;
    if text.contains(&own) {
        return Some(text.replace(&own, &other).into_bytes());
    }
    with(payload, key, &other)
}

fn id(id: Uuid) -> String {
    id.to_string()
}

fn padded(payload: &[u8], length: usize) -> Vec<u8> {
    let mut padded = payload.to_vec();
    padded.resize(length, b' ');
    padded
}

fn with(payload: &[u8], key: &str, value: &str) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(payload).ok()?;
    document
        .as_object_mut()?
        .insert(key.to_owned(), Value::from(value));
    serde_json::to_vec(&document).ok()
}

/// Every value becomes this word, which need not be JSON.
fn worded(payload: &[u8], word: &str) -> Option<Vec<u8>> {
    let spoiled = every_value(payload, &Value::from(SPOILED))?;
    let text = String::from_utf8(spoiled).ok()?;
    Some(text.replace(&format!("\"{SPOILED}\""), word).into_bytes())
}

fn every_value(payload: &[u8], value: &Value) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(payload).ok()?;
    replace(&mut document, value);
    serde_json::to_vec(&document).ok()
}

fn replace(at: &mut Value, value: &Value) {
    match at {
        Value::Object(keys) => keys.values_mut().for_each(|one| replace(one, value)),
        Value::Array(list) => list.iter_mut().for_each(|one| replace(one, value)),
        _ => at.clone_from(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &[u8] = br#"{"a":{"b":[1,"x"]},"c":null}"#;

    fn spoiled(fault: Fault) -> String {
        String::from_utf8_lossy(&spoil(fault, PAYLOAD).unwrap()).into_owned()
    }

    #[test]
    fn payloads_are_spoiled_as_named() {
        assert_eq!(spoiled(Fault::Truncated), r#"{"a":{"b":[1,""#);
        assert_eq!(spoiled(Fault::WrongTypes), r#"{"a":{"b":[[],[]]},"c":[]}"#);
        assert_eq!(
            spoiled(Fault::HugeNumbers),
            r#"{"a":{"b":[1e400,1e400]},"c":1e400}"#
        );
        assert_eq!(
            spoiled(Fault::NotANumber),
            r#"{"a":{"b":[NaN,NaN]},"c":NaN}"#
        );
        assert_eq!(spoiled(Fault::Empty), "");
        assert_eq!(spoiled(Fault::Oversized).len(), OVERSIZED);
        assert_eq!(spoiled(Fault::BeyondBroker).len(), BEYOND_BROKER);
        assert_eq!(spoiled(Fault::DeepNesting).len(), NESTED * 2);
        assert_eq!(
            spoiled(Fault::UnknownKeys),
            r#"{"a":{"b":[1,"x"]},"c":null,"somethingNewer":"5"}"#
        );
        let broken = spoil(Fault::InvalidUtf8, PAYLOAD).unwrap();
        assert!(String::from_utf8(broken).is_err());
        assert_eq!(spoil(Fault::Flood, PAYLOAD), None);
    }

    #[test]
    fn another_name_takes_the_place_of_the_own_one_or_is_added() {
        let victim = |number: u128, connection: &str| Victim {
            permission: Uuid::from_u128(number),
            connection: connection.to_owned(),
            data_need: Uuid::from_u128(number + 1),
            token: None,
        };
        let (own, other) = (victim(1, "flat 1"), victim(9, "flat 9"));
        let payload = br#"{"connectionId":"flat 1"}"#;
        let spoiled = |fault| {
            let spoiled = in_the_name_of(fault, payload, &own, &other).unwrap();
            String::from_utf8(spoiled).unwrap()
        };
        assert_eq!(
            spoiled(Fault::ForeignConnection),
            r#"{"connectionId":"flat 9"}"#
        );
        assert!(spoiled(Fault::ForeignPermission).contains(&id(other.permission)));
        assert!(spoiled(Fault::ForeignDataNeed).contains(&id(other.data_need)));
        assert_eq!(in_the_name_of(Fault::Empty, payload, &own, &other), None);
    }
}
