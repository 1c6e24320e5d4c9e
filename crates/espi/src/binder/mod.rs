//! Binds readings to what they mean. Entries come in document order; links say what belongs
//! together (a block's `up` is a meter reading's `related`, a meter reading's `related` is a
//! reading type's `self`, a meter reading's `up` is a usage point's `related`), the shape of
//! paths helps where entries are missing, and document order where there are no links.
//!
//! Readings go out as soon as their times are known; what a series means may become known later
//! (PG&E writes some reading types after their blocks), so ask for it at the end.

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
    /// A MeterReading entry stands behind it.
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

    /// Without links, a document's only reading type is the type of all its series.
    fn only_type(&mut self, index: usize) {
        let only = (self.types_seen == 1).then(|| self.types.last().cloned());
        if let (Some(state), Some(only)) = (self.series.get_mut(index), only.flatten())
            && state.series.reading_type.is_none()
            && state.series.reading_type_href.is_none()
            && (state.has_meter_reading || state.anonymous)
        {
            state.series.reading_type = Some(only);
        }
    }

    fn usage_point(
        &mut self,
        links: &Links,
        point: UsagePoint,
        offset: u64,
    ) -> Result<(), BindError> {
        let mut id = point_id(all_of(links), offset)?;
        let known = links
            .self_href
            .as_ref()
            .and_then(|href| self.point_links.get(href));
        let index = if let Some(index) = known {
            if let Some(slot) = self.points.get_mut(index) {
                slot.1 = point;
            }
            index
        } else {
            bounded("usage points", self.points.len())?;
            if id.is_none() && !self.points.is_empty() {
                // Two usage points without a name must not become one.
                id = UsagePointId::parse(&format!("unnamed-{}", self.points.len() + 1)).ok();
            }
            self.points.push((id.clone(), point));
            self.points.len() - 1
        };
        if let Some(id) = id {
            self.point_by_id.insert(id, index);
        }
        let own = links.related.iter().filter(|href| {
            // One set of parameters belongs to many usage points.
            !href::is_of(href, "LocalTimeParameters")
        });
        for href in links.self_href.iter().chain(own) {
            self.point_links.insert(href, index);
        }
        self.current_point = Some(index);
        self.current_series = None;
        Ok(())
    }

    fn meter_reading(
        &mut self,
        links: &Links,
        offset: u64,
    ) -> Result<Vec<BoundBlock>, BindError> {
        let to_blocks: Vec<&String> = links
            .related
            .iter()
            .filter(|href| !href::is_of(href, "ReadingType") && !href::is_of(href, "UsagePoint"))
            .collect();
        let known = self
            .series_links
            .first(links.self_href.iter().chain(to_blocks.iter().copied()));
        let index = match known {
            Some(index) => index,
            None => self.new_series(State::default())?,
        };
        for href in links.self_href.iter().chain(to_blocks) {
            self.series_links.insert(href, index);
        }
        let point = point_id(all_of(links), offset)?;
        let has_type_link = links.related.iter().any(|href| {
            href::is_of(href, "ReadingType") || self.type_links.get(href).is_some()
        });
        let taken_by_order = self.pending_type.take().filter(|_| !has_type_link);
        let current_point = self.current_point;
        if let Some(state) = self.series.get_mut(index) {
            state.has_meter_reading = true;
            state.anonymous = false;
            state.up.clone_from(&links.up);
            state.related.clone_from(&links.related);
            state.point_by_path = point.or(state.point_by_path.take());
            state.series.meter_reading = links
                .self_href
                .clone()
                .or(state.series.meter_reading.take());
            state.point_by_order = state.point_by_order.or(current_point);
            state.type_by_order = state.type_by_order.or(taken_by_order);
        }
        self.current_series = Some(index);
        self.settle(index);
        self.wait_for_types(index);
        self.released(&[index])
    }

    /// A series without its type is told when an entry with one of its links comes.
    fn wait_for_types(&mut self, index: usize) {
        let Some(state) = self.series.get(index) else {
            return;
        };
        if state.series.reading_type.is_none() || state.series.reading_type_href.is_none() {
            for href in &state.related {
                let waiting = self.waiting.entry(href::key(href).to_owned()).or_default();
                if waiting.last() != Some(&index) {
                    waiting.push(index);
                }
            }
        }
    }

    fn reading_type(
        &mut self,
        links: &Links,
        reading_type: ReadingType,
    ) -> Result<Vec<BoundBlock>, BindError> {
        let own = links.self_href.as_deref();
        let known = own.and_then(|href| self.type_links.get(href));
        let index = if let Some(index) = known {
            if let Some(slot) = self.types.get_mut(index) {
                *slot = reading_type;
            }
            index
        } else {
            bounded("reading types", self.types.len())?;
            self.types.push(reading_type);
            self.types_seen += 1;
            self.types.len() - 1
        };
        let mut told = Vec::new();
        if let Some(href) = own {
            self.type_links.insert(href, index);
            told = self.waiting.remove(href::key(href)).unwrap_or_default();
        }
        if told.is_empty() {
            told.extend(self.give_by_order(index));
        }
        for index in &told {
            self.settle(*index);
        }
        self.released(&told)
    }

    /// A reading type belongs to the series that document order makes it follow, if that has
    /// none and no link to one; otherwise to the next.
    fn give_by_order(&mut self, index: usize) -> Option<usize> {
        let current = self.current_series;
        let state = current.and_then(|at| self.series.get_mut(at));
        match state {
            Some(state)
                if state.series.reading_type.is_none()
                    && state.series.reading_type_href.is_none()
                    && (state.has_meter_reading || state.anonymous) =>
            {
                state.type_by_order = Some(index);
                current
            }
            _ => {
                self.pending_type = Some(index);
                None
            }
        }
    }

    /// The series of an entry with blocks.
    fn series_of_block(&mut self, links: &Links, offset: u64) -> Result<usize, BindError> {
        let by_link = self
            .series_links
            .first(links.up.iter().chain(&links.related));
        if let Some(index) = by_link {
            return Ok(index);
        }
        let meter = all_of(links).find_map(|href| href::upto(href, "MeterReading"));
        if let Some(meter) = meter {
            if let Some(index) = self.series_links.get(meter) {
                return Ok(index);
            }
            let index = self.block_made(links, offset)?;
            if let Some(state) = self.series.get_mut(index) {
                state.series.meter_reading = Some(meter.to_owned());
            }
            self.series_links.insert(meter, index);
            return Ok(index);
        }
        if links.up.is_empty() || self.order_decides() {
            return self.series_by_order(links, offset);
        }
        self.block_made(links, offset)
    }

    /// Whether the meter reading before says nothing about blocks, so that a block's link to
    /// nowhere can only be meant for it.
    fn order_decides(&self) -> bool {
        let current = self.current_series.and_then(|at| self.series.get(at));
        current.is_some_and(|state| {
            state
                .related
                .iter()
                .all(|href| href::is_of(href, "ReadingType") || self.type_links.get(href).is_some())
        })
    }

    /// A series known by its block's links only; a meter reading that comes later claims it.
    fn block_made(&mut self, links: &Links, offset: u64) -> Result<usize, BindError> {
        let usage_point = point_id(all_of(links), offset)?;
        let index = self.new_series(State {
            point_by_path: usage_point,
            ..State::default()
        })?;
        for href in &links.up {
            self.series_links.insert(href, index);
        }
        self.settle(index);
        Ok(index)
    }

    fn series_by_order(&mut self, links: &Links, offset: u64) -> Result<usize, BindError> {
        let current = self.current_series.and_then(|at| self.series.get(at));
        if let (Some(at), Some(state)) = (self.current_series, current)
            && !(state.anonymous && self.pending_type.is_some())
        {
            return Ok(at);
        }
        let index = self.block_made(links, offset)?;
        let pending = self.pending_type.take();
        let current_point = self.current_point;
        if let Some(state) = self.series.get_mut(index) {
            state.anonymous = true;
            state.type_by_order = pending;
            state.point_by_order = current_point;
        }
        self.current_series = Some(index);
        self.settle(index);
        Ok(index)
    }

    fn new_series(&mut self, state: State) -> Result<usize, BindError> {
        bounded("series", self.series.len())?;
        self.series.push(state);
        Ok(self.series.len() - 1)
    }

    /// Writes what links and order say by now into a series.
    fn settle(&mut self, index: usize) {
        let Some(state) = self.series.get_mut(index) else {
            return;
        };
        let linked = state
            .related
            .iter()
            .find_map(|href| Some((href, self.type_links.get(href)?)));
        let href = linked.map(|(href, _)| href);
        let href = href.or_else(|| {
            let mut related = state.related.iter();
            related.find(|href| href::is_of(href, "ReadingType"))
        });
        let by_order = state.type_by_order.filter(|_| href.is_none());
        let kind = linked.map(|(_, at)| at).or(by_order);
        if let Some(href) = href {
            state.series.reading_type_href = Some(href.clone());
        }
        if let Some(kind) = kind {
            state.series.reading_type = self.types.get(kind).cloned();
        }
        let point = self
            .point_links
            .first(state.up.iter().chain(&state.related))
            .or_else(|| self.point_by_id.get(state.point_by_path.as_ref()?).copied())
            .or(state.point_by_order)
            .and_then(|at| self.points.get(at));
        let (id, kind) = point.map_or((None, None), |(id, point)| (id.clone(), point.service_kind));
        // Document order may point at another usage point than the path does.
        let same = state.point_by_path.is_none() || id.is_none() || state.point_by_path == id;
        state.series.service_kind = kind.filter(|_| same);
        state.series.usage_point = state
            .point_by_path
            .clone()
            .or(id)
            .or_else(|| self.default_point.clone());
    }

    fn blocks(
        &mut self,
        index: usize,
        blocks: Vec<IntervalBlock>,
        published: Option<Timestamp>,
        offset: u64,
    ) -> Result<Vec<BoundBlock>, BindError> {
        let mut bound = Vec::with_capacity(blocks.len());
        for block in blocks {
            if times::is_complete(&block) || self.is_typed(index) {
                let length = self.interval_length(index);
                bound.push(BoundBlock {
                    series: SeriesIndex(index),
                    published,
                    readings: times::complete(block, length, offset)?,
                });
                continue;
            }
            let held = Held {
                published,
                offset,
                block,
            };
            self.held_readings += held.waiting();
            if self.held_readings > self.max_held_readings {
                return Err(BindError::TooManyHeld {
                    max: self.max_held_readings,
                });
            }
            self.held.entry(index).or_default().push(held);
        }
        Ok(bound)
    }

    fn is_typed(&self, index: usize) -> bool {
        let state = self.series.get(index);
        state.is_some_and(|state| state.series.reading_type.is_some())
    }

    fn interval_length(&self, index: usize) -> Option<u32> {
        let state = self.series.get(index)?;
        state.series.reading_type.as_ref()?.interval_length
    }

    /// Blocks of these series that waited for the type they have now.
    fn released(&mut self, series: &[usize]) -> Result<Vec<BoundBlock>, BindError> {
        let mut blocks = Vec::new();
        for index in series {
            if self.is_typed(*index)
                && let Some(held) = self.held.remove(index)
            {
                self.release(*index, held, &mut blocks)?;
            }
        }
        Ok(blocks)
    }

    fn release(
        &mut self,
        index: usize,
        held: Vec<Held>,
        blocks: &mut Vec<BoundBlock>,
    ) -> Result<(), BindError> {
        let length = self.interval_length(index);
        for one in held {
            self.held_readings = self.held_readings.saturating_sub(one.waiting());
            blocks.push(BoundBlock {
                series: SeriesIndex(index),
                published: one.published,
                readings: times::complete(one.block, length, one.offset)?,
            });
        }
        Ok(())
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
