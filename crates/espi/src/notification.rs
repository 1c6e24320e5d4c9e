//! Notifications: the list of links that a custodian posts when data is ready or an authorization
//! changed. It is unsigned, so what it says is a hint: follow only links on the configured host.

use crate::reader::{ReadError, ReadErrorKind};
use crate::small;
use crate::xml::Ns;

/// Links one notification may bring.
const MAX_RESOURCES: usize = 10_000;

/// Reads a `BatchList` and gives its links in document order, duplicates included.
///
/// A captured PG&E notification has the two characters `\n` between the XML declaration and the
/// root, which no XML may. Exactly these, in exactly this place, are passed over: nothing in a
/// list can be hidden or changed by them. Anything else that is not well-formed is an error.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, ReadError> {
    match without_literal_newline(bytes) {
        None => read(bytes, 0),
        Some((declaration, rest)) => read(rest, declaration),
    }
}

fn read(bytes: &[u8], skipped: usize) -> Result<Vec<String>, ReadError> {
    let mut resources = Vec::new();
    let whole = small::read(bytes, "BatchList", |cursor, ns| {
        if ns != Ns::Espi || cursor.name() != "resources" {
            return Ok(false);
        }
        if resources.len() >= MAX_RESOURCES {
            return Err(cursor.error(ReadErrorKind::Malformed(
                "more than 10000 links in one notification",
            )));
        }
        resources.extend(cursor.string()?);
        Ok(true)
    });
    whole.map_err(|mut error| {
        error.offset = error
            .offset
            .saturating_add(u64::try_from(skipped).unwrap_or(u64::MAX));
        error
    })?;
    if resources.is_empty() {
        return Err(small::at_root(ReadErrorKind::Missing("resources")));
    }
    Ok(resources)
}

/// Where a document goes on after a UTF-8 declaration and a literal backslash-n: how many bytes
/// were passed over, and the rest.
fn without_literal_newline(bytes: &[u8]) -> Option<(usize, &[u8])> {
    const DECLARATIONS: [&[u8]; 2] = [
        br#"<?xml version="1.0" encoding="UTF-8"?>\n"#,
        br#"<?xml version="1.0"?>\n"#,
    ];
    DECLARATIONS
        .iter()
        .find_map(|known| Some((known.len(), bytes.strip_prefix(*known)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"<ns0:BatchList xmlns:ns0="http://naesb.org/espi"><ns0:resources>https://custodian.example/Batch/Bulk/1?a=b&amp;correlationID=00000000-0000-0000-0000-000000000000</ns0:resources><ns0:resources> https://custodian.example/Authorization/7 </ns0:resources></ns0:BatchList>"#;

    fn links() -> Vec<String> {
        vec![
            "https://custodian.example/Batch/Bulk/1?a=b&correlationID=00000000-0000-0000-0000-000000000000".to_owned(),
            "https://custodian.example/Authorization/7".to_owned(),
        ]
    }

    #[test]
    fn links_come_in_order() {
        assert_eq!(parse(LIST.as_bytes()).unwrap(), links());
        let other = LIST.replace("ns0:", "");
        assert!(parse(other.as_bytes()).is_err(), "no namespace any more");
        let default = other.replace("xmlns:ns0", "xmlns");
        assert_eq!(parse(default.as_bytes()).unwrap(), links());
    }

    #[test]
    fn the_literal_backslash_n_of_a_real_capture_is_passed_over() {
        let captured = format!(r#"<?xml version="1.0" encoding="UTF-8"?>\n{LIST}"#);
        assert_eq!(parse(captured.as_bytes()).unwrap(), links());
    }

    #[test]
    fn any_other_litter_is_refused() {
        for litter in [
            format!(r"\n{LIST}"),
            format!(r"{LIST}\n"),
            format!(r#"<?xml version="1.0" encoding="UTF-8"?>\n\n{LIST}"#),
            format!(r#"<?xml version="1.0" encoding="UTF-8"?>\t{LIST}"#),
            format!("{LIST}{LIST}"),
            LIST.replace("</ns0:BatchList>", ""),
            format!("<!DOCTYPE x>{LIST}"),
            r#"<ns0:BatchList xmlns:ns0="http://naesb.org/espi"/>"#.to_owned(),
            "{}".to_owned(),
        ] {
            assert!(parse(litter.as_bytes()).is_err(), "{litter}");
        }
    }

    #[test]
    fn positions_count_from_the_start_of_the_body() {
        let broken = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>\n{}"#,
            LIST.replace("&amp;", "&x;")
        );
        let error = parse(broken.as_bytes()).unwrap_err();
        let expected = broken.find("&x;").unwrap();
        assert_eq!(error.offset, u64::try_from(expected).unwrap());
        assert_eq!(error.path, "BatchList/resources");
    }
}
