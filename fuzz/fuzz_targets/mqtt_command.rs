//! A command for a home, from the API or as it is on the wire.
#![no_main]

use libfuzzer_sys::fuzz_target;
use permission::{Command, CommandKind, PermissionId};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(command) = Command::parse(bytes) else {
        return;
    };
    let permission: PermissionId = "0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2".parse().unwrap();
    let payload = command.payload(permission);
    assert_eq!(Command::parse(&payload).unwrap(), command);
    let wire: Value = serde_json::from_slice(&payload).unwrap();
    let keys = match command.kind() {
        CommandKind::Terminate => 3,
        CommandKind::UpdateTransmissionSchedule | CommandKind::SetTransmissionEnabled => 4,
    };
    assert_eq!(wire.as_object().unwrap().len(), keys);
    assert_eq!(wire["permissionId"], permission.to_string());
    assert_eq!(wire["action"], command.name());
});
