//! The custodian's small documents: a list of links, whether it is up, the client token. Each reader gets every document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::document;

fuzz_target!(|bytes: &[u8]| {
    document::check_notification(bytes);
    document::check_service_status(bytes);
    document::check_client_token(bytes);
});
