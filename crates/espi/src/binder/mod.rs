//! Binds readings to what they mean. Entries come in document order; links say what belongs
//! together (a block's `up` is a meter reading's `related`, a meter reading's `related` is a
//! reading type's `self`, a meter reading's `up` is a usage point's `related`), the shape of
//! paths helps where entries are missing, and document order where there are no links.
//!
//! Readings go out as soon as their times are known; what a series means may become known later
//! (PG&E writes some reading types after their blocks), so ask for it at the end.

mod blocks;
mod entries;
mod links;
mod series;
mod times;

pub use series::{BoundBlock, Reading, Series, SeriesIndex};

use crate::href;
use crate::local_time::LocalTimeParameters;
use crate::model::{Content, Entry, IntervalBlock, Links, ReadingType, UsagePoint};
use crate::usage_point_id::{UsagePointId, UsagePointIdError};
use jiff::Timestamp;
use links::LinkMap;
use std::collections::{BTreeMap, HashMap};

/// Readings held back because their times depend on a reading type still to come.
const MAX_HELD_READINGS: usize = 1_000_000;
/// Distinct series, reading types and usage points of one document, each.
const MAX_THINGS: usize = 100_000;

/// Why entries cannot be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// A link names a usage point by an id that is not safe to use.
    #[error("the entry at byte {offset} names a usage point that cannot be used: {source}")]
    UsagePoint {
        /// Byte offset of the entry.
        offset: u64,
        /// What is wrong with the id.
        source: UsagePointIdError,
    },
    /// A reading has no time, and nothing to compute it from.
    #[error(
        "reading {index} (from 0) of the block in the entry at byte {offset} has no time period: the block's start with an intervalLength, or a block duration that divides evenly, is needed"
    )]
    NoTime {
        /// Byte offset of the entry.
        offset: u64,
        /// Position of the reading in its block.
        index: usize,
    },
    /// Too many readings wait for a reading type.
    #[error(
        "more than {max} readings wait for their reading type: give it with Binder::with_reading_type, or raise Binder::max_held_readings"
    )]
    TooManyHeld {
        /// The bound.
        max: usize,
    },
    /// Too many distinct things in one document.
    #[error("more than {max} {what} in one document: split it by usage point")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        max: usize,
    },
}

/// Everything a document said once it was read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bound {
    /// Blocks that had to wait for the end.
    pub blocks: Vec<BoundBlock>,
    /// Series in order of appearance; [`SeriesIndex::index`] points into it.
    pub series: Vec<Series>,
    /// Entries seen.
    pub entries: u64,
    /// Usage points with the ids that their links give, in order of appearance.
    pub usage_points: Vec<(Option<UsagePointId>, UsagePoint)>,
    /// The document's last local time parameters.
    pub local_time: Option<LocalTimeParameters>,
}

/// Binds the entries of one document. Stop after an error.
#[derive(Debug)]
pub struct Binder {
    max_held_readings: usize,
    default_point: Option<UsagePointId>,
    entries: u64,
    local_time: Option<LocalTimeParameters>,

    types: Vec<ReadingType>,
    type_links: LinkMap,
    points: Vec<(Option<UsagePointId>, UsagePoint)>,
    point_links: LinkMap,
    point_by_id: HashMap<UsagePointId, usize>,
    series: Vec<State>,
    series_links: LinkMap,
    /// Series by the path of a reading type they wait for.
    waiting: HashMap<String, Vec<usize>>,
    held: BTreeMap<usize, Vec<Held>>,
    held_readings: usize,

    // Document order, for files without links.
    current_point: Option<usize>,
    current_series: Option<usize>,
    /// A reading type that no series took yet.
    pending_type: Option<usize>,
    /// Types that stood in the document (not given beforehand).
    types_seen: usize,
}

/// A series and what is known of its links.
#[derive(Debug, Default)]
struct State {
    series: Series,
    /// The usage point that the shape of links gives.
    point_by_path: Option<UsagePointId>,
    up: Vec<String>,
    related: Vec<String>,
    /// The type that document order gives.
    type_by_order: Option<usize>,
    /// The usage point that document order gives.
    point_by_order: Option<usize>,
    /// Made by a block without any link.
    anonymous: bool,
    /// A `MeterReading` entry stands behind it.
    has_meter_reading: bool,
}

