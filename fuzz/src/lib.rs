//! What the fuzz targets share: the properties that hold for every input, kept apart from the entry points in
//! `fuzz_targets/`, one file for each kind of input.

pub mod api;
pub mod document;
pub mod exact;
pub mod feed;
pub mod home;
pub mod made_up;
pub mod oauth;
pub mod payload;
pub mod table;
