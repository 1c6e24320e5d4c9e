//! Links between entries, compared leniently. Custodians write the same resource with another
//! host, another prefix before `/resource/`, or as a bare relative path.

/// The part of a link that names the resource: no scheme, host, query or fragment, nothing up to
/// and including `/resource/`, no slash at either end.
pub(crate) fn key(href: &str) -> &str {
    let href = href.trim();
    let path = href.split_once("://").map_or(href, |(_, rest)| {
        rest.split_once('/').map_or("", |(_, p)| p)
    });
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path
        .split_once("/resource/")
        .map_or(path, |(_, resource)| resource);
    path.trim_matches('/')
}

/// The segment after the last segment named `collection`: `id_of(".../UsagePoint/12/MeterReading",
/// "UsagePoint")` is `12`.
pub(crate) fn id_of<'a>(href: &'a str, collection: &str) -> Option<&'a str> {
    let mut found = None;
    let mut segments = key(href).split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment == collection {
            found = segments.peek().copied();
        }
    }
    found.filter(|id| !id.is_empty())
}

/// The link cut after the id of `collection`: `upto("a/UsagePoint/1/MeterReading/2/IntervalBlock",
/// "MeterReading")` is `a/UsagePoint/1/MeterReading/2`.
pub(crate) fn upto<'a>(href: &'a str, collection: &str) -> Option<&'a str> {
    let key = key(href);
    let id = id_of(key, collection)?;
    // Both are slices of one text, so the end of the id is a distance from its start.
    let end = (id.as_ptr().addr() + id.len()).checked_sub(key.as_ptr().addr())?;
    key.get(..end)
}

/// Whether a link names one member of a collection, or the collection itself.
pub(crate) fn is_of(href: &str, collection: &str) -> bool {
    let mut backwards = key(href).rsplit('/');
    let last = backwards.next();
    last == Some(collection) || backwards.next() == Some(collection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "https://api.example.org/GreenButtonConnect/espi/1_1/resource/Subscription/9/UsagePoint/12/MeterReading/QQ==/IntervalBlock/3?x=1";

    #[test]
    fn host_prefix_and_query_do_not_count() {
        let plain = "Subscription/9/UsagePoint/12/MeterReading/QQ==/IntervalBlock/3";
        assert_eq!(key(BLOCK), plain);
        assert_eq!(key(&format!("/{plain}/")), plain);
        assert_eq!(key("https://host"), "");
        assert_eq!(
            key("https://host/User/1/UsagePoint/01"),
            "User/1/UsagePoint/01"
        );
    }

    #[test]
    fn ids_come_from_the_shape_of_the_path() {
        assert_eq!(id_of(BLOCK, "UsagePoint"), Some("12"));
        assert_eq!(id_of(BLOCK, "MeterReading"), Some("QQ=="));
        assert_eq!(id_of(BLOCK, "ReadingType"), None);
        assert_eq!(id_of("a/UsagePoint", "UsagePoint"), None);
        assert_eq!(
            upto(BLOCK, "MeterReading"),
            Some("Subscription/9/UsagePoint/12/MeterReading/QQ==")
        );
        assert_eq!(upto("a/UsagePoint", "UsagePoint"), None);
    }

    #[test]
    fn a_link_knows_its_collection() {
        assert!(is_of(BLOCK, "IntervalBlock"));
        assert!(is_of("x/MeterReading/1/IntervalBlock", "IntervalBlock"));
        assert!(!is_of(BLOCK, "MeterReading"));
    }
}
