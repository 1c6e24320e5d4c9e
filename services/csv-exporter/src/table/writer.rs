//! Sorted readings to rows. In memory are the readings that overlap the latest one: as a rule those of one row, at most
//! those of the longest interval that others overlap.

use std::collections::BTreeMap;
use std::io;

use csv::Terminator;
use espi::Reading;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use report::{Collector, Point, Service};

use super::kept::{Kept, Span};
use super::row::{self, Key, Piece, Row};
use super::selection::Chosen;
use super::{Columns, Selection, Table};

/// Readings that may overlap one another before something is written: a year of quarter-hours of seven series.
const MOST_PENDING: usize = 250_000;

/// Why a table could not be written. No variant contains a reading or a name.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The output took no more bytes.
    #[error("the CSV could not be written ({0}): check free space and permissions where it goes")]
    Output(#[from] csv::Error),
    /// The caller's query or merge does not sort.
    #[error(
        "the readings are not sorted by usage point (byte order), start, duration and series (at {start}): sort them before writing"
    )]
    OutOfOrder {
        /// Start of the reading that came too late.
        start: Timestamp,
    },
    /// The caller's query or merge lets duplicates through.
    #[error("series {series} has the interval at {start} twice: merge duplicates before writing")]
    Repeated {
        /// Index of the series.
        series: usize,
        /// Start of the interval.
        start: Timestamp,
    },
    /// The selection was made from other series.
    #[error("series {0} is not among those the selection was made from")]
    UnknownSeries(usize),
    /// More digits than an exact decimal holds.
    #[error(
        "the value or cost of series {series} at {start} has more than 28 digits: check the multiplier of its reading type"
    )]
    Digits {
        /// Index of the series.
        series: usize,
        /// Start of the interval.
        start: Timestamp,
    },
    /// No meter measures so.
    #[error(
        "more than {MOST_PENDING} readings overlap one another (at {start}): leave out the series whose intervals are so long"
    )]
    Overlapping {
        /// Start of the one that was too much.
        start: Timestamp,
    },
}

/// Readings of a series of the table that were left out because other readings of the same flow
/// cover the same time, as quarter-hourly ones beside hourly ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// Index of the series.
    pub series: usize,
    /// How many of its readings.
    pub readings: u64,
}

impl Overlap {
    /// In words, with what the series is called.
    #[must_use]
    pub fn told(&self, series: &str) -> String {
        format!(
            "{} of {series}: other readings of the same time count",
            readings(self.readings)
        )
    }
}

/// Readings of a series that is in no table because it takes another one instead
/// ([`Reason::Twin`](super::Reason::Twin)), of times that the table does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untold {
    /// Index of the series.
    pub series: usize,
    /// How many of its readings.
    pub readings: u64,
    /// Start of the first of them.
    pub from: Timestamp,
    /// End of the last of them.
    pub until: Timestamp,
}

impl Untold {
    /// In words, with what the series is called, in local time.
    #[must_use]
    pub fn told(&self, series: &str, zone: &TimeZone) -> String {
        format!(
            "{} of {series}, of times between {} and {} that the table does not cover",
            readings(self.readings),
            report::moment(self.from, zone),
            report::moment(self.until, zone)
        )
    }
}

fn readings(count: u64) -> String {
    let word = if count == 1 { "reading" } else { "readings" };
    format!("{count} {word}")
}

/// What a finished table holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Rows below the header.
    pub rows: u64,
    /// Readings in them; more than rows where flows share one.
    pub readings: u64,
    /// Readings left out for overlapping, by series.
    pub overlaps: Vec<Overlap>,
    /// What only series that are left out tell of, by series.
    pub untold: Vec<Untold>,
}

/// Writes one [`Table`].
///
/// Give it the readings of all series, sorted by usage point (byte order of
/// the id), start, duration, and series index; those that do not belong in
/// this table are passed over, except that those of series that another one
/// replaces ([`Selection::wanted_by`]) are looked at for times that nothing
/// else tells of. The last call must be [`Writer::finish`].
pub struct Writer<W: io::Write> {
    out: csv::Writer<W>,
    table: Table,
    columns: Columns,
    zone: TimeZone,
    chosen: Vec<Option<Chosen>>,
    /// Readings that may overlap the next one.
    pending: Vec<Pending>,
    /// The end of all of these.
    pending_until: i64,
    row: Option<Row>,
    written: Written,
    overlaps: BTreeMap<usize, u64>,
    untold: BTreeMap<usize, Untold>,
    /// Sees every row that is written.
    collector: Option<Collector>,
}

/// A reading that has yet to be decided about.
struct Pending {
    key: Key,
    span: Span,
    /// Its part of a row, and whether that is the flow back to the grid; `None` for what is only looked at.
    part: Option<(bool, Piece)>,
}

impl<W: io::Write> Writer<W> {
    /// Starts a table: writes the header.
    pub fn new(
        out: W,
        selection: &Selection,
        table: Table,
        columns: Columns,
        zone: TimeZone,
    ) -> Result<Self, TableError> {
        let mut out = csv::WriterBuilder::new()
            .terminator(Terminator::Any(b'\n'))
            .from_writer(out);
        out.write_record(table.header(columns))?;
        Ok(Self {
            out,
            table,
            columns,
            zone,
            chosen: selection.chosen().to_vec(),
            pending: Vec::new(),
            pending_until: i64::MIN,
            row: None,
            written: Written::default(),
            overlaps: BTreeMap::new(),
            untold: BTreeMap::new(),
            collector: None,
        })
    }

