//! Feeds: read whole, read in pieces, written again, bound.

use std::io::{BufRead, BufReader};

use espi::writer::Feed;
use espi::{Binder, Bound, BoundBlock, Content, Entry, FeedHeader, Reader};

use crate::exact::Exact;

/// A document read to its end or to its first error.
#[derive(Debug, PartialEq)]
pub struct Read {
    /// What stood at the top.
    pub header: FeedHeader,
    /// What came before the end or the error.
    pub entries: Vec<Entry>,
    /// Position, place and words of the error.
    pub error: Option<(u64, String, String)>,
}

/// Reads a document; after an error nothing more may come.
pub fn read(input: impl BufRead) -> Read {
    let mut reader = Reader::new(input);
    let (mut entries, mut error) = (Vec::new(), None);
    for entry in &mut reader {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(found) => error = Some((found.offset, found.path.clone(), found.to_string())),
        }
    }
    assert!(reader.next().is_none(), "something came after the end");
    Read {
        header: reader.header().clone(),
        entries,
        error,
    }
}

/// What holds for any bytes. Gives the entries of a document that is whole.
pub fn check(bytes: &[u8]) -> Option<(FeedHeader, Vec<Entry>)> {
    let whole = read(bytes);
    let pieces = BufReader::with_capacity(1 + bytes.len() % 61, bytes);
    assert_eq!(read(pieces), whole, "the size of the pieces matters");
    if let Some((offset, path, words)) = whole.error {
        assert!(usize::try_from(offset).unwrap() <= bytes.len(), "{words}");
        assert!(
            words.starts_with(&format!("at byte {offset} in ")),
            "{words}"
        );
        assert!(
            words.len() < 500 + path.len() && path.len() < 33 * 165,
            "{words}"
        );
        return None;
    }
    assert!(
        whole
            .entries
            .windows(2)
            .all(|two| two[0].offset < two[1].offset)
    );
    Some((whole.header, whole.entries))
}

/// Entries as they compare: where they stood does not count.
pub fn without_offsets(entries: Vec<Entry>) -> Vec<Entry> {
    let plain = |entry| Entry { offset: 0, ..entry };
    entries.into_iter().map(plain).collect()
}

/// What the writer makes of a feed.
pub fn written(header: &FeedHeader, entries: &[Entry]) -> Vec<u8> {
    let mut feed = Feed::new(Vec::new(), header).unwrap();
    for entry in entries {
        feed.entry(entry).unwrap();
    }
    feed.finish().unwrap()
}

/// The entries that the writer can write.
pub fn writable(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.retain(|entry| is_written(&entry.content));
    entries
}

/// Whether the writer can write the content. The parser keeps namespaces as they are spelled, references and all, and
/// looks at no name's characters; neither is of a resource that anybody reads.
fn is_written(content: &Content) -> bool {
    let Content::Other { namespace, name } = content else {
        return true;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    namespace.chars().all(|c| plain(c) || ":/".contains(c)) && name.chars().all(plain)
}

/// What was read is written and read again: nothing may change. Gives what the second reading gave.
pub fn read_again(header: FeedHeader, entries: Vec<Entry>) -> Vec<Entry> {
    let bytes = written(&header, &entries);
    let again = read(&bytes[..]);
    let expected = Read {
        header,
        entries: without_offsets(entries),
        error: None,
    };
    let again = Read {
        entries: without_offsets(again.entries),
        ..again
    };
    for (found, expected) in again.entries.iter().zip(&expected.entries) {
        assert_eq!(found, expected);
    }
    assert_eq!(again, expected, "{}", String::from_utf8_lossy(&bytes));
    again.entries
}

/// All readings of a document, bound.
pub fn bind(entries: Vec<Entry>) -> Option<(Vec<BoundBlock>, Bound)> {
    let mut binder = Binder::new();
    let mut blocks = Vec::new();
    for entry in entries {
        blocks.extend(binder.push(entry).ok()?);
    }
    let bound = binder.finish().ok()?;
    blocks.extend(bound.blocks.clone());
    Some((blocks, bound))
}

/// Binding loses no reading, changes no value, and scaling is exact or refused.
pub fn check_bound(entries: &[Entry]) {
    let Some((blocks, bound)) = bind(entries.to_vec()) else {
        return;
    };
    let mut before: Vec<i64> = Vec::new();
    for entry in entries {
        if let Content::IntervalBlocks(blocks) = &entry.content {
            before.extend(
                blocks
                    .iter()
                    .flat_map(|block| &block.readings)
                    .map(|r| r.value),
            );
        }
    }
    let mut after: Vec<i64> = Vec::new();
    for block in &blocks {
        let series = &bound.series[block.series.index()];
        for reading in &block.readings {
            after.push(reading.value);
            check_scale(reading.value, series.multiplier());
        }
    }
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(after, before, "a reading was lost or made up");
}

/// `value × 10^multiplier`, against digits moved as text.
pub fn check_scale(value: i64, multiplier: i8) {
    let expected = Exact::scaled(value.into(), multiplier.into());
    match espi::scaled(value, multiplier) {
        Some(found) => {
            let text = found.to_string();
            assert_eq!(Exact::read(&text).as_ref(), Some(&expected), "{text}");
            assert!(!text.contains('.') || !text.ends_with('0'), "{text}");
        }
        None => assert!(!expected.surely_fits(), "{value} × 10^{multiplier}"),
    }
}
