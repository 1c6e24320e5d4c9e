//! What the test files share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use espi::{BindError, Binder, Bound, BoundBlock, Entry, ReadError, Reader};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Reads a document to its end.
pub(crate) fn entries(bytes: &[u8]) -> Result<Vec<Entry>, ReadError> {
    Reader::new(bytes).collect()
}

/// A document bound: all blocks in the order they came out, and the rest.
pub(crate) fn bind_with(
    binder: Binder,
    bytes: &[u8],
) -> Result<(Vec<BoundBlock>, Bound), BindError> {
    let mut binder = binder;
    let mut blocks = Vec::new();
    for entry in entries(bytes).unwrap() {
        blocks.extend(binder.push(entry)?);
    }
    let bound = binder.finish()?;
    blocks.extend(bound.blocks.clone());
    Ok((blocks, bound))
}

pub(crate) fn bind(bytes: &[u8]) -> (Vec<BoundBlock>, Bound) {
    bind_with(Binder::new(), bytes).unwrap()
}

/// Readings per local calendar day.
pub(crate) fn per_day(blocks: &[BoundBlock], zone: &str) -> BTreeMap<String, usize> {
    let zone = TimeZone::get(zone).unwrap();
    let mut days = BTreeMap::new();
    for reading in blocks.iter().flat_map(|block| &block.readings) {
        let day = reading.start.to_zoned(zone.clone()).date().to_string();
        *days.entry(day).or_insert(0) += 1;
    }
    days
}
