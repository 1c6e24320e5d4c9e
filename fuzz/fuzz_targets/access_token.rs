//! The token that lets a home in: none can be made or changed without the secret, and one made with it is good for
//! exactly the permissions that it lists, until its end.
#![no_main]

use aiida_permission::fuzzing::Door;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use permission::{Generation, PermissionId};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_780_000_000;

fuzz_target!(|bytes: &[u8]| {
    let secret = base64::engine::general_purpose::STANDARD.encode(KEY);
    let door = Door::new(&secret).expect("32 bytes");
    let ids: Vec<PermissionId> = (1..4).map(|nr| Uuid::from_u128(nr).into()).collect();
    let mut bytes = Unstructured::new(bytes);
    match bytes.int_in_range(0..=2_u8).unwrap_or_default() {
        0 => strange(&door, &String::from_utf8_lossy(bytes.take_rest()), &ids),
        1 => changed(&door, bytes.take_rest(), &ids),
        _ => signed(&door, bytes.take_rest(), &ids),
    }
});

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A text that the secret was not used for.
fn strange(door: &Door, text: &str, ids: &[PermissionId]) {
    assert_eq!(door.check(text, at(NOW), ids), Err(false), "{text}");
}

/// A good token, and the same with bytes put in other places.
fn changed(door: &Door, changes: &[u8], ids: &[PermissionId]) {
    let good = door
        .issue(&ids[..2], Generation::Bundle, at(NOW), at(NOW + 60))
        .unwrap();
    let expected = Ok((ids[..2].to_vec(), Generation::Bundle));
    assert_eq!(door.check(&good, at(NOW), ids), expected);
    assert_eq!(door.check(&good, at(NOW + 60), ids), Err(true));
    let mut bad = good.clone().into_bytes();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bad.len();
        bad[place] = change[2];
    }
    let bad = String::from_utf8_lossy(&bad);
    if bad != good {
        strange(door, &bad, ids);
    }
}

/// Claims of any kind under the right signature: who has the secret may say anything, but it has to be claims.
fn signed(door: &Door, claims: &[u8], ids: &[PermissionId]) {
    let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(&KEY)
        .unwrap()
        .chain_update(&text);
    let token = format!(
        "{text}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    );
    let Ok((good, _)) = door.check(&token, at(NOW), ids) else {
        return;
    };
    let claims: Value = serde_json::from_slice(claims).expect("claims are JSON");
    assert!(claims["exp"].as_i64().unwrap() > NOW);
    let listed = claims["permissions"]["aiida"].as_array().unwrap();
    for id in good {
        assert!(
            listed
                .iter()
                .filter_map(Value::as_str)
                .any(|it| it.parse() == Ok(id))
        );
    }
}
