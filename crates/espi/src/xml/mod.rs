//! XML below the resources: a cursor that goes in and out of elements by namespace URI and local
//! name, checks what the parser leaves unchecked (declared prefixes, entities, depth, sizes), and
//! says where it stands when something is wrong. Nothing here knows a resource.

mod checks;
mod path;
mod quoted;
mod source;
mod values;

pub(crate) use values::is_xml_character;

use crate::reader::{Limit, Limits, ReadError, ReadErrorKind};
use checks::{begin, declared_encoding, resolve_reference};
use path::Path;
use quick_xml::Error as XmlError;
use quick_xml::NsReader;
use quick_xml::errors::SyntaxError;
use quick_xml::events::Event;
use source::{Metered, TokenTooLong};
use std::io::BufRead;

/// The namespaces that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ns {
    Atom,
    Espi,
    Customer,
    Foreign,
}

/// One step of the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// An element begins; its local name is [`Cursor::name`].
    Start(Ns),
    /// The innermost element ended.
    End,
    /// Text, a reference or CDATA, `blank` when it is white space only.
    Text { blank: bool },
    /// The input ended.
    Eof,
}

/// `rel` and `href` of the last `atom:link`.
#[derive(Debug, Default)]
pub(crate) struct LinkAttributes {
    pub(crate) rel: String,
    pub(crate) href: String,
}

/// Reads a document step by step.
#[derive(Debug)]
pub(crate) struct Cursor<R> {
    xml: NsReader<Metered<R>>,
    buffer: Vec<u8>,
    path: Path,
    /// Text of the current plain value; reused.
    text: String,
    /// Namespace URI of the last `Start(Ns::Foreign)`.
    foreign: String,
    link: LinkAttributes,
    /// Where the last token began.
    token_start: u64,
    /// Where the text of the current plain value begins.
    value_start: u64,
    /// Where the entry being read began.
    entry_start: Option<u64>,
    limits: Limits,
}

