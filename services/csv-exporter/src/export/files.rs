//! The files of an export: what they are called, and how they are written.

use espi::Reading;
use jiff::tz::TimeZone;
use storage::smd::export::{Export, Files};
use tokio::sync::mpsc;

use super::ExportError;
use crate::place::{Draft, FileName, Place, Stem};
use crate::table::{Columns, Selection, Table, Writer, Written};

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

/// The tables being written.
pub(super) struct Opened(Vec<(Writer<Draft>, FileName)>);

impl Opened {
    pub(super) fn begin(
        place: &Place,
        selection: &Selection,
        columns: Columns,
        zone: &TimeZone,
        names: &Names,
    ) -> Result<Self, ExportError> {
        let open = |(table, name): &(Table, FileName)| {
            let writer = Writer::new(place.begin()?, selection, *table, columns, zone.clone())?;
            Ok::<_, ExportError>((writer, name.clone()))
        };
        names.0.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// Runs on a thread of its own: files block.
    pub(super) fn write_all(
        mut self,
        mut queue: mpsc::Receiver<Vec<(usize, Reading)>>,
    ) -> Result<(Drafts, Vec<Written>), ExportError> {
        while let Some(chunk) = queue.blocking_recv() {
            for (series, one) in &chunk {
                for (writer, _) in &mut self.0 {
                    writer.push(*series, one)?;
                }
            }
        }
        let (mut drafts, mut all) = (Vec::new(), Vec::new());
        for (writer, name) in self.0 {
            let (written, draft) = writer.finish()?;
            drafts.push((draft, name));
            all.push(written);
        }
        Ok((drafts, all))
    }
}
