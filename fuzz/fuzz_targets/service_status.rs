//! The custodian's word on whether it is up.
#![no_main]

use espi::{service_status, writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match service_status::parse(bytes) {
    Ok(status) => {
        let again = writer::service_status(status);
        assert_eq!(service_status::parse(again.as_bytes()).unwrap(), status);
    }
    Err(error) => assert!(
        usize::try_from(error.offset).unwrap() <= bytes.len(),
        "{error}"
    ),
});
