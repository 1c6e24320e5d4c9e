//! What the reader refuses, what it says then, and that nothing comes after.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

mod support;

use espi::{Entry, FeedHeader, Limit, Limits, ReadError, ReadErrorKind, Reader, notification};
use std::io::{self, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use support::entries;

const HEAD: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">"#;

fn feed(inside: &str) -> String {
    format!("{HEAD}{inside}</feed>")
}

fn reading(inside: &str) -> String {
    feed(&format!(
        "<entry><content><e:IntervalBlock><e:IntervalReading>{inside}</e:IntervalReading></e:IntervalBlock></content></entry>"
    ))
}

fn refused(text: &str) -> ReadError {
    match entries(text.as_bytes()) {
        Err(error) => error,
        Ok(entries) => panic!("{text} was read as {entries:?}"),
    }
}

#[test]
fn document_types_and_entities() {
    let billion = format!(
        r#"<!DOCTYPE feed [<!ENTITY a "aaaa">]>{}"#,
        feed("<title>&a;</title>")
    );
    assert!(matches!(
        refused(&billion).kind,
        ReadErrorKind::DocumentType
    ));
    let external = format!(r#"<!DOCTYPE feed SYSTEM "file:///etc/passwd">{}"#, feed(""));
    assert!(matches!(
        refused(&external).kind,
        ReadErrorKind::DocumentType
    ));
    for text in [
        feed("<title>&a;</title>"),
        feed(r#"<link rel="self" href="&a;"/>"#),
        feed("<other>&a;</other>"),
        reading("<e:value>&a;</e:value>"),
    ] {
        let error = refused(&text);
        assert!(
            matches!(&error.kind, ReadErrorKind::UnknownEntity { name } if name == "a"),
            "{text}: {error}"
        );
    }
    for text in [feed("<title>&#0;</title>"), feed("<title>&#xFFFE;</title>")] {
        assert!(entries(text.as_bytes()).is_err(), "{text}");
    }
    let five =
        entries(feed("<entry><id>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;</id></entry>").as_bytes());
    assert_eq!(five.unwrap()[0].id, "<>&'\"AB");
}

/// What makes other readers include a file or fetch: refused, or read as what it is and no more. The file is there, and
/// somebody listens.
#[test]
fn nothing_is_fetched_or_included() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nothing-is-included.txt");
    std::fs::write(&file, "included").unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let file = format!("file://{}", file.display());
    let remote = format!("http://{}/x", listener.local_addr().unwrap());
    for place in [&file, &remote] {
        for dtd in [
            format!(r#"<!DOCTYPE feed SYSTEM "{place}">"#),
            format!(r#"<!DOCTYPE feed PUBLIC "-//X//Y" "{place}">"#),
            format!(r#"<!DOCTYPE feed [<!ENTITY % p SYSTEM "{place}"> %p;]>"#),
            format!(r#"<!DOCTYPE feed [<!ENTITY x SYSTEM "{place}">]>"#),
        ] {
            let error = refused(&format!("{dtd}{}", feed("<title>&x;</title>")));
            assert!(matches!(error.kind, ReadErrorKind::DocumentType), "{error}");
        }
        let include = format!(
            r#"<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{place}" parse="text"/>"#
        );
        let error = refused(&feed(&format!("<entry><id>{include}</id></entry>")));
        assert!(matches!(error.kind, ReadErrorKind::NestedValue), "{error}");
        let plain = "<entry><id>1</id></entry>";
        let schema = format!(
            r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x {place}""#
        );
        for text in [
            feed(&format!("{include}{plain}")),
            feed(&format!("<title>{include}</title>{plain}")),
            feed(&format!(
                "<entry><title>{include}</title><id>1</id></entry>"
            )),
            feed(&format!("<entry><id>1</id>{include}</entry>")),
            format!(
                r#"<?xml-stylesheet href="{place}" type="text/xsl"?>{}"#,
                feed(plain)
            ),
            feed(&format!("<entry {schema}><id>1</id></entry>")),
        ] {
            let mut reader = Reader::new(text.as_bytes());
            let read: Vec<Entry> = reader.by_ref().map(Result::unwrap).collect();
            assert_eq!(reader.header(), &FeedHeader::default(), "{text}");
            let expected = Entry {
                id: "1".to_owned(),
                offset: read[0].offset,
                ..Entry::default()
            };
            assert_eq!(read, [expected], "{text}");
        }
    }
    let came = listener.accept().unwrap_err();
    assert_eq!(came.kind(), io::ErrorKind::WouldBlock);
}

/// What makes other readers swell.
#[test]
fn nothing_grows() {
    for dtd in [
        r#"<!DOCTYPE feed [<!ATTLIST feed a CDATA "default">]>"#,
        "<!DOCTYPE feed>",
    ] {
        let error = refused(&format!("{dtd}{}", feed("")));
        assert!(matches!(error.kind, ReadErrorKind::DocumentType), "{error}");
    }
    let many = |one: fn(u32) -> String| (0..10_000).map(one).collect::<String>();
    let limit = |text: &str| match refused(text).kind {
        ReadErrorKind::Limit { limit, .. } => limit,
        other => panic!("{other}"),
    };
    assert_eq!(limit(&feed(&"<x>".repeat(100_000))), Limit::Depth);
    let spaces = many(|nr| format!(" xmlns:n{nr}='u{nr}'"));
    assert!(matches!(
        limit(&feed(&format!("<x{spaces}/>"))),
        Limit::Attributes | Limit::TokenBytes
    ));
    let attributes = many(|nr| format!(" a{nr}=''"));
    assert!(matches!(
        limit(&feed(&format!("<x{attributes}/>"))),
        Limit::Attributes | Limit::TokenBytes
    ));
    let huge = "x".repeat(64 * 1024 * 1024);
    assert_eq!(limit(&feed(&format!("<x a='{huge}'/>"))), Limit::TokenBytes);
    assert_eq!(limit(&feed(&format!("<x>{huge}</x>"))), Limit::TokenBytes);
    assert_eq!(limit(&feed(&format!("<{huge}/>"))), Limit::TokenBytes);
    // Many namespaces, one inside the other: each is cheap, and there are only so many.
    let nested = many(|nr| format!("<n{nr}:x xmlns:n{nr}='u{nr}'>"));
    assert_eq!(limit(&feed(&nested)), Limit::Depth);
    // XML in XML is text.
    let inner = "<entry><id>&lt;!DOCTYPE x [&lt;!ENTITY a 'b'&gt;]&gt;&amp;a;</id></entry>";
    assert_eq!(
        entries(feed(inner).as_bytes()).unwrap()[0].id,
        "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;"
    );
}

#[test]
fn a_notification_brings_so_many_links_and_no_more() {
    let list = |links: usize| {
        let links = "<e:resources>https://api.example/1</e:resources>".repeat(links);
        format!(r#"<e:BatchList xmlns:e="http://naesb.org/espi">{links}</e:BatchList>"#)
    };
    assert_eq!(
        notification::parse(list(10_000).as_bytes()).unwrap().len(),
        10_000
    );
    let error = notification::parse(list(10_001).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 10000"), "{error}");
}

#[test]
fn prefixes_must_be_declared_wherever_they_stand() {
    for text in [
        "<a:feed/>".to_owned(),
        feed("<a:title/>"),
        feed("<entry><content><x><a:y/></x></content></entry>"),
        feed(r#"<title a:type="text"/>"#),
    ] {
        let error = refused(&text);
        assert!(
            matches!(&error.kind, ReadErrorKind::UndeclaredPrefix { prefix } if prefix == "a"),
            "{text}: {error}"
        );
    }
}

#[test]
fn roots_and_what_stands_around_them() {
    for text in [
        "<html/>",
        r#"<feed xmlns="urn:other"/>"#,
        r#"<e:UsagePoint xmlns:e="http://naesb.org/espi"/>"#,
    ] {
        let kind = refused(text).kind;
        assert!(
            matches!(kind, ReadErrorKind::UnexpectedRoot { .. }),
            "{text}: {kind}"
        );
    }
    for text in ["", " \n ", "<?xml version=\"1.0\"?>", "<!-- nothing -->"] {
        assert!(
            matches!(refused(text).kind, ReadErrorKind::NoRoot),
            "{text}"
        );
    }
    for text in [r#""Invalid Certificate""#, "No listener for endpoint"] {
        assert!(matches!(refused(text).kind, ReadErrorKind::StrayText));
    }
    for text in [
        format!("{}x", feed("")),
        format!("{0}{0}", feed("")),
        format!("{}&amp;", feed("")),
    ] {
        assert!(
            matches!(refused(&text).kind, ReadErrorKind::TrailingContent),
            "{text}"
        );
    }
    let declared = format!("{}<?xml version=\"1.0\"?>", feed(""));
    assert!(matches!(
        refused(&declared).kind,
        ReadErrorKind::Malformed(_)
    ));
    let after = format!("{}\n<!-- end -->\n", feed(""));
    assert!(entries(after.as_bytes()).unwrap().is_empty());
}

#[test]
fn encodings_other_than_utf8() {
    let latin = format!(r#"<?xml version="1.0" encoding="ISO-8859-1"?>{}"#, feed(""));
    assert!(matches!(refused(&latin).kind, ReadErrorKind::Encoding(_)));
    let mut broken = feed("<title>x</title>").into_bytes();
    let at = broken.iter().position(|b| *b == b'x').unwrap();
    for place in [at, HEAD.len() - 3] {
        let before = std::mem::replace(&mut broken[place], 0xFF);
        assert!(entries(&broken).is_err(), "byte {place}");
        broken[place] = before;
    }
}

#[test]
fn markup_that_is_not_well_formed() {
    for text in [
        feed("<entry></feed>"),
        feed("</entry>"),
        feed("<entry><id></ID></entry>"),
        feed("<entry"),
        feed(r#"<link rel="self" rel="self" href="x"/>"#),
        feed("<link rel=self/>"),
        feed(r#"<link rel="a<b"/>"#),
        feed("<!-- a -- b -->"),
        feed("<!-- a"),
        feed("<![CDATA[ a"),
        feed("<entry>stray</entry>"),
        feed("stray"),
        feed("<entry><content>stray</content></entry>"),
        feed("<entry><content><![CDATA[stray]]></content></entry>"),
        feed("<e:/>"),
        feed("<title>\u{1}</title>"),
        feed("<?xml version=\"1.0\"?>"),
    ] {
        refused(&text);
    }
}

#[test]
fn values_that_matter() {
    let time = "<e:timePeriod><e:start>1</e:start><e:duration>60</e:duration></e:timePeriod>";
    for (inside, expected) in [
        ("<e:value/>", "IntervalReading/value"),
        ("<e:value>1.5</e:value>", "IntervalReading/value"),
        ("<e:value>NaN</e:value>", "IntervalReading/value"),
        ("<e:value>1 2</e:value>", "IntervalReading/value"),
        (
            "<e:value>9999999999999999999</e:value>",
            "IntervalReading/value",
        ),
        (
            "<e:timePeriod><e:start/></e:timePeriod>",
            "timePeriod/start",
        ),
        (
            "<e:timePeriod><e:start>today</e:start></e:timePeriod>",
            "timePeriod/start",
        ),
        (
            "<e:timePeriod><e:start>999999999999999</e:start></e:timePeriod>",
            "timePeriod/start",
        ),
        (
            "<e:timePeriod><e:duration>-60</e:duration></e:timePeriod>",
            "timePeriod/duration",
        ),
        ("<e:cost>free</e:cost>", "IntervalReading/cost"),
    ] {
        let error = refused(&reading(inside));
        assert!(matches!(error.kind, ReadErrorKind::Value { .. }), "{error}");
        assert!(error.path.ends_with(expected), "{inside}: {}", error.path);
    }
    let error = refused(&reading("<e:value><e:value>1</e:value></e:value>"));
    assert!(matches!(error.kind, ReadErrorKind::NestedValue));
    assert!(matches!(
        refused(&reading(time)).kind,
        ReadErrorKind::Missing(_)
    ));
    for twice in [
        "<e:value>1</e:value><e:value>2</e:value>".to_owned(),
        format!("{time}{time}<e:value>1</e:value>"),
    ] {
        assert!(matches!(
            refused(&reading(&twice)).kind,
            ReadErrorKind::Repeated(_)
        ));
    }
    let power = "<entry><content><e:ReadingType><e:powerOfTenMultiplier>milli</e:powerOfTenMultiplier></e:ReadingType></content></entry>";
    assert!(matches!(
        refused(&feed(power)).kind,
        ReadErrorKind::Value { .. }
    ));
}

#[test]
fn contents_that_do_not_belong_together() {
    let block = "<e:IntervalBlock/>";
    for inside in [
        format!("{block}<e:UsagePoint/>"),
        format!("<e:UsagePoint/>{block}"),
        "<e:UsagePoint/><e:MeterReading/>".to_owned(),
    ] {
        let text = feed(&format!("<entry><content>{inside}</content></entry>"));
        assert!(matches!(
            refused(&text).kind,
            ReadErrorKind::SeveralResources { .. }
        ));
    }
    let twice = feed(&format!(
        "<entry><content>{block}</content><content>{block}</content></entry>"
    ));
    assert!(matches!(
        refused(&twice).kind,
        ReadErrorKind::Repeated("content")
    ));
    for inside in ["", "<content/>", "<content><e:MeterReading/></content>"] {
        let text = feed(&format!(
            r#"<entry><link rel="self" href="/x/IntervalBlock/1"/>{inside}</entry>"#
        ));
        let kind = refused(&text).kind;
        assert!(matches!(kind, ReadErrorKind::WrongContent { .. }), "{kind}");
    }
}

#[test]
fn readings_are_not_lost_to_a_misspelt_namespace() {
    for text in [
        feed("<e:entry/>"),
        feed(r#"<entry><content xmlns="urn:x"/></entry>"#),
        feed("<entry><content><IntervalBlock/></content></entry>"),
        feed(
            r#"<entry><content><IntervalBlock xmlns="http://naesb.org/espi/"/></content></entry>"#,
        ),
        feed(
            "<entry><content><e:IntervalBlock><IntervalReading/></e:IntervalBlock></content></entry>",
        ),
    ] {
        let error = refused(&text);
        assert!(
            matches!(error.kind, ReadErrorKind::WrongNamespace { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn every_limit_says_its_name() {
    let small = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    let long = "x".repeat(300);
    let value = "<e:value>1</e:value>";
    let readings = format!("{value}</e:IntervalReading><e:IntervalReading>{value}");
    let cases = [
        (small(|l| l.max_depth = 5), reading(value), Limit::Depth),
        (
            small(|l| l.max_entry_bytes = 100),
            reading(value),
            Limit::EntryBytes,
        ),
        (
            small(|l| l.max_entries = 1),
            feed("<entry/><entry/>"),
            Limit::Entries,
        ),
        (
            small(|l| l.max_readings = 1),
            reading(&readings),
            Limit::Readings,
        ),
        (
            small(|l| l.max_token_bytes = 200),
            feed(&format!("<title>{long}</title>")),
            Limit::TokenBytes,
        ),
        (
            small(|l| l.max_token_bytes = 200),
            feed(&format!(r#"<title a="{long}"/>"#)),
            Limit::TokenBytes,
        ),
        (
            small(|l| l.max_token_bytes = 200),
            feed(&format!("<!--{long}-->")),
            Limit::TokenBytes,
        ),
        (
            small(|l| l.max_token_bytes = 200),
            feed(&format!("<title>{}</title>", "&amp;".repeat(201))),
            Limit::TokenBytes,
        ),
        (
            small(|l| l.max_attributes = 1),
            feed(r#"<title a="" b=""/>"#),
            Limit::Attributes,
        ),
        (
            small(|l| l.max_links = 1),
            feed(r#"<entry><link rel="up" href="a"/><link rel="up" href="b"/></entry>"#),
            Limit::Links,
        ),
    ];
    for (limits, text, expected) in cases {
        // The document is fine as such.
        if expected != Limit::Attributes || !text.contains("b=") {
            entries(text.as_bytes()).unwrap();
        }
        let error = Reader::with_limits(text.as_bytes(), limits)
            .collect::<Result<Vec<_>, _>>()
            .unwrap_err();
        let ReadErrorKind::Limit { limit, .. } = error.kind else {
            panic!("{expected:?}: {error}")
        };
        assert_eq!(limit, expected);
        let message = error.to_string();
        assert!(
            message.contains(&format!("raise `Limits::{}`", expected.field())),
            "{message}"
        );
    }
}

#[test]
fn an_endless_token_takes_no_memory() {
    // A start tag that goes on for ever: the reader must stop by itself.
    let endless = HEAD
        .as_bytes()
        .chain(b"<title a=\"".as_slice())
        .chain(io::repeat(b'a'));
    let error = Reader::new(BufReader::new(endless))
        .next()
        .unwrap()
        .unwrap_err();
    assert!(matches!(
        error.kind,
        ReadErrorKind::Limit {
            limit: Limit::TokenBytes,
            ..
        }
    ));
}

#[test]
fn after_an_error_there_is_nothing() {
    let text = feed("<entry><id>1</id></entry><entry><a:b/></entry><entry><id>3</id></entry>");
    let mut reader = Reader::new(text.as_bytes());
    assert_eq!(reader.next().unwrap().unwrap().id, "1");
    assert!(reader.next().unwrap().is_err());
    for _ in 0..3 {
        assert!(reader.next().is_none());
    }
}

#[test]
fn an_input_that_fails_is_no_end() {
    struct Failing(&'static [u8]);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out) {
                Ok(0) => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                other => other,
            }
        }
    }
    let whole = Box::leak(feed("<entry/>").into_boxed_str());
    for cut in [10, HEAD.len(), whole.len() - 3, whole.len()] {
        let input = BufReader::new(Failing(&whole.as_bytes()[..cut]));
        let error = Reader::new(input)
            .collect::<Result<Vec<_>, _>>()
            .unwrap_err();
        let ReadErrorKind::Input(cause) = error.kind else {
            panic!("{error}")
        };
        assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn an_error_names_its_place() {
    let text = reading("<e:value>many</e:value>");
    let error = refused(&text);
    let path = "feed/entry/content/IntervalBlock/IntervalReading/value";
    assert_eq!(error.path, path);
    let at = text.find("many").unwrap();
    assert_eq!(
        error.to_string(),
        format!("at byte {at} in {path}: \"many\" is not a whole number")
    );
    let empty = reading("<e:value/>");
    let error = refused(&empty);
    assert_eq!(error.path, path);
    let at = empty.find("</e:IntervalReading>").unwrap();
    assert_eq!(error.offset, u64::try_from(at).unwrap());
    assert_eq!(
        refused("").to_string(),
        "at byte 0 in the document: the document is empty"
    );
}

#[test]
fn small_buffers_change_nothing() {
    let text = include_bytes!("fixtures/pge-two-points.xml");
    let whole = entries(text).unwrap();
    for size in [1, 2, 7, 64] {
        let input = BufReader::with_capacity(size, &text[..]);
        let read: Vec<_> = Reader::new(input).map(Result::unwrap).collect();
        assert_eq!(read, whole, "buffer of {size}");
    }
}
