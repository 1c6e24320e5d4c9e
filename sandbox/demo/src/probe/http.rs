//! HTTP by hand: what is sent is exactly what is asked for.

use std::io::{Read, Write};

use crate::BoxError;

/// The longest answer that is read; a refusal is short.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A request; the connection ends with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) host: &'a str,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// JSON, or nothing.
    pub(super) body: &'a str,
}

/// An answer, header names in lower case.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Sends a request and reads its answer to the end of the connection.
pub(super) fn exchange(
    mut stream: impl Read + Write,
    request: &Request<'_>,
) -> Result<Answer, BoxError> {
    let Request {
        method,
        target,
        host,
        authorization,
        body,
    } = request;
    let authorization = authorization
        .as_deref()
        .map(|value| format!("Authorization: {value}\r\n"))
        .unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n{authorization}\r\n{body}"
    )?;
    stream.flush()?;
    let mut bytes = Vec::new();
    // Some answers end without a TLS goodbye: what has come counts.
    let _end = stream.take(LONGEST).read_to_end(&mut bytes);
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| "no answer in HTTP".into())
}

fn parse(text: &str) -> Option<Answer> {
    let (head, _body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer { status, headers })
}
