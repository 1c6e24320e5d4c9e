//! What a home and its household say over HTTPS: the code, the token that lets the home in, the answer to what it is
//! asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::home;

fuzz_target!(|bytes: &[u8]| {
    home::check_code(&String::from_utf8_lossy(bytes));
    home::check_token(bytes);
    home::check_answer(bytes);
});
