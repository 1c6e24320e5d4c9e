//! A feed: read, written again, bound. What is not a feed is refused with its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::feed;

fuzz_target!(|bytes: &[u8]| {
    let Some((header, entries)) = feed::check(bytes) else {
        return;
    };
    feed::check_bound(&entries);
    let entries = feed::writable(entries);
    let bound = feed::bind(entries.clone());
    assert_eq!(feed::bind(feed::read_again(header, entries)), bound);
});
