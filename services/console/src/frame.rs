//! What all pages of the console have in common: the sections above, the look, the headers that guard them.

use std::sync::LazyLock;

use pages::page::Tab;
use pages::{Operator, Page, Style, Texts, Words};

/// English only: the console's texts stand in its templates.
#[expect(
    clippy::expect_used,
    reason = "there is nothing in them that could be wrong; each test of a page makes them"
)]
static WORDS: LazyLock<Words> = LazyLock::new(|| {
    Texts::new(&[("en", "")])
        .expect("texts without messages of their own are well formed")
        .first()
});

static STYLE: LazyLock<Style> =
    LazyLock::new(|| Style::with(&format!("{}{}", charts::STYLE, include_str!("console.css"))));

static BRAND: LazyLock<Operator> = LazyLock::new(|| brand("Metergate console"));
static DOWNLOADS: LazyLock<Operator> = LazyLock::new(|| brand("Metergate downloads"));

/// A section of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tabs {
    Overview,
    Customers,
    Permissions,
    Jobs,
    Discarded,
    Refused,
    Custodian,
    Audit,
}

const SECTIONS: [(Tabs, &str, &str); 8] = [
    (Tabs::Overview, "Overview", "/console/"),
    (Tabs::Customers, "Customers", "/console/customers"),
    (Tabs::Permissions, "Permissions", "/console/permissions"),
    (Tabs::Jobs, "Jobs", "/console/jobs"),
    (Tabs::Discarded, "Discarded work", "/console/discarded"),
    (Tabs::Refused, "Refused messages", "/console/refused"),
    (Tabs::Custodian, "PG&E", "/console/custodian"),
    (Tabs::Audit, "Audit log", "/console/audit"),
];

fn brand(name: &str) -> Operator {
    Operator {
        name: name.to_owned(),
        logo: None,
        privacy: None,
        contact: None,
    }
}

/// A page of a section.
pub(crate) fn page(title: impl Into<String>, section: Tabs) -> Page<'static> {
    let tabs = SECTIONS.iter().map(|(tab, name, link)| Tab {
        name: (*name).to_owned(),
        link: (*link).to_owned(),
        is_current: *tab == section,
    });
    bare(format!("{} - Metergate console", title.into()))
        .wide()
        .forms()
        .nav(tabs.collect())
}

/// The download page.
pub(crate) fn downloads() -> Page<'static> {
    Page::new(&WORDS, "Downloads")
        .operator(&DOWNLOADS)
        .style(&STYLE)
        .wide()
        .forms()
}

/// A page that is in no section.
pub(crate) fn bare(title: impl Into<String>) -> Page<'static> {
    Page::new(&WORDS, title).operator(&BRAND).style(&STYLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_well_formed() {
        assert_eq!(WORDS.language(), "en");
    }
}
