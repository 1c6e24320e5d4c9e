//! A table from links to things, looked up leniently.

use crate::href;
use std::collections::HashMap;

/// Finds by the exact text of a link first, then by its path without host and prefix.
#[derive(Debug, Default)]
pub(super) struct LinkMap {
    exact: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
}

impl LinkMap {
    pub(super) fn insert(&mut self, href: &str, value: usize) {
        self.exact.insert(href.to_owned(), value);
        let key = href::key(href);
        if !key.is_empty() {
            self.by_key.insert(key.to_owned(), value);
        }
    }

    pub(super) fn get(&self, href: &str) -> Option<usize> {
        self.exact
            .get(href)
            .or_else(|| self.by_key.get(href::key(href)))
            .copied()
    }

    pub(super) fn first<'a>(&self, hrefs: impl IntoIterator<Item = &'a String>) -> Option<usize> {
        hrefs.into_iter().find_map(|href| self.get(href))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_before_path() {
        let mut links = LinkMap::default();
        links.insert("https://a.example/x/resource/ReadingType/1", 1);
        links.insert("https://b.example/y/resource/ReadingType/1", 2);
        assert_eq!(
            links.get("https://a.example/x/resource/ReadingType/1"),
            Some(1)
        );
        assert_eq!(links.get("/ReadingType/1"), Some(2));
        assert_eq!(links.get("https://c.example/ReadingType/2"), None);
        assert_eq!(links.get(""), None);
    }
}
