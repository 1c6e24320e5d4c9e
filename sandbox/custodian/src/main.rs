//! custodian
fn main() {}
