//! What the broker answers, as far as we read it.

use serde::Deserialize;

use super::pages::Row;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<R> {
    pub(super) data: Vec<R>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    hasnext: Option<bool>,
}

impl<R> Page<R> {
    /// Whether another page follows one that was asked for with this limit. An empty one is the last, whatever it
    /// says; one that says nothing is the last when it is not full.
    pub(super) fn has_next(&self, limit: usize) -> bool {
        !self.data.is_empty() && self.meta.hasnext.unwrap_or(self.data.len() >= limit)
    }
}

/// A connection, or the session of one that may come back: a row of `GET /clients`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Client {
    /// Its client id at the broker: for homes with the username before it.
    #[serde(rename = "clientid")]
    pub id: String,
    /// Who it is; `None` for one that gave no name.
    #[serde(default)]
    pub username: Option<String>,
}

impl Row for Client {
    const PATH: &'static [&'static str] = &["clients"];
    const WHAT: &'static str = "clients";
    const FILTER: &'static str = "username";

    fn is_of(&self, filter: &str) -> bool {
        self.username.as_deref() == Some(filter)
    }
}

/// A message that waits for the next reader of its topic: a row of `GET /mqtt/retainer/messages`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Retained {
    /// Its topic.
    pub topic: String,
}

impl Row for Retained {
    const PATH: &'static [&'static str] = &["mqtt", "retainer", "messages"];
    const WHAT: &'static str = "retained messages";
    const FILTER: &'static str = "topic";

    fn is_of(&self, filter: &str) -> bool {
        // The filter is a permission's topics: `…/#`.
        filter
            .strip_suffix('#')
            .is_some_and(|prefix| self.topic.starts_with(prefix))
    }
}

/// A refusal: `{"code": "CLIENTID_NOT_FOUND", "message": "…"}`.
#[derive(Debug, Deserialize)]
struct Refusal {
    code: String,
}

/// The code of a refusal, if the body is one of the broker's. Its message may name a client and is not kept.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (refusal.code.len() <= 64 && refusal.code.chars().all(plain)).then_some(refusal.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_whether_it_is_the_last() {
        let page = |text: &str| serde_json::from_str::<Page<Retained>>(text).unwrap();
        let row = r#"{"topic":"a"}"#;
        for (text, more) in [
            (
                format!(r#"{{"data":[{row}],"meta":{{"hasnext":true}}}}"#),
                true,
            ),
            (
                format!(r#"{{"data":[{row},{row}],"meta":{{"hasnext":false}}}}"#),
                false,
            ),
            (r#"{"data":[],"meta":{"hasnext":true}}"#.to_owned(), false),
            (format!(r#"{{"data":[{row},{row}],"meta":{{}}}}"#), true),
            (format!(r#"{{"data":[{row}]}}"#), false),
        ] {
            assert_eq!(page(&text).has_next(2), more, "{text}");
        }
    }

    #[test]
    fn only_the_brokers_own_codes_are_kept() {
        assert_eq!(
            code(br#"{"code":"CLIENTID_NOT_FOUND","message":"Client ID not found"}"#).as_deref(),
            Some("CLIENTID_NOT_FOUND")
        );
        for foreign in [
            &b"<html>404</html>"[..],
            br#"{"message":"x"}"#,
            br#"{"code":"client 4711 of Ada"}"#,
            b"",
        ] {
            assert_eq!(code(foreign), None);
        }
    }
}
