//! Feeds and single entries, streamed: one [`Entry`] at a time, memory bounded by one entry.

mod error;
mod interval_block;
mod limits;
mod resources;

pub use error::{ReadError, ReadErrorKind};
pub use limits::{Limit, Limits};

use crate::model::{Content, Entry, FeedHeader, Links};
use crate::xml::{Cursor, Ns, Token};
use std::io::BufRead;

/// Reads a feed, or a single entry, as an iterator of entries.
///
/// Read it to the end: only `None` says that the document was whole. After an error there is
/// nothing more (the iterator is fused). Give it a buffered input; a buffer of 64 KiB or more is
/// worth having. Elements are known by namespace URI and local name, whatever their prefix.
#[derive(Debug)]
pub struct Reader<R> {
    cursor: Cursor<R>,
    state: State,
    header: FeedHeader,
    entries: u64,
    readings: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeRoot,
    InFeed,
    AfterRoot,
    Done,
}

impl<R: BufRead> Reader<R> {
    /// A reader with the default limits.
    pub fn new(input: R) -> Self {
        Self::with_limits(input, Limits::default())
    }

    /// A reader with limits of choice.
    pub fn with_limits(input: R, limits: Limits) -> Self {
        Self {
            cursor: Cursor::new(input, limits),
            state: State::BeforeRoot,
            header: FeedHeader::default(),
            entries: 0,
            readings: 0,
        }
    }

    /// What stood at the top of the feed so far: complete once the first entry came.
    pub fn header(&self) -> &FeedHeader {
        &self.header
    }

    fn advance(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            match self.state {
                State::BeforeRoot => {
                    if let Some(entry) = self.root()? {
                        return Ok(Some(entry));
                    }
                }
                State::InFeed => {
                    if let Some(entry) = self.feed_child()? {
                        return Ok(Some(entry));
                    }
                }
                State::AfterRoot => match self.cursor.next()? {
                    Token::Eof => self.state = State::Done,
                    Token::Text { blank: true } => {}
                    _ => return Err(self.cursor.error(ReadErrorKind::TrailingContent)),
                },
                State::Done => return Ok(None),
            }
        }
    }

    /// Finds the root; a single entry is read at once.
    fn root(&mut self) -> Result<Option<Entry>, ReadError> {
        match self.cursor.next()? {
            Token::Start(Ns::Atom) if self.cursor.name() == "feed" => {
                self.state = State::InFeed;
                Ok(None)
            }
            Token::Start(Ns::Atom) if self.cursor.name() == "entry" => {
                let entry = self.entry()?;
                self.state = State::AfterRoot;
                Ok(Some(entry))
            }
            Token::Start(ns) => {
                let found = described(&self.cursor, ns);
                Err(self.cursor.error(ReadErrorKind::UnexpectedRoot {
                    found,
                    expected: "an Atom feed or entry",
                }))
            }
            Token::Text { blank: true } => Ok(None),
            Token::Text { blank: false } => Err(self.cursor.error(ReadErrorKind::StrayText)),
            Token::End | Token::Eof => Err(self.cursor.error(ReadErrorKind::NoRoot)),
        }
    }

    /// One child of the feed: an entry is handed out, the rest is noted.
    fn feed_child(&mut self) -> Result<Option<Entry>, ReadError> {
        let Some(ns) = self.cursor.child()? else {
            self.state = State::AfterRoot;
            return Ok(None);
        };
        if ns != Ns::Atom {
            pass_over(&mut self.cursor, ns, "entry", crate::ATOM)?;
            return Ok(None);
        }
        match self.cursor.name() {
            "entry" => return self.entry().map(Some),
            "id" => self.header.id = self.cursor.string()?.unwrap_or_default(),
            "title" => self.header.title = self.cursor.string_or_markup()?,
            "updated" => self.header.updated = self.cursor.date_time()?,
            "link" => read_link(&mut self.cursor, &mut self.header.links)?,
            _ => self.cursor.skip()?,
        }
        Ok(None)
    }

    fn entry(&mut self) -> Result<Entry, ReadError> {
        if self.entries >= self.cursor.limits().max_entries {
            let max = self.cursor.limits().max_entries;
            return Err(self.cursor.over(Limit::Entries, max));
        }
        self.entries += 1;
        self.cursor.enter_entry();
        let mut entry = Entry {
            offset: self.cursor.token_start(),
            ..Entry::default()
        };
        let mut has_content = false;
        while let Some(ns) = self.cursor.child()? {
            if ns != Ns::Atom {
                pass_over(&mut self.cursor, ns, "content", crate::ATOM)?;
                continue;
            }
            match self.cursor.name() {
                "id" => entry.id = self.cursor.string()?.unwrap_or_default(),
                "title" => entry.title = self.cursor.string_or_markup()?,
                "published" => entry.published = self.cursor.date_time()?,
                "updated" => entry.updated = self.cursor.date_time()?,
                "link" => read_link(&mut self.cursor, &mut entry.links)?,
                "content" if has_content => {
                    return Err(self.cursor.error(ReadErrorKind::Repeated("content")));
                }
                "content" => {
                    has_content = true;
                    entry.content = resources::content(&mut self.cursor, &mut self.readings)?;
                }
                _ => self.cursor.skip()?,
            }
        }
        self.check_promise(&entry)?;
        self.cursor.leave_entry();
        Ok(entry)
    }

    /// An entry that says it is an interval block and brings none would be missing readings.
    fn check_promise(&self, entry: &Entry) -> Result<(), ReadError> {
        let promised = entry
            .links
            .self_href
            .iter()
            .chain(&entry.links.up)
            .any(|href| crate::href::is_of(href, "IntervalBlock"));
        if promised && !matches!(entry.content, Content::IntervalBlocks(_)) {
            let found = entry.content.name().chars().take(80).collect();
            let mut error = self.cursor.error(ReadErrorKind::WrongContent { found });
            error.offset = entry.offset;
            return Err(error);
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.advance();
        if step.is_err() {
            self.state = State::Done;
        }
        step.transpose()
    }
}