impl<R: BufRead> Cursor<R> {
    pub(crate) fn new(input: R, limits: Limits) -> Self {
        let mut xml = NsReader::from_reader(Metered::new(input, limits.max_token_bytes));
        let config = xml.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Self {
            xml,
            buffer: Vec::with_capacity(1024),
            path: Path::default(),
            text: String::new(),
            foreign: String::new(),
            link: LinkAttributes::default(),
            token_start: 0,
            value_start: 0,
            entry_start: None,
            limits,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Local name of the innermost element.
    #[inline]
    pub(crate) fn name(&self) -> &str {
        self.path.last()
    }

    /// Namespace URI of an element that began as [`Ns::Foreign`].
    pub(crate) fn foreign_namespace(&self) -> &str {
        &self.foreign
    }

    pub(crate) fn link(&self) -> &LinkAttributes {
        &self.link
    }

    /// Byte offset at which the last token began.
    pub(crate) fn token_start(&self) -> u64 {
        self.token_start
    }

    /// An entry began with the last token: its bytes count from there.
    pub(crate) fn enter_entry(&mut self) {
        self.entry_start = Some(self.token_start);
    }

    pub(crate) fn leave_entry(&mut self) {
        self.entry_start = None;
    }

    /// An error at the last token.
    #[cold]
    pub(crate) fn error(&self, kind: ReadErrorKind) -> ReadError {
        ReadError {
            offset: self.token_start,
            path: self.path.joined(),
            kind: quoted::cut(kind),
        }
    }

    /// An error about the plain value that was just left.
    #[cold]
    fn value_error(&mut self, kind: ReadErrorKind) -> ReadError {
        self.path.back_in();
        ReadError {
            offset: self.value_start,
            path: self.path.joined(),
            kind,
        }
    }

    /// Bytes consumed so far.
    #[inline]
    fn position(&self) -> u64 {
        self.xml.get_ref().position()
    }

    #[cold]
    pub(crate) fn over(&self, limit: Limit, max: u64) -> ReadError {
        self.error(ReadErrorKind::Limit { limit, max })
    }

    /// Next start of a child, or `None` at the end of the current element.
    #[inline]
    pub(crate) fn child(&mut self) -> Result<Option<Ns>, ReadError> {
        loop {
            match self.step::<false>()? {
                Token::Start(ns) => return Ok(Some(ns)),
                Token::End => return Ok(None),
                Token::Text { blank: true } => {}
                Token::Text { blank: false } => return Err(self.error(ReadErrorKind::StrayText)),
                Token::Eof => return Err(self.error(ReadErrorKind::Truncated)),
            }
        }
    }

    /// Goes to the end of the current element, whatever is in it.
    pub(crate) fn skip(&mut self) -> Result<(), ReadError> {
        let outside = self.path.depth().saturating_sub(1);
        loop {
            match self.step::<false>()? {
                Token::End if self.path.depth() == outside => return Ok(()),
                Token::Eof => return Err(self.error(ReadErrorKind::Truncated)),
                _ => {}
            }
        }
    }

    /// One step, outside of plain values.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Token, ReadError> {
        self.step::<false>()
    }

    /// One step; with `KEEP` text is appended to `self.text`.
    #[inline]
    fn step<const KEEP: bool>(&mut self) -> Result<Token, ReadError> {
        let max_token_bytes = self.limits.max_token_bytes;
        loop {
            self.token_start = self.position();
            if let Some(start) = self.entry_start
                && self.token_start - start > self.limits.max_entry_bytes
            {
                return Err(self.over(Limit::EntryBytes, self.limits.max_entry_bytes));
            }
            self.xml.get_mut().begin_token(max_token_bytes);
            self.buffer.clear();
            let event = match self.xml.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(self.parser_error(error)),
            };
            let checked = match event {
                Event::Start(start) => {
                    if self.path.depth() >= self.limits.max_depth {
                        let max = u64::try_from(self.limits.max_depth).unwrap_or(u64::MAX);
                        return Err(self.over(Limit::Depth, max));
                    }
                    begin(
                        &start,
                        self.xml.resolver(),
                        &self.limits,
                        &mut self.path,
                        &mut self.foreign,
                        &mut self.link,
                    )
                    .map(Token::Start)
                }
                Event::End(_) => {
                    self.path.pop();
                    Ok(Token::End)
                }
                Event::Text(text) => Ok(keep::<KEEP>(&mut self.text, &text)),
                Event::CData(text) => Ok(keep::<KEEP>(&mut self.text, &text)),
                Event::GeneralRef(reference) => resolve_reference(&reference).map(|character| {
                    if KEEP {
                        self.text.push(character);
                    }
                    Token::Text { blank: false }
                }),
                Event::Decl(declaration) => match declared_encoding(&declaration) {
                    Ok(()) if self.token_start == 0 => continue,
                    Ok(()) => Err(ReadErrorKind::Malformed(
                        "an XML declaration that is not at the start",
                    )),
                    Err(kind) => Err(kind),
                },
                Event::DocType(_) => Err(ReadErrorKind::DocumentType),
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof if self.path.depth() > 0 => Err(ReadErrorKind::Truncated),
                Event::Eof => Ok(Token::Eof),
                Event::Empty(_) => Err(ReadErrorKind::Malformed("an unexpanded element")),
            };
            return checked.map_err(|kind| self.error(kind));
        }
    }

    /// What the parser's error means: the input failed, a limit was hit, the document was cut.
    #[cold]
    fn parser_error(&self, error: XmlError) -> ReadError {
        let kind = match error {
            XmlError::Io(io) if !is_too_long(&io) => {
                ReadErrorKind::Input(std::io::Error::new(io.kind(), io))
            }
            // Where a broken one ends depends for the parser on the pieces in which it comes.
            _ if begins_document_type(&self.buffer) => ReadErrorKind::DocumentType,
            XmlError::Io(_) => {
                let max = self.limits.max_token_bytes;
                let max = u64::try_from(max).unwrap_or(u64::MAX);
                return self.over(Limit::TokenBytes, max);
            }
            // Every other one of these says that the input ended within a tag, a comment and the like.
            XmlError::Syntax(error) if !matches!(error, SyntaxError::InvalidBangMarkup) => {
                ReadErrorKind::Truncated
            }
            other => ReadErrorKind::Syntax(other),
        };
        self.error(kind)
    }
}

fn is_too_long(error: &std::io::Error) -> bool {
    let inner = error.get_ref();
    inner
        .and_then(|inner| inner.downcast_ref::<TokenTooLong>())
        .is_some()
}

/// As the parser tells it from a comment and CDATA.
fn begins_document_type(token: &[u8]) -> bool {
    token.starts_with(b"<!D") || token.starts_with(b"<!d")
}

/// Notes text, and whether it is more than white space.
#[inline]
fn keep<const KEEP: bool>(kept: &mut String, text: &str) -> Token {
    if KEEP {
        kept.push_str(text);
        return Token::Text { blank: false };
    }
    Token::Text {
        blank: text.bytes().all(|b| b.is_ascii_whitespace()),
    }
}
