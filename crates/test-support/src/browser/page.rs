//! A page as it arrived.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use scraper::{Html, Selector};
use url::Url;

use super::{VisitorError, without_query};

/// A page: where it came from and what it holds.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its address, after redirects.
    pub url: Url,
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Page {
    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content type, empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The title, empty when there is none.
    #[must_use]
    pub fn title(&self) -> String {
        self.select("title").into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements that match the CSS selector, white space made single spaces.
    /// Empty when the selector is not well formed.
    #[must_use]
    pub fn select(&self, selector: &str) -> Vec<String> {
        let Ok(selector) = Selector::parse(selector) else {
            return Vec::new();
        };
        let html = self.html();
        html.select(&selector)
            .map(|element| element.text().collect::<String>())
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The absolute address behind the first link that matches the CSS selector.
    #[must_use]
    pub fn link(&self, selector: &str) -> Option<Url> {
        let selector = Selector::parse(selector).ok()?;
        let html = self.html();
        let href = html
            .select(&selector)
            .find_map(|element| element.attr("href"))?;
        self.url.join(href).ok()
    }

    /// The absolute addresses behind all links that match the CSS selector, in their order.
    #[must_use]
    pub fn links(&self, selector: &str) -> Vec<Url> {
        let Ok(selector) = Selector::parse(selector) else {
            return Vec::new();
        };
        let html = self.html();
        html.select(&selector)
            .filter_map(|element| element.attr("href"))
            .filter_map(|href| self.url.join(href).ok())
            .collect()
    }

    pub(super) fn html(&self) -> Html {
        Html::parse_document(&self.text())
    }

    pub(super) fn not_there(&self, selector: &str) -> VisitorError {
        VisitorError::NotThere {
            selector: selector.to_owned(),
            url: without_query(&self.url),
            title: self.title(),
        }
    }
}
