//! What a reading belongs to.

use crate::codes::{AccumulationBehaviour, Commodity, FlowDirection, ServiceKind, UnitOfMeasure};
use crate::model::ReadingType;
use crate::qualities::Qualities;
use crate::usage_point_id::UsagePointId;
use jiff::Timestamp;

/// Which series of a [`crate::Bound`] a block belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesIndex(pub(crate) usize);

impl SeriesIndex {
    /// Position in [`crate::Bound::series`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// One reading with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Start of the interval.
    pub start: Timestamp,
    /// Length of the interval in seconds.
    pub duration: u32,
    /// Value before the multiplier of the reading type.
    pub value: i64,
    /// Quality codes as written; see [`ReadingType::default_quality`] for readings without.
    pub quality: Qualities,
    /// Time-of-use bucket.
    pub tou: Option<u16>,
    /// Critical peak period.
    pub cpp: Option<u16>,
    /// Cost in 1/100000 of the currency.
    pub cost: Option<i64>,
}

/// Readings of one block, and the series they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundBlock {
    /// The series; what it means may only be known when the feed was read to its end.
    pub series: SeriesIndex,
    /// When the custodian published it (its `updated` where it has no `published`).
    pub published: Option<Timestamp>,
    /// Readings in document order.
    pub readings: Vec<Reading>,
}

/// A series of readings: one meter reading of one usage point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    /// The usage point, from links or document order; `None` when nothing tells.
    pub usage_point: Option<UsagePointId>,
    /// Kind of service of the usage point.
    pub service_kind: Option<ServiceKind>,
    /// Link of the meter reading, as far as known.
    pub meter_reading: Option<String>,
    /// Link of the reading type: fetch it when `reading_type` is `None`.
    pub reading_type_href: Option<String>,
    /// What the values mean; `None` when the feed did not bring it.
    pub reading_type: Option<ReadingType>,
}

impl Series {
    /// Whether values are register readings: never sum them.
    #[must_use]
    pub fn is_register(&self) -> bool {
        self.reading_type
            .as_ref()
            .is_some_and(ReadingType::is_register)
    }

    /// Which way the commodity flows, when known.
    #[must_use]
    pub fn flow_direction(&self) -> Option<FlowDirection> {
        self.reading_type.as_ref()?.flow_direction
    }

    /// Unit of values, when known.
    #[must_use]
    pub fn unit(&self) -> Option<UnitOfMeasure> {
        self.reading_type.as_ref()?.uom
    }

    /// Amount or register, when known.
    #[must_use]
    pub fn accumulation(&self) -> Option<AccumulationBehaviour> {
        self.reading_type.as_ref()?.accumulation_behaviour
    }

    /// What is metered: from the reading type, else from the usage point's service.
    #[must_use]
    pub fn commodity(&self) -> Option<Commodity> {
        let stated = self.reading_type.as_ref().and_then(|t| t.commodity);
        stated.or(match self.service_kind? {
            ServiceKind::Electricity => Some(Commodity::Electricity),
            ServiceKind::Gas => Some(Commodity::NaturalGas),
            ServiceKind::Water => Some(Commodity::Water),
            _ => None,
        })
    }

    /// A value means `value × 10^multiplier`.
    #[must_use]
    pub fn multiplier(&self) -> i8 {
        self.reading_type
            .as_ref()
            .map_or(0, ReadingType::multiplier)
    }
}