#[derive(Debug)]
struct Held {
    published: Option<Timestamp>,
    offset: u64,
    block: IntervalBlock,
}

impl Held {
    fn waiting(&self) -> usize {
        self.block.readings.len()
    }
}

impl Default for Binder {
    fn default() -> Self {
        Self::new()
    }
}

impl Binder {
    /// A binder that knows nothing beforehand.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_held_readings: MAX_HELD_READINGS,
            default_point: None,
            entries: 0,
            local_time: None,
            types: Vec::new(),
            type_links: LinkMap::default(),
            points: Vec::new(),
            point_links: LinkMap::default(),
            point_by_id: HashMap::new(),
            series: Vec::new(),
            series_links: LinkMap::default(),
            waiting: HashMap::new(),
            held: BTreeMap::new(),
            held_readings: 0,
            current_point: None,
            current_series: None,
            pending_type: None,
            types_seen: 0,
        }
    }

    /// A reading type fetched separately, under its link.
    #[must_use]
    pub fn with_reading_type(mut self, href: &str, reading_type: ReadingType) -> Self {
        self.types.push(reading_type);
        self.type_links.insert(href, self.types.len() - 1);
        self
    }

    /// The usage point of readings whose links do not tell (a feed asked for one usage point).
    #[must_use]
    pub fn with_usage_point(mut self, id: UsagePointId) -> Self {
        self.default_point = Some(id);
        self
    }

    /// How many readings may wait for a reading type. Default one million (about 80 MB).
    #[must_use]
    pub fn max_held_readings(mut self, max: usize) -> Self {
        self.max_held_readings = max;
        self
    }

    /// What is known of a series so far.
    #[must_use]
    pub fn series(&self, index: SeriesIndex) -> Option<&Series> {
        self.series.get(index.0).map(|state| &state.series)
    }

    /// Takes the next entry; gives the blocks whose readings have times now.
    pub fn push(&mut self, entry: Entry) -> Result<Vec<BoundBlock>, BindError> {
        self.entries += 1;
        let Entry {
            links,
            published,
            updated,
            content,
            offset,
            ..
        } = entry;
        match content {
            Content::UsagePoint(point) => {
                self.usage_point(&links, point, offset)?;
                Ok(Vec::new())
            }
            Content::MeterReading(_) => self.meter_reading(&links, offset),
            Content::ReadingType(reading_type) => self.reading_type(&links, reading_type),
            Content::IntervalBlocks(blocks) => {
                let series = self.series_of_block(&links, offset)?;
                self.blocks(series, blocks, published.or(updated), offset)
            }
            Content::LocalTimeParameters(parameters) => {
                self.local_time = Some(parameters);
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The document was read to its end: gives what waited, and what all series mean.
    pub fn finish(mut self) -> Result<Bound, BindError> {
        for index in 0..self.series.len() {
            self.settle(index);
            self.only_type(index);
        }
        let mut blocks = Vec::new();
        for (index, held) in std::mem::take(&mut self.held) {
            self.release(index, held, &mut blocks)?;
        }
        Ok(Bound {
            blocks,
            series: self.series.into_iter().map(|state| state.series).collect(),
            entries: self.entries,
            usage_points: self.points,
            local_time: self.local_time,
        })
    }

    fn new_series(&mut self, state: State) -> Result<usize, BindError> {
        bounded("series", self.series.len())?;
        self.series.push(state);
        Ok(self.series.len() - 1)
    }
}

fn bounded(what: &'static str, count: usize) -> Result<(), BindError> {
    if count < MAX_THINGS {
        return Ok(());
    }
    Err(BindError::TooMany {
        what,
        max: MAX_THINGS,
    })
}

fn all_of(links: &Links) -> impl Iterator<Item = &String> {
    links
        .self_href
        .iter()
        .chain(&links.up)
        .chain(&links.related)
}

/// The usage point that the shape of a path names.
fn point_id<'a>(
    hrefs: impl Iterator<Item = &'a String>,
    offset: u64,
) -> Result<Option<UsagePointId>, BindError> {
    let mut ids = hrefs.filter_map(|href| href::id_of(href, "UsagePoint"));
    let id = ids.next().map(UsagePointId::parse).transpose();
    id.map_err(|source| BindError::UsagePoint { offset, source })
}
