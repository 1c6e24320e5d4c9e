//! Plain values inside an element: text and numbers, parsed from a reused buffer.

use super::{Cursor, Token};
use crate::reader::{Limit, ReadError, ReadErrorKind};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use std::io::BufRead;

/// Characters that an XML 1.0 document may hold.
pub(crate) fn is_xml_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

impl<R: BufRead> Cursor<R> {
    /// Reads to the end of the current element, which must hold text only; the text is in
    /// `self.text` then.
    #[inline]
    fn value_text(&mut self) -> Result<&str, ReadError> {
        self.text.clear();
        self.value_start = self.position();
        loop {
            match self.step::<true>()? {
                Token::Text { .. } => {
                    if self.text.len() > self.limits.max_token_bytes {
                        let max = u64::try_from(self.limits.max_token_bytes);
                        return Err(self.over(Limit::TokenBytes, max.unwrap_or(u64::MAX)));
                    }
                }
                Token::End => return Ok(self.text.trim_ascii()),
                Token::Start(_) => return Err(self.error(ReadErrorKind::NestedValue)),
                Token::Eof => return Err(self.error(ReadErrorKind::Truncated)),
            }
        }
    }

    /// An error about the value just read: at its first byte, in its element.
    #[cold]
    fn bad_value(&mut self, expected: &'static str) -> ReadError {
        let text = self.text.trim().chars().take(40).collect();
        self.value_error(ReadErrorKind::Value { text, expected })
    }

    /// Text, trimmed; `None` when there is none.
    pub(crate) fn string(&mut self) -> Result<Option<String>, ReadError> {
        let text = self.value_text()?;
        if text.is_empty() {
            return Ok(None);
        }
        if !text.chars().all(is_xml_character) {
            let kind = ReadErrorKind::Malformed("a control character in text");
            return Err(self.value_error(kind));
        }
        // It may be white space all the same, of the kind that is not ASCII.
        let text = self.text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Text, or `None` where there is markup instead (a title with `type="xhtml"`).
    pub(crate) fn string_or_markup(&mut self) -> Result<Option<String>, ReadError> {
        match self.string() {
            Err(ReadError {
                kind: ReadErrorKind::NestedValue,
                ..
            }) => {
                // One level further in than the value: out of the markup, then out of the value.
                self.skip()?;
                self.skip()?;
                Ok(None)
            }
            other => other,
        }
    }

    /// A whole number that matters.
    #[inline]
    pub(crate) fn integer(&mut self) -> Result<i64, ReadError> {
        let number = parse_integer(self.value_text()?.as_bytes());
        number.ok_or_else(|| self.bad_value("a whole number"))
    }

    /// A whole number that matters where it is stated; an empty element states nothing.
    pub(crate) fn integer_or_empty<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, ReadError> {
        let text = self.value_text()?;
        if text.is_empty() {
            return Ok(None);
        }
        let number = parse_integer(text.as_bytes()).and_then(|n| T::try_from(n).ok());
        let number = number.ok_or_else(|| self.bad_value("a whole number in range"))?;
        Ok(Some(number))
    }

    /// A whole number that may as well be absent.
    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, ReadError> {
        Ok(parse_integer(self.value_text()?.as_bytes()))
    }

    /// A number of a type of choice that may as well be absent; out of range is absent.
    pub(crate) fn optional<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, ReadError> {
        let number = self.optional_integer()?;
        Ok(number.and_then(|n| T::try_from(n).ok()))
    }

    /// Seconds since 1970. One custodian writes a fraction, which is cut off.
    #[inline]
    pub(crate) fn instant(&mut self) -> Result<Timestamp, ReadError> {
        let seconds = parse_whole_seconds(self.value_text()?.as_bytes());
        seconds
            .and_then(|s| Timestamp::from_second(s).ok())
            .ok_or_else(|| self.bad_value("a time in seconds since 1970"))
    }

    /// A length in seconds.
    #[inline]
    pub(crate) fn duration(&mut self) -> Result<u32, ReadError> {
        let seconds = parse_whole_seconds(self.value_text()?.as_bytes());
        seconds
            .and_then(|s| u32::try_from(s).ok())
            .ok_or_else(|| self.bad_value("a length in seconds"))
    }

    /// An RFC 3339 time; one without offset is taken as UTC; anything else is `None`.
    pub(crate) fn date_time(&mut self) -> Result<Option<Timestamp>, ReadError> {
        Ok(parse_date_time(self.value_text()?))
    }
}

#[inline]
fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    // Eighteen digits cannot overflow, so the loop needs no checks.
    if digits.is_empty() || digits.len() > 18 {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let mut number = 0_i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if negative { -number } else { number })
}

fn parse_whole_seconds(text: &[u8]) -> Option<i64> {
    let whole = match text.iter().position(|b| *b == b'.') {
        None => text,
        Some(point) => {
            let (whole, fraction) = text.split_at(point);
            let digits = fraction.get(1..)?;
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            whole
        }
    };
    parse_integer(whole)
}

fn parse_date_time(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let local = text.parse::<DateTime>().ok()?;
        Offset::UTC.to_timestamp(local).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-140737488355328", Some(-140_737_488_355_328)),
            ("+5", Some(5)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("000000000000000000000000001", Some(1)),
            ("", None),
            ("-", None),
            ("1.0", None),
            ("1,000", None),
            ("1e3", None),
            ("--1", None),
            ("+-1", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction_that_is_cut() {
        assert_eq!(
            parse_whole_seconds(b"1721154384.66136"),
            Some(1_721_154_384)
        );
        for text in ["1.", ".5", "1.x", "1.2.3", "nan"] {
            assert_eq!(parse_whole_seconds(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_with_and_without_offset() {
        for text in [
            "2019-10-24T16:31:36-04:00",
            "2019-10-24T20:31:36Z",
            "2019-10-24T20:31:36",
        ] {
            let expected = "2019-10-24T20:31:36Z".parse().ok();
            assert_eq!(parse_date_time(text), expected, "{text}");
        }
        assert_eq!(parse_date_time("yesterday"), None);
        assert_eq!(parse_date_time(""), None);
    }
}
