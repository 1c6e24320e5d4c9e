//! A payload on any topic: a record of each schema, a status, a command.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::payload;

fuzz_target!(|bytes: &[u8]| {
    payload::check_records(bytes);
    payload::check_status(bytes);
    payload::check_command(bytes);
});
