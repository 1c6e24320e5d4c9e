//! metergate
