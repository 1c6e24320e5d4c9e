//! Series that continue each other. A custodian may give one flow a reading type
//! for each interval length (billing periods of 29, 30 and 31 days are three),
//! so what belongs together is told by everything else that a type states.

use std::collections::BTreeMap;

use espi::{Reading, ReadingType};

use super::load::{Channel, Kept};

/// Channels of one usage point, flow direction and unit that are one stream.
pub(super) struct Group<'a> {
    index: usize,
    first: &'a Channel,
    others: Vec<&'a Channel>,
}

/// One interval with the multiplier its value needs.
#[derive(Clone, Copy)]
pub(super) struct Interval<'a> {
    pub(super) reading: &'a Reading,
    pub(super) multiplier: i8,
}

/// A group's distinct intervals, by start and duration.
pub(super) struct Merged<'a> {
    pub(super) intervals: Vec<Interval<'a>>,
    pub(super) repeated: u64,
    pub(super) changed: u64,
}

/// The channels, joined; in the order of their first members.
pub(super) fn groups(channels: &[Channel]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, first) in channels.iter().enumerate() {
        match groups.iter_mut().find(|group| group.takes(first)) {
            Some(group) => group.others.push(first),
            None => groups.push(Group {
                index,
                first,
                others: Vec::new(),
            }),
        }
    }
    groups
}

impl<'a> Group<'a> {
    /// Position of the first member among the channels.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    pub(super) const fn first(&self) -> &'a Channel {
        self.first
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &'a Channel> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    pub(super) fn other_types(&self) -> impl Iterator<Item = &'a ReadingType> {
        let others = self.others.iter().copied();
        others.filter_map(|channel| channel.series.reading_type.as_ref())
    }

    fn takes(&self, channel: &Channel) -> bool {
        let ours = self.first.series.reading_type.as_ref();
        let theirs = channel.series.reading_type.as_ref();
        let known = self.first.series.usage_point.is_some();
        known
            && self.first.series.usage_point == channel.series.usage_point
            && ours
                .zip(theirs)
                .is_some_and(|(ours, theirs)| continued(ours) == continued(theirs))
    }

    /// Of the same interval in several channels, the one published last.
    pub(super) fn merge(&self) -> Merged<'a> {
        let mut last: BTreeMap<_, (&Kept, i8)> = BTreeMap::new();
        let mut repeated = 0;
        let mut changed = 0;
        for channel in self.channels() {
            repeated += channel.merged;
            changed += channel.changed;
            let kind = channel.series.reading_type.as_ref();
            let multiplier = kind.and_then(|kind| kind.power_of_ten_multiplier);
            let multiplier = multiplier.unwrap_or(0);
            for kept in channel.kept() {
                let known = last.entry(kept.interval()).or_insert((kept, multiplier));
                if std::ptr::eq(known.0, kept) {
                    continue;
                }
                repeated += 1;
                let ours = espi::scaled(known.0.reading.value, known.1);
                changed += u64::from(ours != espi::scaled(kept.reading.value, multiplier));
                if known.0.publication() < kept.publication() {
                    *known = (kept, multiplier);
                }
            }
        }
        let intervals = last.into_values().map(|(kept, multiplier)| Interval {
            reading: &kept.reading,
            multiplier,
        });
        Merged {
            intervals: intervals.collect(),
            repeated,
            changed,
        }
    }
}

/// A type without what may differ along one stream.
fn continued(kind: &ReadingType) -> ReadingType {
    ReadingType {
        interval_length: None,
        power_of_ten_multiplier: None,
        measuring_period: None,
        time_attribute: None,
        ..kind.clone()
    }
}
