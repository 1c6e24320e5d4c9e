//! What a home and its household say over HTTPS: the code that was scanned, the token that lets the home in, the answer
//! to what it is asked.

use std::sync::LazyLock;

use aiida_permission::fuzzing::Door;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use permission::code::{Bundle, Single};
use permission::handshake::{Operation, Patch};
use permission::{Generation, PermissionId};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_780_000_000;
static DOOR: LazyLock<Door> = LazyLock::new(|| Door::new(&STANDARD.encode(KEY)).expect("32 bytes"));

/// The text that a household scans: read back as it was, by one generation only.
pub fn check_code(text: &str) {
    let (bundle, single) = (Bundle::from_text(text), Single::from_text(text));
    assert!(
        bundle.is_err() || single.is_err(),
        "a code of two generations"
    );
    if let Ok(bundle) = bundle {
        assert_eq!(Bundle::from_text(&bundle.to_text()).unwrap(), bundle);
        assert!(Single::from_text(&bundle.to_text()).is_err());
        assert!(!format!("{bundle:?}").contains("access_token"));
    }
    if let Ok(single) = single {
        assert_eq!(Single::from_text(&single.to_text()).unwrap(), single);
        assert!(Bundle::from_text(&single.to_text()).is_err());
        assert!(!format!("{single:?}").contains("bearer_token"));
    }
}

/// The answer to what a home is asked.
pub fn check_answer(bytes: &[u8]) {
    let Ok(patch) = Patch::parse(bytes) else {
        return;
    };
    // In what is passed over, an escape of half a character counts as JSON here and not there.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let meant = match patch.operation {
        Operation::Accept => "ACCEPT",
        Operation::Reject => "REJECT",
        Operation::Unfulfillable => "UNFULFILLABLE",
    };
    assert_eq!(
        value["operation"], meant,
        "an answer in another form than homes write"
    );
    let again = serde_json::to_vec(&patch).unwrap();
    assert_eq!(Patch::parse(&again).unwrap(), patch);
}

/// The token that lets a home in: none can be made or changed without the secret, and one made with it is good for
/// exactly the permissions that it lists, until its end.
pub fn check_token(bytes: &[u8]) {
    let ids = [1, 2, 3].map(|nr| Uuid::from_u128(nr).into());
    strange(&String::from_utf8_lossy(bytes), &ids);
    changed(bytes, &ids);
    signed(bytes, &ids);
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A text that the secret was not used for.
fn strange(text: &str, ids: &[PermissionId]) {
    assert_eq!(DOOR.check(text, at(NOW), ids), Err(false), "{text}");
}

/// A good token, and the same with bytes put in other places.
fn changed(changes: &[u8], ids: &[PermissionId]) {
    let good = DOOR
        .issue(&ids[..2], Generation::Bundle, at(NOW), at(NOW + 60))
        .unwrap();
    let expected = Ok((ids[..2].to_vec(), Generation::Bundle));
    assert_eq!(DOOR.check(&good, at(NOW), ids), expected);
    assert_eq!(DOOR.check(&good, at(NOW + 60), ids), Err(true));
    let mut bad = good.clone().into_bytes();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bad.len();
        bad[place] = change[2];
    }
    let bad = String::from_utf8_lossy(&bad);
    if bad != good {
        strange(&bad, ids);
    }
}

/// Claims of any kind under the right signature: who has the secret may say anything, but it has to be claims.
fn signed(claims: &[u8], ids: &[PermissionId]) {
    let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(&KEY)
        .unwrap()
        .chain_update(&text);
    let token = format!(
        "{text}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    );
    let Ok((good, _)) = DOOR.check(&token, at(NOW), ids) else {
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
