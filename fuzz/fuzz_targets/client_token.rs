//! The client token as XML: nothing empty is a token, and none is printed.
#![no_main]

use espi::client_token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match client_token::parse(bytes) {
    Ok(token) => {
        let secret = &token.client_access_token;
        assert!(!secret.is_empty() && secret.trim() == secret);
        assert!(format!("{token:?}").starts_with("ClientToken { client_access_token: \"…\","));
    }
    Err(error) => assert!(
        usize::try_from(error.offset).unwrap() <= bytes.len(),
        "{error}"
    ),
});
