//! What is personal or opens a door stands in no log, no metric, no job and no refused remainder.

use demo::{BoxError, Claims, Stack};
use serde_json::Value;

/// Where ids only belong.
const TABLES: &[&str] = &["jobs.job", "audit.event", "aiida.refused_message"];

/// Looks for each of `secrets`.
pub(super) async fn look(
    stack: &Stack,
    secrets: &[String],
    claims: &mut Claims,
) -> Result<(), BoxError> {
    let logs = stack.logs();
    let found: Vec<&str> = secrets
        .iter()
        .filter_map(|secret| line_with(&logs, secret))
        .take(3)
        .collect();
    claims.note(
        "nothing personal and no secret stands in a log",
        found.is_empty() && logs.contains("authorized"),
        format!("of {} in {} bytes: {found:?}", secrets.len(), logs.len()),
    );
    claims.note(
        "no token stands in a log",
        !logs.contains("Bearer "),
        "Bearer",
    );
    let metrics = stack.metrics()?;
    let found = count(&metrics, secrets);
    claims.note(
        "nothing personal and no secret stands in a metric",
        found == 0 && metrics.contains("metergate_build_info"),
        format!("{found} found"),
    );
    for table in TABLES {
        let rows = stack.rows(&format!("SELECT * FROM {table}")).await;
        let found = rows.map(|rows| count(&Value::from(rows).to_string(), secrets));
        let (holds, seen) = match found {
            Ok(found) => (found == 0, format!("{found} found")),
            Err(error) => (false, String::from(error)),
        };
        claims.note(
            format!("nothing personal and no secret stands in {table}"),
            holds,
            seen,
        );
    }
    Ok(())
}

fn count(text: &str, secrets: &[String]) -> usize {
    secrets
        .iter()
        .filter(|secret| line_with(text, secret).is_some())
        .count()
}

/// A line in which a secret stands. Seven digits in the middle of a random number are no id of anybody's; but what ends
/// with a hyphen is the beginning of a name.
fn line_with<'a>(text: &'a str, secret: &str) -> Option<&'a str> {
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let stands = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let goes_on = is_part(secret.as_bytes().last()) && is_part(bytes.get(at + secret.len()));
        !is_part(before) && !goes_on
    };
    let (at, _) = text.match_indices(secret).find(|(at, _)| stands(*at))?;
    let begin = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    text.get(begin..)?.lines().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_where_it_stands_alone() {
        let log = "first\nsubscription 4096432 read\nrequest 13d74096432e63\n";
        assert_eq!(line_with(log, "4096432"), Some("subscription 4096432 read"));
        assert_eq!(line_with(log, "74096432"), None);
        assert_eq!(line_with("id=409643", "409643"), Some("id=409643"));
        assert_eq!(count(log, &["first".to_owned(), "second".to_owned()]), 1);
    }

    #[test]
    fn a_name_is_found_by_its_beginning() {
        let log = "asked demo-customer-load-1";
        assert_eq!(line_with(log, "demo-customer-"), Some(log));
        assert_eq!(line_with(log, "customer-load"), Some(log));
        assert_eq!(line_with(log, "demo-customer-lo"), None);
    }
}
