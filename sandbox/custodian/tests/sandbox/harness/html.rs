//! What a browser would make of a page or a redirect.

use std::collections::BTreeMap;

use reqwest::Response;
use url::Url;

use super::CALLBACK;

/// The parameters of a redirect to the callback.
pub(crate) fn back(response: &Response) -> BTreeMap<String, String> {
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{CALLBACK}?")), "{location}");
    Url::parse(location)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

/// The session token of a page's first form.
pub(crate) fn session(html: &str) -> String {
    let fields = fields(html);
    fields
        .into_iter()
        .find(|(name, _)| name == "session")
        .unwrap()
        .1
}

/// What a browser would send of a page's inputs: hidden ones, checked ones, first options.
pub(crate) fn fields(html: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let attribute = |tag: &str, name: &str| {
        let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        Some(tag[from..].split('"').next().unwrap().to_owned())
    };
    let mut select = None;
    for tag in html.split('<').filter_map(|part| part.split('>').next()) {
        let kind = attribute(tag, "type");
        let ticked =
            matches!(kind.as_deref(), Some("checkbox" | "radio")) && tag.ends_with(" checked");
        if tag.starts_with("input ") && (kind.as_deref() == Some("hidden") || ticked) {
            found.push((
                attribute(tag, "name").unwrap(),
                attribute(tag, "value").unwrap(),
            ));
        } else if tag.starts_with("select ") {
            select = attribute(tag, "name");
        } else if tag.starts_with("option ")
            && let Some(name) = select.take()
        {
            found.push((name, attribute(tag, "value").unwrap()));
        }
    }
    found
}
