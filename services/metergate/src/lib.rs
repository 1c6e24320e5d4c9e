//! metergate

pub mod files;
