//! The MQTT side of the eligible party.

fn main() {}
