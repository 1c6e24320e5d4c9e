//! What a home says about a permission.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::payload;
use permission::Status;
use permission::message::StatusMessage;

fuzz_target!(|bytes: &[u8]| match StatusMessage::parse(bytes) {
    Ok(message) => {
        assert!(message.named.permissions.len() <= 1);
        let acted_on = [
            Status::Revoked,
            Status::ExternallyTerminated,
            Status::Fulfilled,
        ];
        assert_eq!(message.is_acted_on(), acted_on.contains(&message.status));
        let mut spaced = bytes.to_vec();
        spaced.push(b'\n');
        if let Ok(again) = StatusMessage::parse(&spaced) {
            assert_eq!(again, message);
        }
    }
    Err(error) => payload::check_error(&error, bytes),
});
