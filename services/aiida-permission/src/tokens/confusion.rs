//! Tokens that want to be taken for something else. Each is tried with every signature that its author could make,
//! also with our own key: then only what it says is wrong.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use uuid::Uuid;

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const HEAD: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn now() -> Timestamp {
    Timestamp::from_second(1_780_394_400).unwrap()
}

fn tokens() -> Tokens {
    Tokens::new(&Secret::from(KEY)).unwrap()
}

fn claims() -> Value {
    let id = Uuid::from_u128(1);
    json!({"iat": 1_780_308_000, "exp": 1_780_912_800, "permissions": {"aiida": [id]}, "code": "bundle"})
}

fn key_bytes() -> Vec<u8> {
    STANDARD.decode(KEY).unwrap()
}

fn mac(key: &[u8], body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    URL_SAFE_NO_PAD.encode(mac.chain_update(body).finalize().into_bytes())
}

fn body(head: &str, claims: &str) -> String {
    let (head, claims) = (URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    format!("{head}.{claims}")
}

/// Signed with our key, as only we can.
fn signed(head: &str, claims: &str) -> String {
    let body = body(head, claims);
    format!("{body}.{}", mac(&key_bytes(), &body))
}

#[track_caller]
fn refused(token: &str) {
    let checked = tokens().check(token, now());
    assert_eq!(checked.unwrap_err(), TokenError::Invalid, "{token}");
}

/// Without this the others would show nothing.
#[test]
fn what_they_are_made_of_is_good() {
    let access = tokens().check(&signed(HEAD, &claims().to_string()), now());
    assert!(access.unwrap().is_for(Uuid::from_u128(1).into()));
}

#[test]
fn no_other_algorithm_is_taken_whoever_signed() {
    let claims = claims().to_string();
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""NONE""#,
        r#""nOnE""#,
        r#""""#,
        "null",
        "1",
        "[]",
        r#""hs256""#,
        r#""HS256 ""#,
        r#""HS384""#,
        r#""HS512""#,
        r#""RS256""#,
        r#""RS512""#,
        r#""PS256""#,
        r#""ES256""#,
        r#""EdDSA""#,
    ] {
        let body = body(&format!(r#"{{"typ":"JWT","alg":{alg}}}"#), &claims);
        let mut signatures = vec![String::new(), "AAAA".to_owned()];
        // The secret taken for somebody's public key: its bytes, and as it is written in the setting.
        signatures.push(mac(&key_bytes(), &body));
        signatures.push(mac(KEY.as_bytes(), &body));
        let long = Hmac::<Sha512>::new_from_slice(&key_bytes()).unwrap();
        signatures.push(URL_SAFE_NO_PAD.encode(long.chain_update(&body).finalize().into_bytes()));
        for signature in signatures {
            refused(&format!("{body}.{signature}"));
        }
        refused(&body);
    }
    refused(&signed(r#"{"typ":"JWT"}"#, &claims));
    refused(&signed(r#"{"alg":"HS256","alg":"none"}"#, &claims));
}

/// A key that the token itself names or brings along.
#[test]
fn no_key_comes_with_a_token() {
    let claims = claims().to_string();
    let own = [7; 32];
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(own), "alg": "HS256"});
    for extra in [
        json!({"kid": "../../../../dev/null"}),
        json!({"kid": "' UNION SELECT 'x"}),
        json!({"jku": "https://evil.example/keys.json"}),
        json!({"x5u": "https://evil.example/chain.pem"}),
        json!({"jwk": jwk}),
        json!({"x5c": ["AAAA"]}),
    ] {
        let mut head = json!({"typ": "JWT", "alg": "HS256"});
        let more = extra.as_object().unwrap().clone();
        head.as_object_mut().unwrap().extend(more);
        let body = body(&head.to_string(), &claims);
        for key in [own.as_slice(), &[0; 32], b""] {
            refused(&format!("{body}.{}", mac(key, &body)));
        }
    }
}

#[test]
fn a_signature_is_whole_and_written_in_one_way() {
    let good = signed(HEAD, &claims().to_string());
    let (body, signature) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for length in [0, 1, 16, 31] {
        refused(&format!(
            "{body}.{}",
            URL_SAFE_NO_PAD.encode(bytes.get(..length).unwrap())
        ));
    }
    for more in [&[0][..], &bytes] {
        refused(&format!(
            "{body}.{}",
            URL_SAFE_NO_PAD.encode([&bytes, more].concat())
        ));
    }
    // 43 letters hold two bits more than 32 bytes.
    let (most, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let others = alphabet
        .chars()
        .filter(|letter| *letter.to_string() != *last);
    for letter in others {
        refused(&format!("{body}.{most}{letter}"));
    }
    for text in ["=", " ", "\n", "\0", ".", "%00"] {
        refused(&format!("{good}{text}"));
        refused(&format!("{text}{good}"));
    }
    refused(&good.replace('.', ".."));
    refused(&format!("{body}.{}", STANDARD.encode(&bytes)));
}

#[test]
fn claims_are_these_and_each_once() {
    let change = |pointer: &str, value: Value| {
        let mut changed = claims();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    let add = |name: &str, value: Value| {
        let mut more = claims();
        more[name] = value;
        more.to_string()
    };
    let without = |name: &str| {
        let mut less = claims();
        less.as_object_mut().unwrap().remove(name);
        less.to_string()
    };
    let text = claims().to_string();
    for wrong in [
        add("nbf", json!(4_000_000_000_i64)),
        add("nbf", json!(1)),
        add("iss", json!("https://evil.example")),
        add("aud", json!("another")),
        add("sub", json!("operator")),
        without("exp"),
        without("iat"),
        without("code"),
        without("permissions"),
        change("/exp", json!("1780912800")),
        change("/exp", json!(1e300)),
        change("/exp", json!(null)),
        change("/code", json!("another")),
        change("/permissions", json!({"aiida": []}).to_string().into()),
        change("/permissions", json!({"aiida": "*"})),
        change("/permissions/aiida", json!(["*"])),
        change("/permissions", json!({"aiida": [], "smd": []})),
        // The last, or the first, would win elsewhere.
        text.replacen('{', r#"{"exp":4000000000,"#, 1),
        text.replacen('{', r#"{"permissions":{"aiida":[]},"#, 1),
        format!("{text}{text}"),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
    ] {
        refused(&signed(HEAD, &wrong));
    }
    let ended = change("/exp", json!(now().as_second()));
    let checked = tokens().check(&signed(HEAD, &ended), now());
    assert_eq!(checked.unwrap_err(), TokenError::Expired);
    let nobody = change("/permissions/aiida", json!([]));
    let access = tokens().check(&signed(HEAD, &nobody), now()).unwrap();
    assert!(!access.is_for(Uuid::from_u128(1).into()));
}
