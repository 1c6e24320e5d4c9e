//! Blocks of readings: which series they belong to, and when their readings have times.

use super::{BindError, Binder, BoundBlock, Held, SeriesIndex, State, all_of, point_id, times};
use crate::href;
use crate::model::{IntervalBlock, Links};
use jiff::Timestamp;

impl Binder {
    /// The series of an entry with blocks.
    pub(super) fn series_of_block(
        &mut self,
        links: &Links,
        offset: u64,
    ) -> Result<usize, BindError> {
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
    pub(super) fn order_decides(&self) -> bool {
        let current = self.current_series.and_then(|at| self.series.get(at));
        current.is_some_and(|state| {
            state
                .related
                .iter()
                .all(|href| href::is_of(href, "ReadingType") || self.type_links.get(href).is_some())
        })
    }

    /// A series known by its block's links only; a meter reading that comes later claims it.
    pub(super) fn block_made(&mut self, links: &Links, offset: u64) -> Result<usize, BindError> {
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

    pub(super) fn series_by_order(
        &mut self,
        links: &Links,
        offset: u64,
    ) -> Result<usize, BindError> {
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

    pub(super) fn blocks(
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

    pub(super) fn is_typed(&self, index: usize) -> bool {
        let state = self.series.get(index);
        state.is_some_and(|state| state.series.reading_type.is_some())
    }

    pub(super) fn interval_length(&self, index: usize) -> Option<u32> {
        let state = self.series.get(index)?;
        state.series.reading_type.as_ref()?.interval_length
    }

    /// Blocks of these series that waited for the type they have now.
    pub(super) fn released(&mut self, series: &[usize]) -> Result<Vec<BoundBlock>, BindError> {
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

    pub(super) fn release(
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
