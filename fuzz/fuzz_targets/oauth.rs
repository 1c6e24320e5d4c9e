//! What comes back while a customer lets us in: the query of the callback, an answer of the token endpoint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::oauth;

fuzz_target!(|bytes: &[u8]| {
    oauth::check_callback(&String::from_utf8_lossy(bytes));
    oauth::check_answer(bytes);
});
