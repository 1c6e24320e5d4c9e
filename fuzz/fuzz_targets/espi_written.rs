//! A made-up feed: what is written is read back as it was, and a feed that is cut is refused.
#![no_main]

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use metergate_fuzz::{feed, made_up};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    let Ok((header, entries)) = made_up::feed(&mut bytes) else {
        return;
    };
    let document = feed::written(&header, &entries);
    feed::check_bound(&entries);
    feed::read_again(header, entries);
    let cut = bytes
        .int_in_range(0..=document.len() - 1)
        .unwrap_or_default();
    assert!(feed::read(&document[..cut]).error.is_some(), "cut at {cut}");
});
