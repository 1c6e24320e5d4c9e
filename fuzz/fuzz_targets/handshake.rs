//! A home's answer to what it is asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use permission::handshake::{Operation, Patch};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(patch) = Patch::parse(bytes) else {
        return;
    };
    // In what is passed over, an escape of half a character counts as JSON here and not there.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let meant = match patch.operation {
        Operation::Accept => "ACCEPT",
        Operation::Reject => "REJECT",
        Operation::Unfulfillable => "UNFULFILLABLE",
    };
    assert_eq!(
        value["operation"], meant,
        "an answer in another form than homes write"
    );
    let again = serde_json::to_vec(&patch).unwrap();
    assert_eq!(Patch::parse(&again).unwrap(), patch);
});
