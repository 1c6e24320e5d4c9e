use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn tokens() -> Tokens {
    Tokens::new(&Secret::from(KEY)).unwrap()
}

fn id(number: u128) -> PermissionId {
    Uuid::from_u128(number).into()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn token(code: Generation) -> String {
    let (from, until) = (at("2026-06-01T10:00:00Z"), at("2026-06-08T10:00:00Z"));
    tokens().issue(&[id(1), id(2)], code, from, until).unwrap()
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_has_exactly_these_parts() {
    let token = token(Generation::Bundle);
    assert_eq!(part(&token, 0), json!({"typ": "JWT", "alg": "HS256"}));
    let expected = json!({
        "iat": 1_780_308_000, "exp": 1_780_912_800, "code": "bundle",
        "permissions": {"aiida": [id(1), id(2)]}
    });
    assert_eq!(part(&token, 1), expected);
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(
        token,
        super::tests::token(Generation::Bundle),
        "a page shows the same code again"
    );
}

#[test]
fn a_good_token_names_its_permissions_and_its_code() {
    for code in [Generation::Single, Generation::Bundle] {
        let access = tokens()
            .check(&token(code), at("2026-06-08T09:59:59Z"))
            .unwrap();
        assert_eq!(access.code, code);
        assert!(access.is_for(id(1)) && access.is_for(id(2)));
        assert!(!access.is_for(id(3)));
    }
}

#[test]
fn a_token_ends_to_the_second() {
    let ended = tokens().check(&token(Generation::Bundle), at("2026-06-08T10:00:00Z"));
    assert_eq!(ended.unwrap_err(), TokenError::Expired);
}

#[test]
fn nothing_else_is_a_token() {
    let now = at("2026-06-02T10:00:00Z");
    let good = token(Generation::Bundle);
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, mac) = rest.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let hs512 = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS512"}"#);
    let rs256 = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256"}"#);
    let mut changed = part(&good, 1);
    changed["permissions"]["aiida"] = json!([id(3)]);
    let changed = URL_SAFE_NO_PAD.encode(changed.to_string());
    let other = Tokens::new(&Secret::from(KEY.replace("AAEC", "BBEC"))).unwrap();
    let foreign = other
        .issue(
            &[id(1)],
            Generation::Bundle,
            now,
            at("2030-01-01T00:00:00Z"),
        )
        .unwrap();
    for bad in [
        String::new(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{mac}"),
        format!("{hs512}.{claims}.{mac}"),
        format!("{rs256}.{claims}.{mac}"),
        format!("{head}.{changed}.{mac}"),
        format!("{good}x"),
        format!("{good}.{mac}"),
        "x".repeat(LONGEST + 1),
        foreign,
    ] {
        assert_eq!(
            tokens().check(&bad, now).unwrap_err(),
            TokenError::Invalid,
            "{bad}"
        );
    }
}

/// The new key stands in front of the old one until no code of the old one is shown any more.
#[test]
fn the_first_key_signs_and_all_check() {
    let now = at("2026-06-02T10:00:00Z");
    let other = KEY.replace("AAEC", "BBEC");
    let ring = |keys: &[&str]| Tokens::new(&Secret::from(keys.join(", "))).unwrap();
    let good = |keys: &[&str], token: &str| ring(keys).check(token, now).is_ok();
    let by_old = token(Generation::Bundle);
    let until = at("2026-06-08T10:00:00Z");
    let by_new = ring(&[&other, KEY]).issue(&[id(1)], Generation::Bundle, now, until);
    let by_new = by_new.unwrap();
    assert!(good(&[&other, KEY], &by_old) && good(&[&other, KEY], &by_new));
    assert!(
        good(&[KEY, &other], &by_new),
        "a replica that is a step behind"
    );
    assert!(good(&[&other], &by_new) && !good(&[&other], &by_old));
    assert!(good(&[KEY], &by_old) && !good(&[KEY], &by_new));
}

#[test]
fn a_key_is_32_bytes_in_base64() {
    for bad in [
        "",
        "AAAA",
        "not base64!",
        &format!("{KEY}AAAA"),
        &format!("{KEY},"),
        &format!(",{KEY}"),
        &format!("{KEY},AAAA"),
    ] {
        assert!(Tokens::new(&Secret::from(bad)).is_err(), "{bad:?}");
    }
}