impl<R: BufRead> std::iter::FusedIterator for Reader<R> {}

/// Local name and namespace for a message.
pub(crate) fn described<R: BufRead>(cursor: &Cursor<R>, ns: Ns) -> String {
    let namespace = match ns {
        Ns::Atom => crate::ATOM,
        Ns::Espi => crate::ESPI,
        Ns::Customer => crate::CUSTOMER,
        Ns::Foreign if cursor.foreign_namespace().is_empty() => "no namespace",
        Ns::Foreign => cursor.foreign_namespace(),
    };
    let namespace: String = namespace.chars().take(80).collect();
    let name: String = cursor.name().chars().take(80).collect();
    format!("{name} ({namespace})")
}

/// Passes over a foreign element, unless its name says that it should not be foreign: readings
/// must not be lost to a misspelt namespace.
fn pass_over<R: BufRead>(
    cursor: &mut Cursor<R>,
    ns: Ns,
    precious: &str,
    expected: &'static str,
) -> Result<(), ReadError> {
    if cursor.name() == precious {
        let found = described(cursor, ns);
        return Err(cursor.error(ReadErrorKind::WrongNamespace { found, expected }));
    }
    cursor.skip()
}

/// The link the cursor stands on.
fn read_link<R: BufRead>(cursor: &mut Cursor<R>, links: &mut Links) -> Result<(), ReadError> {
    let count = links.up.len() + links.related.len();
    if count >= cursor.limits().max_links {
        let max = u64::try_from(cursor.limits().max_links).unwrap_or(u64::MAX);
        return Err(cursor.over(Limit::Links, max));
    }
    let link = cursor.link();
    if !link.href.is_empty() {
        match link.rel.as_str() {
            "self" => links.self_href = Some(link.href.clone()),
            "up" => links.up.push(link.href.clone()),
            "related" => links.related.push(link.href.clone()),
            _ => {}
        }
    }
    cursor.skip()
}
