//! What the fuzz targets share: the properties that hold for every input, kept apart from the entry points in
//! `fuzz_targets/`, one file for each kind of input.

pub mod exact;
pub mod feed;
pub mod made_up;
pub mod payload;
