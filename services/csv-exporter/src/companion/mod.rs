//! What stands beside a customer's tables: `{stem}-report.html`, the page that shows them, and `{stem}-readme.txt`,
//! which explains them.
//!
//! Their names are stored nowhere: they follow from a table's, so whatever removes tables finds them ([`names`]).
//! Written after the tables and removed before them, they never stand alone, except where a version without them
//! removed the tables ([`orphans`]). The text is pure: the same readings give the same bytes, so a second run replaces
//! like with like. Shared with `metergate convert`.

mod readme;

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use report::{About, Point, Report};

use crate::place::{FileName, Stem};
use crate::table::{self, Columns, Table, Written};

const REPORT: (&str, &str) = ("report", "html");
const README: (&str, &str) = ("readme", "txt");
const TABLE: &str = "csv";

/// What a file of an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The page.
    Report,
    /// A table.
    Table(Table),
    /// The explanation.
    Readme,
}

impl Kind {
    /// By its name, with the stem that it shares with the others; `None` for a name that no export gives.
    #[must_use]
    pub fn of(name: &FileName) -> Option<(Stem, Self)> {
        let (stem, part) = name.stem_and_part()?;
        let kind = match (part, name.extension()) {
            REPORT => Self::Report,
            README => Self::Readme,
            (part, TABLE) => {
                let mut tables = Table::ALL.into_iter();
                Self::Table(tables.find(|table| table.name() == part)?)
            }
            _ => return None,
        };
        Some((stem, kind))
    }
}

/// The two names of a stem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The page.
    pub report: FileName,
    /// The explanation.
    pub readme: FileName,
}

impl Names {
    /// Of these files.
    #[must_use]
    pub fn of(stem: &Stem) -> Self {
        Self {
            report: stem.file(REPORT.0, REPORT.1),
            readme: stem.file(README.0, README.1),
        }
    }
}

/// What stands beside a table of this name.
#[must_use]
pub fn names(table: &FileName) -> Option<Names> {
    table.stem_and_part().map(|(stem, _)| Names::of(&stem))
}

/// The tables of which one at least stands beside a report or readme of this name; `None` for anything else. Only names
/// that an export gives, which end in the time of an authorization: other files in the folder are somebody's.
#[must_use]
pub fn tables(beside: &FileName) -> Option<[FileName; 2]> {
    match Kind::of(beside)? {
        (stem, Kind::Report | Kind::Readme) if stem.authorized().is_some() => {
            Some(Table::ALL.map(|table| stem.file(table.name(), TABLE)))
        }
        _ => None,
    }
}

/// Of the files in a folder, those that stand beside a table that is gone.
pub fn orphans(present: &BTreeSet<FileName>) -> impl Iterator<Item = &FileName> {
    present.iter().filter(|name| {
        tables(name).is_some_and(|tables| tables.iter().all(|table| !present.contains(table)))
    })
}

/// Where readings come from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Whose they are; `None` when that is not known.
    pub name: Option<String>,
    /// More about it: what it is, and the fact.
    pub facts: Vec<(String, String)>,
    /// Local time.
    pub zone: TimeZone,
    /// What the zone is called.
    pub zone_name: String,
    /// The period that was asked for; the end is exclusive.
    pub asked: Option<(Timestamp, Timestamp)>,
    /// What was left out of the tables, in sentences.
    pub left_out: Vec<String>,
    /// What each series is called, by its index.
    pub series: Vec<String>,
    /// The columns of the tables.
    pub columns: Columns,
}

/// A table as it was written.
#[derive(Debug)]
pub struct Done {
    /// Which.
    pub table: Table,
    /// Its file.
    pub name: FileName,
    /// How much.
    pub written: Written,
    /// What was collected while it was written.
    pub points: Vec<Point>,
}

/// Both texts.
#[derive(Debug)]
pub struct Texts {
    /// The page.
    pub report: String,
    /// The explanation.
    pub readme: String,
}

/// Makes both.
#[must_use]
pub fn texts(mut origin: Origin, tables: Vec<Done>, names: &Names) -> Texts {
    let passed_over = passed_over(&origin, &tables);
    origin.left_out.extend(passed_over);
    let readme = readme::of(&origin, &tables, names);
    let mut left_out = origin.left_out;
    left_out.extend(absent(&tables));
    let files: Vec<&str> = tables.iter().map(|done| done.name.as_str()).collect();
    let mut facts = origin.facts;
    facts.push(("Tables".to_owned(), files.join(", ")));
    let report = Report {
        about: About {
            name: origin.name,
            facts,
            zone: origin.zone_name,
            asked: origin.asked,
            left_out,
            quality,
        },
        zone: origin.zone,
        points: tables.into_iter().flat_map(|done| done.points).collect(),
    };
    Texts {
        report: report.html(),
        readme,
    }
}

fn quality(code: u16) -> (Cow<'static, str>, &'static str) {
    (table::quality_word(code), table::quality_meaning(code))
}

/// Readings that are in no table: other readings cover their time, or nothing in the table does.
fn passed_over(origin: &Origin, tables: &[Done]) -> Vec<String> {
    let name = |series: usize| {
        let name = origin.series.get(series);
        name.map_or("an unknown series", String::as_str)
    };
    let mut told = Vec::new();
    for Done { written, .. } in tables {
        let overlaps = written.overlaps.iter();
        told.extend(overlaps.map(|one| one.told(name(one.series))));
        let untold = written.untold.iter();
        told.extend(untold.map(|one| one.told(name(one.series), &origin.zone)));
    }
    let sentence = |what: String| format!("In no table: {what}.");
    told.into_iter().map(sentence).collect()
}

/// A kind of energy of which nothing came.
fn absent(tables: &[Done]) -> Option<String> {
    let has = |wanted| {
        tables
            .iter()
            .any(|done| done.table == wanted && done.written.rows > 0)
    };
    match (has(Table::Electricity), has(Table::Gas)) {
        (true, false) => Some("Gas: no readings were delivered.".to_owned()),
        (false, true) => Some("Electricity: no readings were delivered.".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
