//! What the small documents around a feed have in common: one root, whole in memory, read once.

use crate::reader::{Limits, ReadError, ReadErrorKind, described};
use crate::xml::{Cursor, Ns, Token};

/// Reads a small document: checks the root, lets `take` read its children (each child the
/// closure does not take is passed over), and looks that nothing follows.
pub(crate) fn read(
    bytes: &[u8],
    root: &'static str,
    take: impl FnMut(&mut Cursor<&[u8]>, Ns) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    read_root(bytes, Some(root), take)
}

/// The same for a document whose root may be anything.
pub(crate) fn read_any(
    bytes: &[u8],
    take: impl FnMut(&mut Cursor<&[u8]>, Ns) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    read_root(bytes, None, take)
}

fn read_root(
    bytes: &[u8],
    root: Option<&'static str>,
    mut take: impl FnMut(&mut Cursor<&[u8]>, Ns) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    let mut cursor = Cursor::new(bytes, Limits::default());
    loop {
        match cursor.next()? {
            Token::Text { blank: true } => {}
            Token::Text { blank: false } => return Err(cursor.error(ReadErrorKind::StrayText)),
            Token::End | Token::Eof => return Err(cursor.error(ReadErrorKind::NoRoot)),
            Token::Start(ns) => match root {
                Some(expected) if ns != Ns::Espi || cursor.name() != expected => {
                    let found = described(&cursor, ns);
                    return Err(cursor.error(ReadErrorKind::UnexpectedRoot { found, expected }));
                }
                _ => break,
            },
        }
    }
    while let Some(ns) = cursor.child()? {
        if !take(&mut cursor, ns)? {
            cursor.skip()?;
        }
    }
    loop {
        match cursor.next()? {
            Token::Eof => return Ok(()),
            Token::Text { blank: true } => {}
            _ => return Err(cursor.error(ReadErrorKind::TrailingContent)),
        }
    }
}

/// An error about the document as a whole.
pub(crate) fn at_root(kind: ReadErrorKind) -> ReadError {
    ReadError {
        offset: 0,
        path: String::new(),
        kind,
    }
}
