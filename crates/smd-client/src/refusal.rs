//! Understands the answers that are no success.
//!
//! The same trouble comes in several dresses: resources answer a bare status, the token endpoint
//! RFC 6749 JSON, the gateway in front of both a JSON string or plain text. The body is looked at
//! first, because the gateway's words outrank the status they come with.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, header::HeaderMap};

use crate::{Error, RequestKind};

/// Longest piece of foreign words kept, in characters.
const LONGEST_WORDS: usize = 200;
/// Digits from which a number may be an id of a customer.
const SHORTEST_ID: usize = 5;

/// Turns status and body of a refusal into an error. `now` resolves `Retry-After` dates.
pub(crate) fn classify(
    kind: RequestKind,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Error {
    let code = status.as_u16();
    let gateway = gateway_words(body);
    if gateway
        .as_deref()
        .is_some_and(|it| contains(it, "invalid certificate"))
    {
        return Error::InvalidCertificate { kind };
    }
    if gateway
        .as_deref()
        .is_some_and(|it| contains(it, "no listener for endpoint"))
    {
        return Error::NoListener { kind };
    }
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Error::Throttled {
            kind,
            status: code,
            retry_after: retry_after(headers, now),
        },
        _ if status.is_server_error() => Error::Server { kind, status: code },
        _ => classify_client_error(kind, status, headers, body, gateway),
    }
}

fn classify_client_error(
    kind: RequestKind,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    gateway: Option<String>,
) -> Error {
    let code = status.as_u16();
    if let Some((error, description)) = rfc6749(body) {
        // At a resource, RFC 6750 puts the same JSON beside 401: there the status counts.
        let at_resource = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            && !is_token_request(kind);
        if !at_resource {
            return Error::OAuth {
                kind,
                code: error,
                description,
            };
        }
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::Unauthorized { kind, status: code }
        }
        // Under maintenance whatever is asked for may be answered so: it says nothing about the resource.
        StatusCode::NOT_FOUND | StatusCode::GONE
            if looks_like_html(content_type(headers), body) =>
        {
            Error::Html { kind }
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { kind, status: code },
        _ => Error::Refused {
            kind,
            status: code,
            detail: gateway,
        },
    }
}

/// Whether the request went to the token endpoint.
pub(crate) fn is_token_request(kind: RequestKind) -> bool {
    matches!(
        kind,
        RequestKind::TokenExchange | RequestKind::TokenRefresh | RequestKind::ClientToken
    )
}

/// Error code and description of RFC 6749 section 5.2 JSON.
pub(crate) fn rfc6749(body: &[u8]) -> Option<(String, Option<String>)> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = error_code(json.get("error")?.as_str()?);
    let description = json
        .get("error_description")
        .and_then(|it| it.as_str())
        .map(without_ids);
    (!code.is_empty()).then_some((code, description))
}

/// What the gateway said: a JSON string, or a short plain text.
fn gateway_words(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    if let Ok(words) = serde_json::from_str::<String>(text) {
        return Some(without_ids(&words));
    }
    let plain = !text.is_empty() && !text.starts_with(['<', '{', '[']);
    plain.then(|| without_ids(text))
}

fn contains(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(words)
}

/// Foreign words, made fit for a log line or a page: one line, no control characters, short.
pub(crate) fn printable(text: &str) -> String {
    let words: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_WORDS)
        .collect();
    words.trim().to_owned()
}

/// Foreign words as [`printable`], with long numbers left out: they are customers' ids.
pub(crate) fn without_ids(text: &str) -> String {
    let other = |c: char| !c.is_ascii_digit();
    let words = printable(text);
    let mut kept = String::with_capacity(words.len());
    // Each piece is a number and the one character behind it, either of which may be missing.
    for piece in words.split_inclusive(other) {
        let (number, rest) = piece.split_at(piece.trim_end_matches(other).len());
        let is_id = number.len() >= SHORTEST_ID;
        kept.push_str(if is_id { "…" } else { number });
        kept.push_str(rest);
    }
    kept
}

/// An error code reduced to the characters that codes have; words in its place may hold an id as others do.
pub(crate) fn error_code(text: &str) -> String {
    let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let code: String = text.chars().filter(known).take(64).collect();
    without_ids(&code).chars().filter(known).collect()
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(reqwest::header::CONTENT_TYPE)?.to_str().ok()
}

/// Whether a body starts like a web page.
pub(crate) fn looks_like_html(content_type: Option<&str>, start: &[u8]) -> bool {
    if content_type.is_some_and(|it| contains(it, "text/html")) {
        return true;
    }
    let start = start
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(start)
        .trim_ascii_start();
    [b"<!doctype html".as_slice(), b"<html".as_slice()]
        .iter()
        .any(|page| {
            start
                .get(..page.len())
                .is_some_and(|it| it.eq_ignore_ascii_case(page))
        })
}

