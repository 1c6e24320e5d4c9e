//! Elements onto an output, escaped.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

/// An output with the few things the writer needs.
#[derive(Debug)]
pub(super) struct Sink<W> {
    output: W,
}

impl<W: Write> Sink<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output }
    }

    pub(super) fn get_ref(&self) -> &W {
        &self.output
    }

    pub(super) fn into_inner(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    /// Markup as it is.
    pub(super) fn raw(&mut self, markup: &str) -> io::Result<()> {
        self.output.write_all(markup.as_bytes())
    }

    /// Text, escaped for elements and attributes alike.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.raw(&escaped(text))
    }

    /// A value whose text needs no escaping (numbers, times).
    pub(super) fn shown(&mut self, value: &dyn Display) -> io::Result<()> {
        write!(self.output, "{value}")
    }

    /// `<ns0:name>`, what `inside` writes, `</ns0:name>`.
    pub(super) fn element(
        &mut self,
        name: &str,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.raw("<ns0:")?;
        self.raw(name)?;
        self.raw(">")?;
        inside(self)?;
        self.raw("</ns0:")?;
        self.raw(name)?;
        self.raw(">")
    }

    /// A number in an element, when there is one.
    pub(super) fn number<N: Display>(&mut self, name: &str, number: Option<N>) -> io::Result<()> {
        match number {
            None => Ok(()),
            Some(number) => self.element(name, |out| out.shown(&number)),
        }
    }

    /// Text in an element, when there is some.
    pub(super) fn string(&mut self, name: &str, text: Option<&String>) -> io::Result<()> {
        match text {
            None => Ok(()),
            Some(text) => self.element(name, |out| out.text(text)),
        }
    }
}

/// Markup characters as entities, white space that a parser would change as references, and
/// characters that no XML document may hold as U+FFFD.
fn escaped(text: &str) -> Cow<'_, str> {
    let plain = |c: char| {
        crate::xml::is_xml_character(c)
            && !matches!(c, '<' | '>' | '&' | '"' | '\'' | '\t' | '\n' | '\r')
    };
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if crate::xml::is_xml_character(c) => out.push(c),
            _ => out.push('\u{FFFD}'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping() {
        assert_eq!(escaped("Möller"), "Möller");
        assert_eq!(
            escaped("<a & \"b\">\u{1}\r\n"),
            "&lt;a &amp; &quot;b&quot;&gt;\u{FFFD}&#13;&#10;"
        );
    }
}
