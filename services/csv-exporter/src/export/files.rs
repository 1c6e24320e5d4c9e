//! The files of an export: what they are called, and how they are written.

use std::io::Write;

use espi::Reading;
use storage::smd::export::{Export, Files};
use tokio::sync::mpsc;

use super::ExportError;
use crate::companion::{self, Done, Origin};
use crate::place::{Draft, FileName, Place, PlaceError, Stem};
use crate::table::{Selection, Table, Writer};

/// A file name for customers who did not share theirs.
const NO_NAME: &str = "customer";

/// The names of an export's files, by table.
pub(super) struct Names(Vec<(Table, FileName)>);

impl Names {
    /// No table has a series.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stored names win: a second run replaces what the first wrote.
    pub(super) fn of(known: &Export, selection: &Selection) -> Result<Self, ExportError> {
        let stem = Stem::new(
            known.customer_name.as_deref().unwrap_or(NO_NAME),
            known.subscription_id.as_deref().unwrap_or_default(),
            known.authorized_at,
        )?;
        let stored = |table| match table {
            Table::Electricity => &known.files.electricity,
            Table::Gas => &known.files.gas,
        };
        Table::ALL
            .into_iter()
            .filter(|table| selection.has(*table))
            .map(|table| match stored(table) {
                Some(name) => Ok((table, name.parse()?)),
                None => Ok((table, stem.file(table.name(), "csv"))),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn stored(&self) -> Files {
        let of = |wanted| {
            self.0
                .iter()
                .find(|(table, _)| *table == wanted)
                .map(|(_, name)| name.to_string())
        };
        Files {
            electricity: of(Table::Electricity),
            gas: of(Table::Gas),
        }
    }
}

/// Complete files that have yet to get their names.
pub(super) type Drafts = Vec<(Draft, FileName)>;

/// The tables being written, and what is known for the texts beside them.
pub(super) struct Opened {
    tables: Vec<(Table, Writer<Draft>, FileName)>,
    place: Place,
    origin: Origin,
}

impl Opened {
    pub(super) fn begin(
        place: &Place,
        selection: &Selection,
        origin: Origin,
        names: &Names,
    ) -> Result<Self, ExportError> {
        let open = |(table, name): &(Table, FileName)| {
            let draft = place.begin()?;
            let zone = origin.zone.clone();
            let writer = Writer::new(draft, selection, *table, origin.columns, zone)?.collecting();
            Ok::<_, ExportError>((*table, writer, name.clone()))
        };
        Ok(Self {
            tables: names.0.iter().map(open).collect::<Result<_, _>>()?,
            place: place.clone(),
            origin,
        })
    }

    /// Runs on a thread of its own: files block. Gives the rows of each table.
    pub(super) fn write_all(
        mut self,
        mut queue: mpsc::Receiver<Vec<(usize, Reading)>>,
    ) -> Result<(Drafts, Vec<u64>), ExportError> {
        while let Some(chunk) = queue.blocking_recv() {
            for (series, one) in &chunk {
                for (_, writer, _) in &mut self.tables {
                    writer.push(*series, one)?;
                }
            }
        }
        let (mut drafts, mut done) = (Vec::new(), Vec::new());
        for (table, writer, name) in self.tables {
            let (written, draft, points) = writer.finish_collected()?;
            drafts.push((draft, name.clone()));
            done.push(Done {
                table,
                name,
                written,
                points,
            });
        }
        let rows = done.iter().map(|one| one.written.rows).collect();
        // After the tables: what explains them never stands alone.
        drafts.extend(beside(&self.place, self.origin, done)?);
        Ok((drafts, rows))
    }
}

/// The readme and the report.
fn beside(place: &Place, origin: Origin, done: Vec<Done>) -> Result<Drafts, ExportError> {
    let Some(names) = done.first().and_then(|one| companion::names(&one.name)) else {
        return Ok(Vec::new());
    };
    let texts = companion::texts(origin, done, &names);
    let write = |text: String, name| {
        let mut draft = place.begin()?;
        draft
            .write_all(text.as_bytes())
            .map_err(|error| PlaceError::at("writing a file", error))?;
        Ok::<_, ExportError>((draft, name))
    };
    Ok(vec![
        write(texts.readme, names.readme)?,
        write(texts.report, names.report)?,
    ])
}
