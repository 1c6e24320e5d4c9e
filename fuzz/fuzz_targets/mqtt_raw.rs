//! A record of a meter's values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::payload;
use permission::Schema;

fuzz_target!(|bytes: &[u8]| {
    if let Some(record) = payload::check(Schema::SmartMeterP1Raw, bytes) {
        assert!(record.sent_at.is_some());
        if let Some(written) = payload::raw_values(bytes) {
            payload::check_values(&record, &written);
        }
    }
});
