//! A list of links that a custodian posts.
#![no_main]

use espi::{notification, writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match notification::parse(bytes) {
    Ok(links) => {
        assert!(!links.is_empty() && links.len() <= 10_000);
        assert!(
            links
                .iter()
                .all(|link| !link.is_empty() && link.trim() == link)
        );
        let again = writer::batch_list(&links);
        assert_eq!(notification::parse(again.as_bytes()).unwrap(), links);
    }
    Err(error) => assert!(
        usize::try_from(error.offset).unwrap() <= bytes.len(),
        "{error}"
    ),
});
