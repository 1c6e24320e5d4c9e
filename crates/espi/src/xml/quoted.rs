//! What an error may quote. The parser quotes a whole tag, and where a document is broken that is any
//! text of it up to the next `>`: a customer's name, or all of a limit's 64 KiB.

use crate::reader::ReadErrorKind;
use quick_xml::Error as XmlError;
use quick_xml::errors::IllFormedError;
use quick_xml::escape::EscapeError;
use quick_xml::name::NamespaceError;

const LONGEST: usize = 40;

/// The beginning of a name: what stands before the first character that no name has.
pub(super) fn name(text: &str) -> String {
    let part = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.chars().take_while(part).take(LONGEST).collect()
}

/// The error with names cut down to names.
#[cold]
pub(super) fn cut(kind: ReadErrorKind) -> ReadErrorKind {
    match kind {
        ReadErrorKind::Syntax(error) => ReadErrorKind::Syntax(cut_parsers(error)),
        ReadErrorKind::UndeclaredPrefix { prefix } => ReadErrorKind::UndeclaredPrefix {
            prefix: name(&prefix),
        },
        ReadErrorKind::UnknownEntity { name: entity } => ReadErrorKind::UnknownEntity {
            name: name(&entity),
        },
        other => other,
    }
}

fn cut_parsers(error: XmlError) -> XmlError {
    use IllFormedError::{MismatchedEndTag, MissingDeclVersion, MissingEndTag, UnmatchedEndTag};
    match error {
        XmlError::IllFormed(MismatchedEndTag { expected, found }) => MismatchedEndTag {
            expected: name(&expected),
            found: name(&found),
        }
        .into(),
        XmlError::IllFormed(MissingEndTag(tag)) => MissingEndTag(name(&tag)).into(),
        XmlError::IllFormed(UnmatchedEndTag(tag)) => UnmatchedEndTag(name(&tag)).into(),
        XmlError::IllFormed(MissingDeclVersion(Some(attribute))) => {
            MissingDeclVersion(Some(name(&attribute))).into()
        }
        XmlError::Escape(EscapeError::UnrecognizedEntity(place, entity)) => {
            EscapeError::UnrecognizedEntity(place, name(&entity)).into()
        }
        XmlError::Namespace(error) => cut_namespaces(error).into(),
        other => other,
    }
}

fn cut_namespaces(error: NamespaceError) -> NamespaceError {
    match error {
        NamespaceError::UnknownPrefix(text) => NamespaceError::UnknownPrefix(name(&text)),
        NamespaceError::InvalidXmlPrefixBind(text) => {
            NamespaceError::InvalidXmlPrefixBind(name(&text))
        }
        NamespaceError::InvalidXmlnsPrefixBind(text) => {
            NamespaceError::InvalidXmlnsPrefixBind(name(&text))
        }
        NamespaceError::InvalidPrefixForXml(text) => {
            NamespaceError::InvalidPrefixForXml(name(&text))
        }
        NamespaceError::InvalidPrefixForXmlns(text) => {
            NamespaceError::InvalidPrefixForXmlns(name(&text))
        }
        other => other,
    }
}
