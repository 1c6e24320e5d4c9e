//! How much of a feed the reader accepts before it refuses, and what it says then.

use std::fmt;

/// Bounds on a document. A feed that exceeds one is refused with an error that names it.
///
/// The defaults are far above every feed seen and keep memory small: an entry is held whole, so
/// `max_entry_bytes` decides how much memory one hostile entry can take (up to a few times its size).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nested elements; real feeds have 8. Default 32.
    pub max_depth: usize,
    /// Bytes of one entry. Default 64 MiB: some custodians put all readings into one entry, and two
    /// years of quarter hours, indented, are 28 MiB. PG&E's entries are a day each, 30 KiB.
    pub max_entry_bytes: u64,
    /// Entries in a document. Default 10 million.
    pub max_entries: u64,
    /// Readings in a document. Default 100 million.
    pub max_readings: u64,
    /// Bytes of one tag, comment, or text between tags, also where it is pieced together from
    /// several. Default 64 KiB.
    pub max_token_bytes: usize,
    /// Attributes of one element. Default 64.
    pub max_attributes: usize,
    /// Links of one entry. Default 1,000.
    pub max_links: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 32,
            max_entry_bytes: 64 * 1024 * 1024,
            max_entries: 10_000_000,
            max_readings: 100_000_000,
            max_token_bytes: 64 * 1024,
            max_attributes: 64,
            max_links: 1_000,
        }
    }
}

/// Which bound was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::max_depth`].
    Depth,
    /// [`Limits::max_entry_bytes`].
    EntryBytes,
    /// [`Limits::max_entries`].
    Entries,
    /// [`Limits::max_readings`].
    Readings,
    /// [`Limits::max_token_bytes`].
    TokenBytes,
    /// [`Limits::max_attributes`].
    Attributes,
    /// [`Limits::max_links`].
    Links,
}

impl Limit {
    /// The field of [`Limits`] that raises it.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Depth => "max_depth",
            Self::EntryBytes => "max_entry_bytes",
            Self::Entries => "max_entries",
            Self::Readings => "max_readings",
            Self::TokenBytes => "max_token_bytes",
            Self::Attributes => "max_attributes",
            Self::Links => "max_links",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "nested elements",
            Self::EntryBytes => "bytes in one entry",
            Self::Entries => "entries",
            Self::Readings => "readings",
            Self::TokenBytes => "bytes in one tag or text",
            Self::Attributes => "attributes of one element",
            Self::Links => "links of one entry",
        })
    }
}
