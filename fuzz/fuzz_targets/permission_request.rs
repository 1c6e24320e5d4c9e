//! The body with which anybody may ask for permissions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Err(mistakes) = aiida_permission::fuzzing::asked(body) {
        assert!(!mistakes.is_empty() && mistakes.len() <= 5, "{mistakes:?}");
        assert!(mistakes.iter().all(|words| !words.is_empty()));
    }
});