/// `Retry-After` as seconds or as an HTTP date (RFC 9110 section 10.2.3). A date is compared with
/// the answer's own `Date` where there is one, so that our clock need not agree with theirs.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers
        .get(reqwest::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(text)?;
    let sent = headers
        .get(reqwest::header::DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(http_date)
        .unwrap_or(now);
    // A date that has passed already means now.
    Some(Duration::try_from(until.duration_since(sent)).unwrap_or(Duration::ZERO))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(kind: RequestKind, status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        classify(
            kind,
            status,
            &HeaderMap::new(),
            body.as_bytes(),
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn the_gateways_words_outrank_the_status() {
        for (status, body) in [
            (400, "\"Invalid Certificate\""),
            (403, "Invalid certificate\n"),
        ] {
            let error = classified(RequestKind::Batch, status, body);
            assert!(matches!(error, Error::InvalidCertificate { .. }), "{error}");
        }
        for status in [404, 500] {
            let error = classified(RequestKind::Batch, status, "No listener for endpoint: /x");
            assert!(matches!(error, Error::NoListener { .. }), "{error}");
        }
    }

    #[test]
    fn every_status_has_its_error() {
        use RequestKind::{Batch, TokenRefresh};
        let grant = r#"{"error":"invalid_grant","error_description":"used\nup"}"#;
        for (kind, status, body, outcome) in [
            (Batch, 401, "", "unauthorized"),
            (Batch, 403, "Forbidden", "unauthorized"),
            (Batch, 401, r#"{"error":"invalid_token"}"#, "unauthorized"),
            (TokenRefresh, 400, grant, "oauth_error"),
            (
                TokenRefresh,
                401,
                r#"{"error":"invalid_client"}"#,
                "oauth_error",
            ),
            (Batch, 404, "", "not_found"),
            (Batch, 410, "gone", "not_found"),
            (Batch, 404, "<!DOCTYPE html><h1>Back soon", "html"),
            (Batch, 410, "\n<html>", "html"),
            (Batch, 400, "\"Bad window\"", "refused"),
            (Batch, 302, "", "refused"),
            (Batch, 500, "", "server_error"),
            (Batch, 502, "<html>", "server_error"),
            (Batch, 503, "", "throttled"),
            (Batch, 429, "", "throttled"),
        ] {
            assert_eq!(
                classified(kind, status, body).outcome(),
                outcome,
                "{status} {body}"
            );
        }
        let Error::OAuth {
            code, description, ..
        } = classified(TokenRefresh, 400, grant)
        else {
            panic!("not an OAuth error");
        };
        assert_eq!(
            (code.as_str(), description.as_deref()),
            ("invalid_grant", Some("used up"))
        );
    }

    #[test]
    fn foreign_words_are_cut_to_one_short_line() {
        let long = format!("\"{}\\u0000\\n{}\"", "a".repeat(150), "b".repeat(5000));
        let Error::Refused {
            detail: Some(words),
            ..
        } = classified(RequestKind::Batch, 400, &long)
        else {
            panic!("not refused");
        };
        assert_eq!(words.chars().count(), 200);
        assert!(!words.contains(|c: char| c.is_control()));
    }

    #[test]
    fn long_numbers_are_left_out_of_foreign_words() {
        assert_eq!(
            without_ids("no 52111 at 404, see 1000000001/x"),
            "no … at 404, see …/x"
        );
        // Found by fuzzing: a number within another one left its rest behind.
        assert_eq!(without_ids("11111 of 2111112222"), "… of …");
        let body = r#"{"error":"invalid_request","error_description":"subscription 1000000001"}"#;
        let error = classified(RequestKind::TokenExchange, 400, body).to_string();
        assert!(
            error.ends_with("invalid_request: subscription …"),
            "{error}"
        );
        // Found by fuzzing: words where a code belongs.
        assert_eq!(error_code("invalid_grant"), "invalid_grant");
        assert_eq!(error_code("no 1000000001 or 111 11"), "noor");
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        let now: Timestamp = "2026-03-08T12:00:00Z".parse().unwrap();
        let read = |retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", retry.parse().unwrap());
            if let Some(date) = date {
                headers.insert("date", date.parse().unwrap());
            }
            retry_after(&headers, now)
        };
        assert_eq!(read("120", None), Some(Duration::from_mins(2)));
        assert_eq!(
            read("Sun, 08 Mar 2026 12:01:30 GMT", None),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            read(
                "Sun, 08 Mar 2026 12:01:30 GMT",
                Some("Sun, 08 Mar 2026 12:01:00 GMT")
            ),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            read("Sun, 08 Mar 2026 11:00:00 GMT", None),
            Some(Duration::ZERO)
        );
        assert_eq!(read("soon", None), None);
    }

    #[test]
    fn knows_a_web_page() {
        assert!(looks_like_html(Some("text/html; charset=utf-8"), b""));
        assert!(looks_like_html(None, b"\xef\xbb\xbf \n<!DOCTYPE HTML><p>"));
        assert!(looks_like_html(Some("application/xml"), b"<HTML lang=en>"));
        assert!(!looks_like_html(
            Some("application/atom+xml"),
            b"<?xml version='1.0'?><feed/>"
        ));
        assert!(!looks_like_html(None, b"<ht"));
    }
}
