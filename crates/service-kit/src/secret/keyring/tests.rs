use super::*;
use crate::random::SeededRandom;

fn key(byte: u8) -> String {
    STANDARD.encode([byte; KEY_BYTES])
}

fn ring(text: &str) -> Keyring {
    Keyring::parse(&Secret::from(text)).unwrap()
}

fn refusal(text: &str) -> String {
    Keyring::parse(&Secret::from(text)).unwrap_err().to_string()
}

const PLACE: &str = "smd.authorization/42/access_token";

#[test]
fn what_is_sealed_opens_in_its_place_only() {
    let ring = ring(&format!("a:{}", key(1)));
    let sealed = ring.seal(PLACE, b"token-123").unwrap();
    assert_eq!(sealed.key_id, "a");
    assert_eq!(sealed.bytes.len(), 24 + 9 + 16);
    assert_eq!(
        ring.open(PLACE, &sealed).unwrap().expose_secret(),
        "token-123"
    );

    let elsewhere = ring
        .open("smd.authorization/43/access_token", &sealed)
        .unwrap_err();
    assert!(
        matches!(elsewhere, KeyringError::DoesNotOpen { .. }),
        "{elsewhere}"
    );
    for index in [0, 24, sealed.bytes.len() - 1] {
        let mut changed = sealed.clone();
        changed.bytes[index] ^= 1;
        assert!(ring.open(PLACE, &changed).is_err(), "changed byte {index}");
    }
    let short = Sealed {
        bytes: sealed.bytes[..23].to_vec(),
        ..sealed
    };
    assert!(matches!(
        ring.open(PLACE, &short),
        Err(KeyringError::DoesNotOpen { .. })
    ));
}

#[test]
fn keys_rotate() {
    let old = ring(&format!("2026:{}", key(1)));
    let sealed = old.seal(PLACE, b"token").unwrap();

    let both = ring(&format!("2027:{}, 2026:{}", key(2), key(1)));
    assert_eq!(both.ids(), ["2027", "2026"]);
    assert_eq!(both.open(PLACE, &sealed).unwrap().expose_secret(), "token");
    let resealed = both.seal(PLACE, b"token").unwrap();
    assert_eq!(resealed.key_id, "2027");

    let new = ring(&format!("2027:{}", key(2)));
    assert_eq!(new.open(PLACE, &resealed).unwrap().expose_secret(), "token");
    let gone = new.open(PLACE, &sealed).unwrap_err().to_string();
    assert!(
        gone.contains("key 2026") && gone.contains("add it behind"),
        "{gone}"
    );
}

#[test]
fn the_id_of_the_key_is_bound_in() {
    let sealed = ring(&format!("a:{}", key(1)))
        .seal(PLACE, b"token")
        .unwrap();
    let renamed = ring(&format!("b:{}", key(1)));
    let moved = Sealed {
        key_id: "b".to_owned(),
        ..sealed
    };
    assert!(matches!(
        renamed.open(PLACE, &moved),
        Err(KeyringError::DoesNotOpen { .. })
    ));
    assert_ne!(associated_data("a", "1:bc"), associated_data("a1", ":bc"));
}

#[test]
fn nonces_come_from_the_given_source() {
    let ring = || ring(&format!("a:{}", key(1))).with_random(SeededRandom::shared(3));
    assert_eq!(
        ring().seal(PLACE, b"x").unwrap(),
        ring().seal(PLACE, b"x").unwrap()
    );
    let one = ring();
    assert_ne!(
        one.seal(PLACE, b"x").unwrap(),
        one.seal(PLACE, b"x").unwrap()
    );
}

#[test]
fn bad_keys_are_refused_with_the_remedy_and_without_the_key() {
    assert!(refusal("").contains("openssl rand -base64 32"));
    assert!(refusal(" , ").contains("holds no key"));
    assert!(refusal("nocolon").starts_with("entry 1 of"));
    assert!(refusal(&format!("a:{},b c:x", key(1))).starts_with("entry 2 of"));
    let short = refusal("a:c2VjcmV0");
    assert!(
        short.contains("key a") && !short.contains("c2VjcmV0"),
        "{short}"
    );
    assert!(refusal(&format!("a:{0},a:{0}", key(1))).contains("twice"));
    let unpadded = key(1).trim_end_matches('=').to_owned();
    assert_eq!(ring(&format!("a:{unpadded}")).ids(), ["a"]);
}

#[test]
fn bytes_that_are_no_text_are_an_error_and_debug_shows_ids_only() {
    let ring = ring(&format!("a:{}", key(7)));
    let sealed = ring.seal(PLACE, &[0xff, 0xfe]).unwrap();
    assert!(matches!(
        ring.open(PLACE, &sealed),
        Err(KeyringError::NotText { .. })
    ));
    assert_eq!(format!("{ring:?}"), r#"Keyring { ids: ["a"], .. }"#);
}

#[test]
fn the_config_reads_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, format!("a:{}\n", key(1))).unwrap();
    let config = KeyringConfig {
        encryption_keys: None,
        encryption_keys_file: Some(file),
    };
    assert_eq!(config.load().unwrap().ids(), ["a"]);
    let missing = KeyringConfig::default().load().unwrap_err().to_string();
    assert!(
        missing.contains("METERGATE_ENCRYPTION_KEYS_FILE"),
        "{missing}"
    );
}
