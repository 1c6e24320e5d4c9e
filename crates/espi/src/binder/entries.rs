//! What usage points, meter readings and reading types tell the binder, by links and by order.

use super::{BindError, Binder, BoundBlock, State, all_of, bounded, point_id};
use crate::href;
use crate::model::{Links, ReadingType, UsagePoint};
use crate::usage_point_id::UsagePointId;

impl Binder {
    pub(super) fn usage_point(
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

    pub(super) fn meter_reading(
        &mut self,
        links: &Links,
        offset: u64,
    ) -> Result<Vec<BoundBlock>, BindError> {
        let to_blocks: Vec<&String> = links
            .related
            .iter()
            .filter(|href| !href::is_of(href, "ReadingType") && !href::is_of(href, "UsagePoint"))
            .collect();
        let known = links
            .self_href
            .as_ref()
            .and_then(|href| self.series_links.get(href))
            .or_else(|| self.unclaimed(links, &to_blocks));
        let index = match known {
            Some(index) => index,
            None => self.new_series(State::default())?,
        };
        for href in links.self_href.iter().chain(to_blocks) {
            self.series_links.insert(href, index);
        }
        let point = point_id(all_of(links), offset)?;
        let has_type_link = links
            .related
            .iter()
            .any(|href| href::is_of(href, "ReadingType") || self.type_links.get(href).is_some());
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

    /// A series that blocks made and that a meter reading with these links explains. Meter
    /// readings share links (to their type), so one that has an entry of its own is no match,
    /// unless neither has a name and both point at the same blocks.
    pub(super) fn unclaimed(&self, links: &Links, to_blocks: &[&String]) -> Option<usize> {
        to_blocks.iter().find_map(|href| {
            let index = self.series_links.get(href)?;
            let state = self.series.get(index)?;
            let nameless = links.self_href.is_none() && state.series.meter_reading.is_none();
            let again = nameless && href::is_of(href, "IntervalBlock");
            (!state.has_meter_reading || again).then_some(index)
        })
    }

    /// A series without its type is told when an entry with one of its links comes.
    pub(super) fn wait_for_types(&mut self, index: usize) {
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

    pub(super) fn reading_type(
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
    pub(super) fn give_by_order(&mut self, index: usize) -> Option<usize> {
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

    /// Writes what links and order say by now into a series.
    pub(super) fn settle(&mut self, index: usize) {
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

    /// Without links, a document's only reading type is the type of all its series.
    pub(super) fn only_type(&mut self, index: usize) {
        let only = (self.types_seen == 1).then(|| self.types.last().cloned());
        if let (Some(state), Some(only)) = (self.series.get_mut(index), only.flatten())
            && state.series.reading_type.is_none()
            && state.series.reading_type_href.is_none()
            && (state.has_meter_reading || state.anonymous)
        {
            state.series.reading_type = Some(only);
        }
    }
}
