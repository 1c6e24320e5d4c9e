//! Answers of the token endpoint: tokens in JSON, the client token in XML, and refusals, which are cut down to what may
//! stand in a log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_kit::secret::ExposeSecret as _;
use smd_client::fuzzing;
use smd_client::{RequestKind, Secret};

/// The text of a secret.
fn text(secret: &Secret) -> &str {
    secret.expose_secret()
}

fuzz_target!(|body: &[u8]| {
    let previous = Secret::from("the previous one");
    let (first, next) = (
        fuzzing::tokens(body, None),
        fuzzing::tokens(body, Some(&previous)),
    );
    assert!(first.is_none() || next.is_some());
    if let Some(next) = next {
        assert!(!text(&next.access_token).is_empty() && !text(&next.refresh_token).is_empty());
        match first {
            Some(first) => assert_eq!(text(&first.refresh_token), text(&next.refresh_token)),
            None => assert_eq!(text(&next.refresh_token), "the previous one"),
        }
        assert!(!format!("{next:?}").contains("token:"));
        for id in [next.subscription(), next.authorization()]
            .into_iter()
            .flatten()
        {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(id.as_str().chars().all(plain) && id.as_str().len() <= 64);
            assert!(id.as_str() != "." && id.as_str() != "..");
        }
    }
    if let Some(token) = fuzzing::client_token(body) {
        assert!(!token.is_empty());
    }
    for kind in [RequestKind::Batch, RequestKind::TokenRefresh] {
        for status in [302, 400, 401, 404, 500, 503] {
            let words = fuzzing::refusal(kind, status, body).unwrap().to_string();
            assert!(
                words.len() < 1200 && !words.contains(char::is_control),
                "{words:?}"
            );
            let number = words
                .split(|c: char| !c.is_ascii_digit())
                .find(|run| run.len() >= 5);
            assert_eq!(number, None, "perhaps a customer's id: {words}");
        }
    }
});
