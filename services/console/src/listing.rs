//! The newest customers or permissions, narrowed to one kind or searched: what their two pages share, here and in
//! `templates/listing.html`.

use serde::Deserialize;
use storage::console::{Page, Place};

use crate::paging::write_place;
use crate::typed::Typed;

/// A form's search. What is typed may be a name: it goes in the body and never stands in an address.
#[derive(Debug, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    pub(crate) q: Typed,
    #[serde(default)]
    pub(crate) after: String,
}

/// Which rows, beside a search.
pub(crate) struct Narrowing {
    /// The parameter of the address.
    pub(crate) parameter: &'static str,
    /// What it may be.
    pub(crate) values: Vec<&'static str>,
    /// What it is; `None` for all.
    pub(crate) wanted: Option<&'static str>,
}

/// A part of a list, as its page shows it.
pub(crate) struct Listing<T> {
    pub(crate) path: &'static str,
    pub(crate) narrowing: Narrowing,
    pub(crate) q: String,
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<String>,
    pub(crate) is_first: bool,
}

impl<T> Listing<T> {
    /// The rows that come after the place `after`, of those that are known by `q`.
    pub(crate) fn new(
        path: &'static str,
        narrowing: Narrowing,
        q: Option<&str>,
        after: &str,
        page: Page<T>,
        place: fn(&T) -> Place,
    ) -> Self {
        let last = page.rows.last().filter(|_| page.more);
        Self {
            path,
            narrowing,
            q: q.unwrap_or_default().to_owned(),
            next: last.map(|row| write_place(place(row))),
            rows: page.rows,
            is_first: after.is_empty(),
        }
    }

    /// The address of the same rows from the newest on.
    pub(crate) fn newest(&self) -> String {
        match self.narrowing.wanted {
            Some(wanted) => format!("{}?{}={wanted}", self.path, self.narrowing.parameter),
            None => self.path.to_owned(),
        }
    }

    /// The address of the rows after `place`.
    pub(crate) fn older(&self, place: &str) -> String {
        let newest = self.newest();
        let sign = if newest.contains('?') { '&' } else { '?' };
        format!("{newest}{sign}after={place}")
    }
}
