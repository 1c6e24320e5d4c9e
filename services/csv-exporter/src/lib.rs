//! csv-exporter

pub mod place;
