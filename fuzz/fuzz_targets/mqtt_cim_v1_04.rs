//! A near-real-time document of CIM v1.04.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::payload;
use permission::Schema;

fuzz_target!(|bytes: &[u8]| {
    if let Some(record) = payload::check(Schema::SmartMeterP1CimV104, bytes) {
        assert!(record.sent_at.is_some());
        if let Some(written) = payload::cim_values(bytes) {
            payload::check_values(&record, &written);
        }
    }
});
