//! Sorted readings to rows. One row is in memory at a time.

use std::collections::BTreeMap;
use std::io;

use csv::Terminator;
use espi::Reading;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use report::{Collector, Point, Service};

use super::row::{self, Key, Piece, Row};
use super::selection::Chosen;
use super::{Columns, Selection, Table};

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
}

/// Readings of a chosen series that were left out because another chosen
/// series of the same flow had covered the same time already, as hourly
/// readings beside quarter-hourly ones.
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
        let readings = if self.readings == 1 {
            "reading"
        } else {
            "readings"
        };
        format!(
            "{} {readings} of {series}: another series covers the same time",
            self.readings
        )
    }
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
}

/// Writes one [`Table`].
///
/// Give it the readings of all series, sorted by usage point (byte order of
/// the id), start, duration, and series index; those that do not belong in
/// this table are passed over. The last call must be [`Writer::finish`].
pub struct Writer<W: io::Write> {
    out: csv::Writer<W>,
    table: Table,
    columns: Columns,
    zone: TimeZone,
    chosen: Vec<Option<Chosen>>,
    row: Option<Row>,
    covered: Covered,
    written: Written,
    overlaps: BTreeMap<usize, u64>,
    /// Sees every row that is written.
    collector: Option<Collector>,
}

/// The latest interval written of each flow of the current usage point.
#[derive(Default)]
struct Covered {
    delivered: Option<Span>,
    received: Option<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    series: usize,
    duration: i64,
    end: i64,
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
            row: None,
            covered: Covered::default(),
            written: Written::default(),
            overlaps: BTreeMap::new(),
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
        let (received, piece) = row::piece(series, chosen, reading)?;
        let key = Key {
            usage_point: chosen.usage_point.clone(),
            start: reading.start,
            duration: reading.duration,
        };
        self.turn_to(key)?;
        self.place(series, received, piece, Span::of(series, reading))
            .then_some(())
            .ok_or(TableError::Repeated {
                series,
                start: reading.start,
            })
    }

    /// Puts one flow's part into the current row, unless another series has covered its time;
    /// `false` when this very series has filled the place already.
    fn place(&mut self, series: usize, received: bool, piece: Piece, span: Span) -> bool {
        let Some(row) = &mut self.row else {
            return true;
        };
        let (slot, covered) = if received {
            (&mut row.received, &mut self.covered.received)
        } else {
            (&mut row.delivered, &mut self.covered.delivered)
        };
        match slot {
            Some(taken) if taken.series == series => return false,
            None if !covered.is_some_and(|earlier| earlier.covers(span)) => {
                *slot = Some(piece);
                self.written.readings += 1;
            }
            _ => {
                *self.overlaps.entry(series).or_default() += 1;
                return true;
            }
        }
        if covered.is_none_or(|earlier| earlier.end < span.end) {
            *covered = Some(span);
        }
        true
    }

    /// Writes what is pending and says what the table holds; gives the output back, flushed.
    pub fn finish(self) -> Result<(Written, W), TableError> {
        self.finish_collected()
            .map(|(written, out, _)| (written, out))
    }

    /// Like [`Writer::finish`], with what was collected.
    pub fn finish_collected(mut self) -> Result<(Written, W, Vec<Point>), TableError> {
        self.write_row()?;
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

    /// Makes the row of `key` the current one.
    fn turn_to(&mut self, key: Key) -> Result<(), TableError> {
        let current = self.row.as_ref().map(|row| &row.key);
        if current == Some(&key) {
            return Ok(());
        }
        if current.is_some_and(|current| *current > key) {
            return Err(TableError::OutOfOrder { start: key.start });
        }
        if current.is_none_or(|current| current.usage_point != key.usage_point) {
            self.covered = Covered::default();
        }
        self.write_row()?;
        self.row = Some(Row {
            key,
            delivered: None,
            received: None,
        });
        Ok(())
    }

    fn write_row(&mut self) -> Result<(), TableError> {
        let Some(row) = self.row.take() else {
            return Ok(());
        };
        // Only overlapping readings came for this row.
        if row.delivered.is_none() && row.received.is_none() {
            return Ok(());
        }
        let record = row.cells(self.table, self.columns, &self.zone)?;
        if let Some(collector) = &mut self.collector {
            collector.take(&row.observed());
        }
        self.out.write_record(record)?;
        self.written.rows += 1;
        Ok(())
    }
}

impl Span {
    fn of(series: usize, reading: &Reading) -> Self {
        let duration = i64::from(reading.duration);
        Self {
            series,
            duration,
            end: reading.start.as_second() + duration,
        }
    }

    /// Whether another series' interval was written for most of this time. Small overlaps are
    /// let through: daily and monthly intervals touch by an hour where clocks change.
    fn covers(self, next: Self) -> bool {
        let start = next.end - next.duration;
        let common = self.end.min(next.end) - start.max(self.end - self.duration);
        self.series != next.series && common * 2 >= self.duration.min(next.duration) && common >= 0
    }
}
