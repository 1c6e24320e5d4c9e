//! Writes feeds and entries the way PG&E spells them: `ns1:` for Atom and `ns0:` for ESPI,
//! declared again on every entry and content, everything on one long line. Meant for the sandbox
//! custodian, for benchmarks and for tests; [`crate::Reader`] reads back what went in.

mod resources;
mod sink;

use crate::model::{Content, Entry, FeedHeader, Links};
use crate::service_status::ServiceStatus;
use sink::Sink;
use std::io::{self, Write};

/// The attribute that PG&E puts on most Atom elements.
const XSI: &str = r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="ns1:"#;

/// A feed being written.
///
/// ```
/// use espi::{Content, Entry, FeedHeader, MeterReading, Reader, writer::Feed};
///
/// let mut feed = Feed::new(Vec::new(), &FeedHeader::default())?;
/// feed.entry(&Entry { content: Content::MeterReading(MeterReading), ..Entry::default() })?;
/// let bytes = feed.finish()?;
/// assert_eq!(Reader::new(&bytes[..]).count(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Feed<W: Write> {
    out: Sink<W>,
}

impl<W: Write> Feed<W> {
    /// Begins a feed; give it a buffered output.
    pub fn new(output: W, header: &FeedHeader) -> io::Result<Self> {
        let mut out = Sink::new(output);
        out.raw(r#"<ns1:feed xmlns:ns0="http://naesb.org/espi" xmlns:ns1="http://www.w3.org/2005/Atom">"#)?;
        out.raw("<ns1:id>")?;
        out.text(&header.id)?;
        out.raw("</ns1:id>")?;
        if let Some(title) = &header.title {
            out.raw(r#"<ns1:title type="text">"#)?;
            out.text(title)?;
            out.raw("</ns1:title>")?;
        }
        if let Some(updated) = header.updated {
            out.raw("<ns1:updated>")?;
            out.shown(&updated)?;
            out.raw("</ns1:updated>")?;
        }
        links(&mut out, &header.links)?;
        Ok(Self { out })
    }

    /// Writes one entry.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        write_entry(&mut self.out, entry)
    }

    /// The output so far; what is written past this writer breaks the feed.
    pub fn get_ref(&self) -> &W {
        self.out.get_ref()
    }

    /// Ends the feed and gives the output back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.raw("</ns1:feed>")?;
        self.out.into_inner()
    }
}

/// Writes a document of a single entry and gives the output back, flushed.
pub fn entry<W: Write>(output: W, entry: &Entry) -> io::Result<W> {
    let mut out = Sink::new(output);
    write_entry(&mut out, entry)?;
    out.into_inner()
}

/// A notification with these links, as PG&E posts it.
#[must_use]
pub fn batch_list(resources: &[String]) -> String {
    let mut text = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?><ns0:BatchList xmlns:ns0="http://naesb.org/espi">"#,
    );
    for resource in resources {
        text.push_str("<ns0:resources>");
        text.push_str(&quick_xml::escape::escape(resource.as_str()));
        text.push_str("</ns0:resources>");
    }
    text.push_str("</ns0:BatchList>");
    text
}

/// The answer of `ReadServiceStatus`.
#[must_use]
pub fn service_status(status: ServiceStatus) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><ns0:ServiceStatus xmlns:ns0="http://naesb.org/espi"><ns0:currentStatus>{}</ns0:currentStatus></ns0:ServiceStatus>"#,
        status.code()
    )
}

fn write_entry<W: Write>(out: &mut Sink<W>, entry: &Entry) -> io::Result<()> {
    out.raw(r#"<ns1:entry xmlns:ns1="http://www.w3.org/2005/Atom">"#)?;
    atom(out, "id", "idType", &entry.id)?;
    links(out, &entry.links)?;
    if let Some(title) = &entry.title {
        out.raw(r#"<ns1:title type="text""#)?;
        out.raw(XSI)?;
        out.raw(r#"textType">"#)?;
        out.text(title)?;
        out.raw("</ns1:title>")?;
    }
    if let Some(published) = &entry.published {
        atom(out, "published", "dateTimeType", &published.to_string())?;
    }
    if let Some(updated) = &entry.updated {
        atom(out, "updated", "dateTimeType", &updated.to_string())?;
    }
    if entry.content != Content::Empty {
        out.raw("<ns1:content")?;
        out.raw(XSI)?;
        out.raw(r#"contentType">"#)?;
        resources::content(out, &entry.content)?;
        out.raw("</ns1:content>")?;
    }
    out.raw("</ns1:entry>")
}

fn atom<W: Write>(out: &mut Sink<W>, name: &str, kind: &str, text: &str) -> io::Result<()> {
    for part in ["<ns1:", name, XSI, kind, r#"">"#] {
        out.raw(part)?;
    }
    out.text(text)?;
    for part in ["</ns1:", name, ">"] {
        out.raw(part)?;
    }
    Ok(())
}

/// PG&E's order: up, self, related.
fn links<W: Write>(out: &mut Sink<W>, links: &Links) -> io::Result<()> {
    let up = links.up.iter().map(|href| ("up", href));
    let own = links.self_href.iter().map(|href| ("self", href));
    let related = links.related.iter().map(|href| ("related", href));
    for (rel, href) in up.chain(own).chain(related) {
        out.raw(r#"<ns1:link href=""#)?;
        out.text(href)?;
        out.raw(r#"" rel=""#)?;
        out.raw(rel)?;
        out.raw(r#"""#)?;
        out.raw(XSI)?;
        out.raw(r#"linkType"/>"#)?;
    }
    Ok(())
}
