//! What the eligible party sends: bodies are bounded, keys that nobody reads are refused by name.

use actix_web::HttpRequest;
use actix_web::error::QueryPayloadError;
use actix_web::web::{self, Query};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use service_kit::problem::Problem;

use super::refused::Refused;

/// Most bytes of a request's JSON.
pub(crate) const JSON_LIMIT: usize = 64 * 1024;

/// The query of the address; unknown keys and values that do not fit are refused with their names.
pub(crate) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refused> {
    let text = request.query_string();
    if url::form_urlencoded::parse(text.as_bytes()).any(|(_, value)| value.contains('\0')) {
        // No text of the database has one.
        return Err(Problem::bad_request("The query of the address has a zero character.").into());
    }
    match Query::<T>::from_query(text) {
        Ok(query) => Ok(query.into_inner()),
        Err(QueryPayloadError::Deserialize(error)) => {
            Err(Problem::bad_request(format!("The query of the address: {error}.")).into())
        }
        Err(_) => Err(Problem::bad_request("The query of the address cannot be read.").into()),
    }
}

/// The body as JSON of type `T`, of at most `most` bytes.
pub(crate) async fn json<T: DeserializeOwned>(
    payload: web::Payload,
    most: usize,
) -> Result<T, Refused> {
    parse(&bytes(payload, most).await?)
}

/// The body as it is, of at most `most` bytes.
pub(crate) async fn bytes(mut payload: web::Payload, most: usize) -> Result<Vec<u8>, Refused> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::bad_request("The body did not arrive whole."))?;
        if body.len() + chunk.len() > most {
            return Err(Refused::too_large(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A moment that the database can compare with: those before year 1 are of no use to anybody here.
pub(crate) fn moment(text: Option<Timestamp>) -> Result<Option<Timestamp>, Refused> {
    match text {
        Some(moment) if moment < EARLIEST => Err(Problem::bad_request(
            "The query of the address: a time before the year 1 means nothing here.",
        )
        .into()),
        other => Ok(other),
    }
}

/// Year 1, 1 January.
pub(crate) const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(words(&error)).into())
}

/// The parser's words where they name a key; otherwise only the place, because they quote the value.
pub(crate) fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let names_a_key = ["unknown field", "missing field", "duplicate field"]
        .iter()
        .any(|start| text.starts_with(start));
    if names_a_key {
        format!("The body: {text}.")
    } else if error.is_data() {
        format!(
            "The body: what stands at line {}, column {} is not of the kind that is expected there.",
            error.line(),
            error.column()
        )
    } else {
        format!(
            "The body is not JSON: see line {}, column {}.",
            error.line(),
            error.column()
        )
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "only the refusals are of interest")]
        a_number: u8,
    }

    fn refusal(body: &str) -> String {
        let refused = parse::<Input>(body.as_bytes()).unwrap_err();
        refused.to_string()
    }

    #[test]
    fn keys_are_named_and_values_are_not() {
        assert!(refusal(r#"{"aNumber":1,"other":2}"#).contains("unknown field `other`"));
        assert!(refusal("{}").contains("missing field `aNumber`"));
        assert!(refusal(r#"{"aNumber":1,"aNumber":2}"#).contains("duplicate field"));
        let wrong = refusal(r#"{"aNumber":"Ms. Fable"}"#);
        assert!(wrong.contains("line 1, column 22"), "{wrong}");
        assert!(!wrong.contains("Fable"), "{wrong}");
        assert!(refusal("{").contains("is not JSON"));
        assert!(refusal("").contains("is not JSON"));
    }

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Asked {
        a_number: Option<u8>,
        text: Option<String>,
    }

    /// Pairs of a query, good and nearly good, with and without what stands between.
    fn queries() -> impl Strategy<Value = String> {
        let keys = vec!["aNumber", "a%4eumber", "text", "te+xt", "other", ""];
        let values = vec![
            "", "1", "255", "256", "-1", "+1", "%2B1", "x%00", "%", "%fF%4", "a%26b=c", "%C3%A9",
        ];
        let pair = (
            select(keys),
            select(vec!["=", "=", ""]),
            select(values),
            select(vec!["&", "&", "&&", ""]),
        );
        vec(pair, 0..4).prop_map(|pairs| {
            let texts = pairs
                .iter()
                .flat_map(|(key, is, value, and)| [*key, *is, *value, *and]);
            texts.collect::<String>()
        })
    }

    /// What a query asks, read by hand; nothing where it has to be refused.
    fn by_hand(query: &str) -> Option<Asked> {
        let mut asked = Asked::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            if value.contains('\0') {
                return None;
            }
            let is_again = match decoded(key).as_str() {
                "aNumber" => asked.a_number.replace(value.parse().ok()?).is_some(),
                "text" => asked.text.replace(value).is_some(),
                _ => true,
            };
            if is_again {
                return None;
            }
        }
        Some(asked)
    }

    fn decoded(text: &str) -> String {
        test_support::percent::unescaped(&text.replace('+', " "))
    }

    proptest! {
        #[test]
        fn a_query_is_read_as_it_says_or_refused(text in queries()) {
            let request = TestRequest::get().uri(&format!("/x?{text}")).to_http_request();
            prop_assert_eq!(query::<Asked>(&request).ok(), by_hand(&text));
        }
    }
}
