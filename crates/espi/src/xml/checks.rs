//! What must hold of every tag, reference and declaration, because the parser does not look.

use super::{LinkAttributes, Ns, Path, is_xml_character};
use crate::reader::{Limit, Limits, ReadErrorKind};
use quick_xml::Error as XmlError;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart};
use quick_xml::name::{NamespaceResolver, ResolveResult};

/// An element begins: resolves its name, checks its attributes.
#[inline]
pub(super) fn begin(
    start: &BytesStart<'_>,
    resolver: &NamespaceResolver,
    limits: &Limits,
    path: &mut Path,
    foreign: &mut String,
    link: &mut LinkAttributes,
) -> Result<Ns, ReadErrorKind> {
    let (namespace, local) = resolver.resolve_element(start.name());
    let local = local.into_inner();
    let ns = match namespace {
        ResolveResult::Bound(uri) => match uri.0 {
            crate::ESPI => Ns::Espi,
            crate::ATOM => Ns::Atom,
            crate::CUSTOMER => Ns::Customer,
            uri => {
                uri.clone_into(foreign);
                Ns::Foreign
            }
        },
        ResolveResult::Unbound => {
            foreign.clear();
            Ns::Foreign
        }
        ResolveResult::Unknown(prefix) => return Err(ReadErrorKind::UndeclaredPrefix { prefix }),
    };
    if local.is_empty() {
        return Err(ReadErrorKind::Malformed("an element without a name"));
    }
    if !start.attributes_raw().is_empty() {
        let link = (ns == Ns::Atom && local == "link").then_some(link);
        check_attributes(start, resolver, limits, link)?;
    }
    path.push(local);
    Ok(ns)
}

/// Every attribute is well-formed, once, of a declared prefix; a link's two are kept.
fn check_attributes(
    start: &BytesStart<'_>,
    resolver: &NamespaceResolver,
    limits: &Limits,
    mut link: Option<&mut LinkAttributes>,
) -> Result<(), ReadErrorKind> {
    if let Some(link) = link.as_deref_mut() {
        link.rel.clear();
        link.href.clear();
    }
    for (count, attribute) in start.attributes().enumerate() {
        if count >= limits.max_attributes {
            return Err(ReadErrorKind::Limit {
                limit: Limit::Attributes,
                max: u64::try_from(limits.max_attributes).unwrap_or(u64::MAX),
            });
        }
        let attribute = attribute.map_err(|error| ReadErrorKind::Syntax(error.into()))?;
        if attribute.value.contains('<') {
            return Err(ReadErrorKind::Malformed("a < in an attribute value"));
        }
        let value = unescape(&attribute.value).map_err(|error| entity_error(&error.into()))?;
        if !value.chars().all(is_xml_character) {
            return Err(ReadErrorKind::Malformed(
                "a control character in an attribute",
            ));
        }
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        if let (ResolveResult::Unknown(prefix), _) = resolver.resolve_attribute(attribute.key) {
            return Err(ReadErrorKind::UndeclaredPrefix { prefix });
        }
        if let Some(link) = link.as_deref_mut() {
            match attribute.key.as_ref() {
                "rel" => link.rel.push_str(value.trim()),
                "href" => link.href.push_str(value.trim()),
                _ => {}
            }
        }
    }
    Ok(())
}

fn entity_error(error: &XmlError) -> ReadErrorKind {
    match error {
        XmlError::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(_, name)) => {
            ReadErrorKind::UnknownEntity {
                name: name.chars().take(40).collect(),
            }
        }
        other => ReadErrorKind::Syntax(other.clone()),
    }
}

/// The character of `&amp;` or `&#38;`. Nothing else is ever resolved, so no text can grow.
pub(super) fn resolve_reference(reference: &BytesRef<'_>) -> Result<char, ReadErrorKind> {
    if let Some(character) = reference
        .resolve_char_ref()
        .map_err(ReadErrorKind::Syntax)?
    {
        if is_xml_character(character) {
            return Ok(character);
        }
        return Err(ReadErrorKind::Malformed("a reference to no XML character"));
    }
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        name => Err(ReadErrorKind::UnknownEntity {
            name: name.chars().take(40).collect(),
        }),
    }
}

/// Only UTF-8 is read; ASCII is part of it.
pub(super) fn declared_encoding(declaration: &BytesDecl<'_>) -> Result<(), ReadErrorKind> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name))
            if name.eq_ignore_ascii_case("utf-8")
                || name.eq_ignore_ascii_case("utf8")
                || name.eq_ignore_ascii_case("us-ascii") =>
        {
            Ok(())
        }
        Some(Ok(name)) => Err(ReadErrorKind::Encoding(name.chars().take(40).collect())),
        Some(Err(error)) => Err(ReadErrorKind::Syntax(error.into())),
    }
}
