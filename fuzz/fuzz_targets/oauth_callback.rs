//! What a browser brings back to the callback.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smd_client::{Callback, CallbackError};

fuzz_target!(|query: &str| {
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
});

/// Whether one of the parameters is an error with something in it.
fn has_error(query: &str) -> bool {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.any(|(name, value)| name == "error" && !value.is_empty())
}
