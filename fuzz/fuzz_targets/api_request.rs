//! What the eligible party hands over: the file of data needs, the body of a request for permissions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::api;

fuzz_target!(|bytes: &[u8]| {
    api::check_data_needs(bytes);
    api::check_request(bytes);
});
