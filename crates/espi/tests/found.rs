//! What fuzzing has found: each of these inputs was once read wrongly.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

mod support;

use espi::{Content, Reader};
use std::io::BufReader;
use support::entries;

const FEED: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title></feed>"#;

/// How reading ends when the input comes in pieces of this size.
fn in_pieces(bytes: &[u8], size: usize) -> Result<usize, String> {
    let reader = Reader::new(BufReader::with_capacity(size, bytes));
    let entries = reader.collect::<Result<Vec<_>, _>>();
    entries.map(|all| all.len()).map_err(|e| e.to_string())
}

/// Over a slow connection the first piece was one byte of the mark, and the feed was refused.
#[test]
fn a_byte_order_mark_may_come_in_pieces() {
    for size in 1..8 {
        let marked = format!("\u{feff}{FEED}");
        assert_eq!(in_pieces(marked.as_bytes(), size), Ok(0), "{size}");
    }
}

#[test]
fn the_size_of_the_pieces_changes_no_error() {
    let half_a_mark = [b"\xef\xbb".as_slice(), FEED.as_bytes()].concat();
    let two_marks = format!("\u{feff}\u{feff}{FEED}");
    let broken = format!("\u{feff}{}", FEED.replace("</title>", "</t>"));
    for bytes in [
        &half_a_mark[..],
        two_marks.as_bytes(),
        broken.as_bytes(),
        b"\xef",
        b"\xef\xbb\xbf",
    ] {
        let whole = in_pieces(bytes, 1000).unwrap_err();
        for size in 1..8 {
            assert_eq!(in_pieces(bytes, size).unwrap_err(), whole, "{size}");
        }
    }
}

/// Whether it was cut off or not well-formed depended on the size of the pieces, and it is refused in any case.
#[test]
fn a_broken_document_type_is_a_document_type_in_whatever_pieces() {
    for dtd in [
        b"<!DOCTY[<!-- -l->\xff]  >".as_slice(),
        b"<!DOCTYPE feed [\xff]>",
        b"<!doctype feed [",
        b"<!DOCTY feed>",
        b"<!D",
    ] {
        let bytes = [dtd, FEED.as_bytes()].concat();
        for size in 1..=bytes.len() {
            let error = in_pieces(&bytes, size).unwrap_err();
            assert!(error.contains("has a DOCTYPE"), "{size}: {error}");
        }
    }
}

/// The parser's words quoted all of a broken tag: a name, or more of the document than a log should hold.
#[test]
fn an_error_quotes_names_of_elements_and_no_more() {
    let long = "x".repeat(60_000);
    let head = r#"<entry xmlns="http://www.w3.org/2005/Atom">"#;
    for broken in [
        format!("{head}<title></ti<x>Jane Example</x></entry>"),
        format!("{head}<title>t</title </title>Jane Example</entry>"),
        format!("{head}<title></{long}></entry>"),
        format!("{head}<a{long}><{long}><title>&Jane;</title>"),
        format!("{head}<{long}:x/></entry>"),
        format!("{head}<x xmlns:xml='Jane Example {long}'/></entry>"),
        format!("{head}<x y='&Jane Example{long};'/></entry>"),
        format!(
            "{head}<link rel='self' href='/IntervalBlock'/><content><{long}/></content></entry>"
        ),
    ] {
        let error = entries(broken.as_bytes()).unwrap_err();
        for words in [error.to_string(), format!("{error:?}")] {
            assert!(!words.contains("Example"), "{words}");
            assert!(words.len() < 500, "{} of {words:.300}", words.len());
        }
    }
}

/// A period without a start was read in milliseconds and written in seconds; a fraction was lost.
#[test]
fn periods_and_times_are_written_as_they_will_be_understood() {
    for inside in [
        "<publishedPeriod><duration>252026730000</duration></publishedPeriod>",
        "<publishedPeriod><duration>3600</duration><start>-5</start></publishedPeriod>",
        "<publishedPeriod><duration>9223372036854775807</duration><start>1690904231</start></publishedPeriod>",
        "<authorizedPeriod><duration>86400000</duration><start>1440585200123</start></authorizedPeriod>",
        "<expires_at>1773648000123</expires_at>",
    ] {
        let text = format!(
            r#"<entry xmlns="http://www.w3.org/2005/Atom"><content><Authorization xmlns="http://naesb.org/espi">{inside}</Authorization></content></entry>"#
        );
        let read = entries(text.as_bytes()).unwrap().remove(0);
        let again = espi::writer::entry(Vec::new(), &read).unwrap();
        assert_eq!(
            entries(&again).unwrap()[0].content,
            read.content,
            "{inside}"
        );
    }
}

/// A link kept a NUL, which no table takes.
#[test]
fn a_control_character_in_an_attribute_is_refused() {
    for character in ["\0", "\u{1}", "&#x1;", "\u{fffe}"] {
        let text = FEED.replace(
            "<title>",
            &format!(r#"<link rel="self" href="/{character}x"/><title>"#),
        );
        let error = entries(text.as_bytes()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("control character in an attribute"),
            "{error}"
        );
    }
}

/// It came out as a name without a character.
#[test]
fn a_name_of_no_break_spaces_is_no_name() {
    let customer = |name: &str| {
        let text = format!(
            r#"<entry xmlns="http://www.w3.org/2005/Atom"><content><Customer xmlns="http://naesb.org/espi/customer"><name>{name}</name></Customer></content></entry>"#
        );
        match entries(text.as_bytes()).unwrap().remove(0).content {
            Content::Customer(customer) => customer.name,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(customer("&#xA0;\u{2003} "), None);
    assert_eq!(customer("\u{a0}Zoë\u{a0}").as_deref(), Some("Zoë"));
}
