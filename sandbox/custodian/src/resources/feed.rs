//! What a feed holds, entry after entry, without ever holding all of it.

use std::sync::Arc;

use espi::{Content, Entry, Links};
use jiff::civil::Date;

use super::entries::{Entries, TypeKey};
use crate::model::{Commodity, DayRange, Model, ModelError, Series, UsagePoint};

/// A part of a feed.
#[derive(Debug, Clone)]
pub(super) enum Group {
    /// A usage point with everything below it, and its bills when the customer shares them.
    UsagePoint {
        /// The usage point.
        point: UsagePoint,
        /// Whether bills are shared.
        billing: bool,
    },
    /// The blocks of one series and nothing else.
    Blocks {
        /// The usage point.
        point: UsagePoint,
        /// Which of its series.
        series: usize,
    },
    /// The bills of a usage point.
    Summaries {
        /// The usage point.
        point: UsagePoint,
    },
}

/// A feed to be written.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) entries: Entries,
    /// The path below the resources that the feed is found under.
    pub(super) path: String,
    pub(super) model: Arc<Model>,
    pub(super) groups: Vec<Group>,
    pub(super) days: DayRange,
    /// The last day whose readings have their final quality; later ones are validated only.
    pub(super) validated: Date,
}

impl Plan {
    /// Hands over every entry in the order PG&E has them.
    pub(super) fn each<E: From<ModelError>>(
        &self,
        mut take: impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        if self
            .groups
            .iter()
            .any(|group| matches!(group, Group::UsagePoint { .. }))
        {
            take(&self.entries.local_time())?;
        }
        for group in &self.groups {
            match group {
                Group::UsagePoint { point, billing } => {
                    self.usage_point(point, &mut take)?;
                    if *billing {
                        self.summaries(point, &mut take)?;
                    }
                }
                Group::Blocks { point, series } => {
                    if let Some(series) = point.series.get(*series) {
                        self.blocks(point, series, &mut take)?;
                    }
                }
                Group::Summaries { point } => self.summaries(point, &mut take)?,
            }
        }
        if self
            .groups
            .iter()
            .any(|group| matches!(group, Group::UsagePoint { .. }))
        {
            take(&self.program_ids())?;
        }
        Ok(())
    }

    fn usage_point<E: From<ModelError>>(
        &self,
        point: &UsagePoint,
        take: &mut impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut shown = false;
        for series in &point.series {
            let reading_type = self.entries.reading_type(TypeKey::of(point, series));
            if !series.late_type {
                take(&reading_type)?;
            }
            if !shown {
                take(&self.entries.usage_point(point))?;
                shown = true;
            }
            take(&self.entries.meter_reading(point, series))?;
            self.blocks(point, series, take)?;
            if series.late_type {
                take(&reading_type)?;
            }
        }
        Ok(())
    }

    fn blocks<E: From<ModelError>>(
        &self,
        point: &UsagePoint,
        series: &Series,
        take: &mut impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        for day in self.days.days() {
            let mut readings = self.model.day(series, day)?;
            if day > self.validated {
                for reading in &mut readings {
                    reading.quality = 17;
                }
            }
            if let Some(entry) = self.entries.interval_block(point, series, &readings)? {
                take(&entry)?;
            }
        }
        Ok(())
    }

    /// One bill for each calendar month that lies wholly within the days.
    fn summaries<E: From<ModelError>>(
        &self,
        point: &UsagePoint,
        take: &mut impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(series) = point.series.first() else {
            return Ok(());
        };
        for first in self.days.days().filter(|day| day.day() == 1) {
            let month = DayRange::new(first, first.last_of_month());
            if month.last > self.days.last {
                break;
            }
            let start = self.model.calendar().bounds(month.first)?.start;
            let end = self.model.calendar().bounds(month.last)?.end;
            let (mut value, mut cost) = (0, None);
            for day in month.days() {
                for reading in self.model.day(series, day)? {
                    value += reading.value;
                    if let Some(part) = reading.cost {
                        cost = Some(cost.unwrap_or(0) + part);
                    }
                }
            }
            let cost = cost.unwrap_or_else(|| price(point.commodity, value));
            let key = TypeKey::of(point, series);
            take(
                &self
                    .entries
                    .usage_summary(point, key, start, end - start, value, cost)?,
            )?;
        }
        Ok(())
    }

    /// PG&E ends a feed with its time-of-use names, which no client needs and all must pass over.
    fn program_ids(&self) -> Entry {
        let self_href = self.entries.href("ProgramIdMapping/1");
        Entry {
            id: self.entries.id(&self_href),
            title: Some("Time Of Use & Consumption Tier Code Info".to_owned()),
            links: Links {
                up: vec![self.entries.href("ProgramIdMapping")],
                self_href: Some(self_href),
                related: Vec::new(),
            },
            published: Some(self.entries.now()),
            updated: Some(self.entries.now()),
            content: Content::Other {
                namespace: espi::ESPI.to_owned(),
                name: "ProgramIdMappings".to_owned(),
            },
            offset: 0,
        }
    }
}

/// A price for what has no cost per reading: 0.35 dollar per kWh, 2.10 dollar per therm.
fn price(commodity: Commodity, value: i64) -> i64 {
    match commodity {
        Commodity::Electricity => value * 35 / 1_000,
        Commodity::Gas => value * 21 / 10_000,
    }
}
