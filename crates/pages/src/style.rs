//! The stylesheet of all pages and, behind it, a page's own rules; with the hash that allows exactly this text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The rules of all pages.
pub const SHARED: &str = include_str!("style.css");

/// A stylesheet that stands in a page. Made once, kept in a `LazyLock`.
#[derive(Debug, Clone)]
pub struct Style {
    css: String,
    source: String,
}

impl Style {
    /// The shared rules alone.
    #[must_use]
    pub fn shared() -> Self {
        Self::with("")
    }

    /// The shared rules and these behind them.
    #[must_use]
    pub fn with(own: &str) -> Self {
        let mut css = without_comments(SHARED);
        // Writing to a text does not fail.
        let _written = write!(css, "{}", without_comments(own));
        let digest = STANDARD.encode(Sha256::digest(css.as_bytes()));
        Self {
            css,
            source: format!("'sha256-{digest}'"),
        }
    }

    /// What stands between `<style>` and `</style>`, to the letter.
    #[must_use]
    pub fn css(&self) -> &str {
        &self.css
    }

    /// As a Content-Security-Policy names it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Comments are for us; readers need not fetch them.
fn without_comments(css: &str) -> String {
    let mut text = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, behind)) = rest.split_once("/*") {
        text.push_str(before);
        rest = behind.split_once("*/").map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod contrast;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_rules_stand_behind_and_change_the_hash() {
        let (shared, own) = (Style::shared(), Style::with(".a { color: red; } /* why */"));
        assert!(own.css().starts_with(shared.css()));
        assert!(own.css().ends_with(".a { color: red; }\n"));
        assert_ne!(shared.source(), own.source());
        assert!(!own.css().contains("/*") && !own.css().contains('<'));
        assert!(shared.css().len() < 12_000, "{}", shared.css().len());
    }
}
