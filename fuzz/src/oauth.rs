//! What comes back while a customer lets us in: through the browser, and from the token endpoint.

use service_kit::secret::ExposeSecret as _;
use smd_client::fuzzing;
use smd_client::{Callback, CallbackError, RequestKind, Secret};

/// What a browser brings back to the callback.
pub fn check_callback(query: &str) {
    let callback = match Callback::parse(query) {
        Ok(callback) => callback,
        Err(error) => {
            assert_eq!(error == CallbackError::TooLong, query.len() > 8 * 1024);
            return;
        }
    };
    let printed = format!("{callback:?}");
    assert!(printed.len() < 1000, "{printed}");
    match &callback {
        Callback::Code { state, .. } => {
            assert!(callback.denial().is_none());
            assert!(!query.contains("error=") || query.contains("error=&") || !has_error(query));
            assert!(state.as_deref() != Some(""));
        }
        Callback::Denied {
            error, description, ..
        } => {
            assert!(callback.denial().is_some());
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            assert!(error.chars().all(plain) && error.len() <= 64, "{error}");
            let words = description.as_deref().unwrap_or_default();
            assert!(!words.contains(char::is_control) && words.chars().count() <= 200);
        }
    }
}

/// Whether one of the parameters is an error with something in it.
fn has_error(query: &str) -> bool {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.any(|(name, value)| name == "error" && !value.is_empty())
}

/// Answers of the token endpoint: tokens in JSON, the client token in XML, and refusals, which are cut down to what may
/// stand in a log.
pub fn check_answer(body: &[u8]) {
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
}

/// The text of a secret.
fn text(secret: &Secret) -> &str {
    secret.expose_secret()
}
