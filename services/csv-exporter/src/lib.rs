//! csv-exporter

pub mod place;
pub mod table;
