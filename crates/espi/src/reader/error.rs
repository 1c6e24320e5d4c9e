//! What can be wrong with a document, and where.

use super::limits::Limit;
use std::io;

/// A document that cannot be read: what is wrong, at which byte, inside which elements.
///
/// The text quotes at most a few characters of the document and no names or titles of people.
#[derive(Debug, thiserror::Error)]
#[error("at byte {offset} in {}: {kind}", if path.is_empty() { "the document" } else { path })]
pub struct ReadError {
    /// Bytes from the start of the input, a byte order mark included, to the trouble.
    pub offset: u64,
    /// Local names of the open elements: `feed/entry/content/IntervalBlock`.
    pub path: String,
    /// What is wrong.
    #[source]
    pub kind: ReadErrorKind,
}

/// What can be wrong with a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The input itself failed.
    #[error("the input could not be read: {0}")]
    Input(#[source] io::Error),
    /// Not well-formed.
    #[error("not well-formed XML: {0}")]
    Syntax(#[source] quick_xml::Error),
    /// Not well-formed, by a rule checked here.
    #[error("not well-formed XML: {0}")]
    Malformed(&'static str),
    /// The input ends before the document does.
    #[error("the document ends here, before its elements are closed: it was cut off")]
    Truncated,
    /// Nothing but white space.
    #[error("the document is empty")]
    NoRoot,
    /// The root is something else.
    #[error("the root element is {found}, expected {expected}")]
    UnexpectedRoot {
        /// Local name and namespace found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Something stands after the root's end.
    #[error("there is content after the end of the document")]
    TrailingContent,
    /// A prefix that nothing declares.
    #[error("the namespace prefix {prefix:?} is not declared")]
    UndeclaredPrefix {
        /// The prefix.
        prefix: String,
    },
    /// A document type declaration.
    #[error("the document has a DOCTYPE: it is refused, because entities could hide in it")]
    DocumentType,
    /// An entity that XML does not define by itself.
    #[error("the entity {name:?} is not one of the five that XML defines")]
    UnknownEntity {
        /// The entity's name.
        name: String,
    },
    /// A declared encoding other than UTF-8.
    #[error("the document declares the encoding {0:?}: convert it to UTF-8 first")]
    Encoding(String),
    /// Text where only elements may stand.
    #[error("there is text where only elements are expected")]
    StrayText,
    /// An element inside a plain value.
    #[error("there is an element inside a plain value")]
    NestedValue,
    /// A value that matters cannot be understood.
    #[error("{text:?} is not {expected}")]
    Value {
        /// The beginning of the text.
        text: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A value that matters is missing.
    #[error("the element {0} is missing")]
    Missing(&'static str),
    /// An element that may stand once stands twice.
    #[error("the element {0} stands here twice")]
    Repeated(&'static str),
    /// Content holds more than one resource.
    #[error("the entry holds {second} beside {first}: one resource is expected")]
    SeveralResources {
        /// The first resource.
        first: &'static str,
        /// The one that does not belong.
        second: String,
    },
    /// An entry whose links announce readings and which brings none.
    #[error("the entry's links say IntervalBlock, but its content is {found}")]
    WrongContent {
        /// What it holds.
        found: String,
    },
    /// An element that carries readings is in a namespace where it would be passed over.
    #[error("{found} is not in the namespace {expected}, so what it holds would be lost")]
    WrongNamespace {
        /// Local name and namespace found.
        found: String,
        /// The namespace it belongs in.
        expected: &'static str,
    },
    /// A bound was exceeded.
    #[error("more than {max} {limit}: if that is expected, raise `Limits::{}`", limit.field())]
    Limit {
        /// Which bound.
        limit: Limit,
        /// Its value.
        max: u64,
    },
}
