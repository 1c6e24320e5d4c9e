//! The input, metered: how many bytes went by, and an end to tokens that do not end.

use std::io::{self, BufRead, Read};

/// A token went on beyond its limit.
#[derive(Debug, thiserror::Error)]
#[error("a tag or text is longer than its limit")]
pub(crate) struct TokenTooLong;

/// What some files begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Counts what is consumed, and refuses to hand out more than a token may have. The XML parser
/// gathers a token in memory before anybody sees it, so the bound has to be below the parser.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    inner: R,
    consumed: u64,
    token_left: usize,
    mark: Mark,
}

/// Where a byte order mark stands. The parser takes it off only where the first piece of the
/// input holds all of it, and over a slow connection the first piece can be one byte.
#[derive(Debug)]
enum Mark {
    /// The input has begun with so many of its bytes.
    Sought(usize),
    /// These of its bytes are handed out next.
    Held(&'static [u8]),
}

impl<R> Metered<R> {
    pub(crate) fn new(inner: R, token_bytes: usize) -> Self {
        Self {
            inner,
            consumed: 0,
            token_left: token_bytes,
            mark: Mark::Sought(0),
        }
    }

    /// Bytes consumed so far.
    pub(crate) fn position(&self) -> u64 {
        self.consumed
    }

    /// A new token begins.
    pub(crate) fn begin_token(&mut self, token_bytes: usize) {
        self.token_left = token_bytes;
    }
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), available.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token_left == 0 {
            return Err(io::Error::other(TokenTooLong));
        }
        while let Mark::Sought(seen) = self.mark {
            let next = BYTE_ORDER_MARK.get(seen);
            if next.is_some() && self.inner.fill_buf()?.first() == next {
                self.inner.consume(1);
                self.mark = Mark::Sought(seen + 1);
            } else {
                self.mark = Mark::Held(BYTE_ORDER_MARK.get(..seen).unwrap_or_default());
            }
        }
        let available = match self.mark {
            Mark::Held(rest) if !rest.is_empty() => rest,
            _ => self.inner.fill_buf()?,
        };
        Ok(available.get(..self.token_left).unwrap_or(available))
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        self.token_left = self.token_left.saturating_sub(count);
        self.consumed = self
            .consumed
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        match &mut self.mark {
            Mark::Held(rest) if !rest.is_empty() => *rest = rest.get(count..).unwrap_or_default(),
            _ => self.inner.consume(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_at_its_limit_and_the_count_is_exact() {
        let mut source = Metered::new(&b"abcdefgh"[..], 3);
        let mut out = [0; 8];
        assert_eq!(source.read(&mut out).unwrap(), 3);
        let error = source.fill_buf().unwrap_err();
        assert!(error.get_ref().unwrap().is::<TokenTooLong>());
        source.begin_token(10);
        assert_eq!(source.fill_buf().unwrap(), b"defgh");
        source.consume(5);
        assert_eq!(source.position(), 8);
        assert_eq!(source.fill_buf().unwrap(), b"");
    }
}
