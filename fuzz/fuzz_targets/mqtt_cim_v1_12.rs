//! A near-real-time document of CIM v1.12.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::payload;
use permission::Schema;

fuzz_target!(|bytes: &[u8]| {
    if let Some(record) = payload::check(Schema::SmartMeterP1CimV112, bytes) {
        assert!(record.sent_at.is_some());
        if let Some(written) = payload::cim_values(bytes) {
            payload::check_values(&record, &written);
        }
    }
});