    /// Collects for the report what is written from now on.
    #[must_use]
    pub fn collecting(mut self) -> Self {
        let service = match self.table {
            Table::Electricity => Service::Electricity,
            Table::Gas => Service::Gas,
        };
        self.collector = Some(Collector::new(service, self.zone.clone()));
        self
    }

    /// Takes the next reading. `series` is its index among those given to [`Selection::of`].
    pub fn push(&mut self, series: usize, reading: &Reading) -> Result<(), TableError> {
        let known = self.chosen.get(series);
        let Some(chosen) = known.ok_or(TableError::UnknownSeries(series))? else {
            return Ok(());
        };
        if chosen.role.table() != self.table {
            return Ok(());
        }
        let part = match chosen.instead {
            Some(_) => None,
            None => Some(row::piece(series, chosen, reading)?),
        };
        let span = Span::of(series, chosen, reading);
        let key = Key {
            usage_point: chosen.usage_point.clone(),
            start: reading.start,
            duration: reading.duration,
        };
        self.turn_to(&key)?;
        let latest = self.pending.iter().rev();
        let mut same = latest.take_while(|earlier| earlier.key == key);
        if same.any(|earlier| earlier.span.series == series) {
            return Err(TableError::Repeated {
                series,
                start: reading.start,
            });
        }
        if self.pending.len() >= MOST_PENDING {
            return Err(TableError::Overlapping {
                start: reading.start,
            });
        }
        self.pending_until = self.pending_until.max(span.end());
        self.pending.push(Pending { key, span, part });
        Ok(())
    }

    /// Decides about what came before, unless a reading of this key may overlap it.
    fn turn_to(&mut self, key: &Key) -> Result<(), TableError> {
        let Some(latest) = self.pending.last().map(|pending| &pending.key) else {
            return Ok(());
        };
        if latest > key {
            return Err(TableError::OutOfOrder { start: key.start });
        }
        let later = latest.start < key.start && self.pending_until <= key.start.as_second();
        if later || latest.usage_point != key.usage_point {
            self.decide()?;
        }
        Ok(())
    }

    /// Puts what counts of the pending readings into rows.
    fn decide(&mut self) -> Result<(), TableError> {
        let mut pending = std::mem::take(&mut self.pending);
        self.pending_until = i64::MIN;
        let written = pending.iter().enumerate();
        let written = written.filter(|(_, one)| one.part.is_some());
        let kept = Kept::among(written.map(|(place, one)| (place, one.span)));
        for (place, Pending { key, span, part }) in pending.drain(..).enumerate() {
            match part {
                Some((received, piece)) if kept.holds(place, span) => {
                    self.fill(key, received, piece)?;
                }
                Some(_) => *self.overlaps.entry(span.series).or_default() += 1,
                None if kept.tell_of(span) => {}
                None => self.note_untold(key.start, span),
            }
        }
        // Its memory is used again.
        self.pending = pending;
        Ok(())
    }

    fn note_untold(&mut self, start: Timestamp, span: Span) {
        let untold = self.untold.entry(span.series).or_insert(Untold {
            series: span.series,
            readings: 0,
            from: start,
            until: start,
        });
        untold.readings += 1;
        let end = Timestamp::from_second(span.end()).unwrap_or(Timestamp::MAX);
        untold.until = untold.until.max(end);
    }

    /// Puts one flow's part into its row.
    fn fill(&mut self, key: Key, received: bool, piece: Piece) -> Result<(), TableError> {
        if self.row.as_ref().is_some_and(|row| row.key != key) {
            self.write_row()?;
        }
        let row = self.row.get_or_insert(Row {
            key,
            delivered: None,
            received: None,
        });
        let slot = if received {
            &mut row.received
        } else {
            &mut row.delivered
        };
        *slot = Some(piece);
        self.written.readings += 1;
        Ok(())
    }

    /// Writes what is pending and says what the table holds; gives the output back, flushed.
    pub fn finish(self) -> Result<(Written, W), TableError> {
        self.finish_collected()
            .map(|(written, out, _)| (written, out))
    }

    /// Like [`Writer::finish`], with what was collected.
    pub fn finish_collected(mut self) -> Result<(Written, W, Vec<Point>), TableError> {
        self.decide()?;
        self.write_row()?;
        self.written.untold = self.untold.into_values().collect();
        let overlaps = self.overlaps.into_iter();
        self.written.overlaps = overlaps
            .map(|(series, readings)| Overlap { series, readings })
            .collect();
        let out = self
            .out
            .into_inner()
            .map_err(|e| csv::Error::from(e.into_error()))?;
        let points = self.collector.map(Collector::finish);
        Ok((self.written, out, points.unwrap_or_default()))
    }

    fn write_row(&mut self) -> Result<(), TableError> {
        let Some(row) = self.row.take() else {
            return Ok(());
        };
        let record = row.cells(self.table, self.columns, &self.zone)?;
        if let Some(collector) = &mut self.collector {
            collector.take(&row.observed());
        }
        self.out.write_record(record)?;
        self.written.rows += 1;
        Ok(())
    }
}
