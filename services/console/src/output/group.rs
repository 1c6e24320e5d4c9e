//! Files that belong together: those of one authorization, by the stem of their names.

use std::cmp::Reverse;
use std::fmt::Write as _;

use csv_exporter::companion::Kind;
use csv_exporter::place::{FileName, Stem};
use csv_exporter::table::Table;
use jiff::Timestamp;

/// A file that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Its name; text, whatever it is.
    pub(crate) name: String,
    /// The same for an address.
    pub(crate) link: String,
    /// What is in it.
    pub(crate) what: &'static str,
    pub(crate) bytes: u64,
    pub(crate) written: Option<Timestamp>,
}

/// The files of one authorization, or one file of another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The stem that the names share, or the name.
    pub(crate) key: String,
    /// As people read it: customer and subscription, without the time.
    pub(crate) title: String,
    /// When the customer authorized.
    pub(crate) authorized: Option<Timestamp>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) files: Vec<File>,
}

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) authorized: Option<Timestamp>,
    pub(super) what: &'static str,
    /// Its place among the files of its group.
    pub(super) order: u8,
}

impl Named {
    pub(super) fn of(name: &str) -> Self {
        let name_of_ours: Option<FileName> = name.parse().ok();
        let Some((stem, kind)) = name_of_ours.as_ref().and_then(Kind::of) else {
            return Self {
                key: name.to_owned(),
                authorized: time_of(name),
                what: "File",
                order: u8::MAX,
            };
        };
        let (order, what) = match kind {
            Kind::Report => (0, "Report"),
            Kind::Table(Table::Electricity) => (1, "Electricity, CSV"),
            Kind::Table(Table::Gas) => (2, "Gas, CSV"),
            Kind::Readme => (3, "Explanation of columns and units"),
        };
        Self {
            authorized: stem.authorized(),
            key: stem.to_string(),
            what,
            order,
        }
    }
}

/// Where a group stands: the newest first; those without a time last, by name.
pub(super) type Rank = (Reverse<Option<Timestamp>>, String);

pub(super) fn rank(authorized: Option<Timestamp>, key: &str) -> Rank {
    (Reverse(authorized), key.to_owned())
}

/// When the customer of a key authorized.
pub(super) fn time_of(key: &str) -> Option<Timestamp> {
    key.parse::<Stem>().ok()?.authorized()
}

/// Without the time.
pub(super) fn title(key: &str, authorized: Option<Timestamp>) -> &str {
    let short = key.rsplit_once('-').map(|(customer, _)| customer);
    short.filter(|_| authorized.is_some()).unwrap_or(key)
}

/// Bytes of a name as a piece of an address.
pub(super) fn encoded_bytes(bytes: &[u8]) -> String {
    let mut address = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _written = write!(address, "%{byte:02X}");
        }
    }
    address
}

/// A text as a piece of an address.
pub(crate) fn encoded(text: &str) -> String {
    encoded_bytes(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_authorization_share_a_stem() {
        let stem = "Jane-Example-1234567-20261121T200500Z";
        let at: Timestamp = "2026-11-21T20:05:00Z".parse().unwrap();
        for (order, (ending, what)) in [
            ("-report.html", "Report"),
            ("-electricity.csv", "Electricity, CSV"),
            ("-gas.csv", "Gas, CSV"),
            ("-readme.txt", "Explanation of columns and units"),
        ]
        .into_iter()
        .enumerate()
        {
            let named = Named::of(&format!("{stem}{ending}"));
            assert_eq!((named.key.as_str(), named.what), (stem, what));
            assert_eq!(named.authorized, Some(at));
            assert_eq!(usize::from(named.order), order);
        }
        assert_eq!(title(stem, Some(at)), "Jane-Example-1234567");
        for other in ["notes.pdf", "-report.html", "a-2026Z-gas.csv"] {
            assert_eq!(Named::of(other).authorized, None, "{other}");
        }
        // The key alone says where a group stands: that is all the next page knows of it.
        let bare = Named::of(stem);
        assert_eq!((bare.what, bare.authorized), ("File", time_of(&bare.key)));
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_an_address() {
        assert_eq!(encoded("a b/../\"<é?#"), "a%20b%2F..%2F%22%3C%C3%A9%3F%23");
        assert_eq!(encoded_bytes(b"\xff"), "%FF");
    }
}
