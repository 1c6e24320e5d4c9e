//! Single entries, as PG&E links, titles and fills them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use espi::local_time::LocalTimeParameters;
use espi::{
    AccumulationBehaviour, Content, Entry, FlowDirection, IntervalBlock, IntervalReading, Links,
    MeasurementKind, MeterReading, Period, Qualities, ReadingType, ServiceKind, SummaryMeasurement,
    UnitOfMeasure, UsageSummary,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::model::{Commodity, Direction, ModelError, Reading, Series, UsagePoint};

/// US dollar.
const CURRENCY: u16 = 840;

/// A reading type of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeKey {
    commodity: Commodity,
    direction: Direction,
}

/// All reading types.
pub(super) const READING_TYPES: [TypeKey; 3] = [
    TypeKey {
        commodity: Commodity::Electricity,
        direction: Direction::Delivered,
    },
    TypeKey {
        commodity: Commodity::Electricity,
        direction: Direction::Received,
    },
    TypeKey {
        commodity: Commodity::Gas,
        direction: Direction::Delivered,
    },
];

impl TypeKey {
    pub(super) const fn of(point: &UsagePoint, series: &Series) -> Self {
        Self {
            commodity: point.commodity,
            direction: series.direction,
        }
    }

    /// As PG&E makes it: unit, phase, length and direction in base64.
    pub(super) fn id(self) -> String {
        let (unit, length) = (self.commodity.unit(), self.commodity.interval());
        STANDARD.encode(format!("{unit}:null:{length}:{}", self.direction.code()))
    }
}

/// Makes the entries of one answer.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    /// The resources' URL, with its trailing slash.
    base: String,
    subscription: u64,
    now: Timestamp,
}

impl Entries {
    /// Times are written with milliseconds, as PG&E does.
    pub(super) fn new(base: String, subscription: u64, now: Timestamp) -> Self {
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self {
            base,
            subscription,
            now,
        }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn href(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// An id that differs between entries and between answers, as PG&E's do.
    pub(super) fn id(&self, href: &str) -> String {
        let digest = Sha256::new()
            .chain_update(href)
            .chain_update(self.now.to_string())
            .finalize();
        let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    pub(super) fn entry(
        &self,
        up: &str,
        own: &str,
        related: &[String],
        title: Option<&str>,
        content: Content,
    ) -> Entry {
        let self_href = self.href(own);
        Entry {
            id: self.id(&self_href),
            title: title.map(str::to_owned),
            links: Links {
                self_href: Some(self_href),
                up: vec![self.href(up)],
                related: related.iter().map(|path| self.href(path)).collect(),
            },
            published: Some(self.now),
            updated: Some(self.now),
            content,
            offset: 0,
        }
    }

    fn point_path(&self, point: &UsagePoint) -> String {
        format!("Subscription/{}/UsagePoint/{}", self.subscription, point.id)
    }

    fn series_path(&self, point: &UsagePoint, series: &Series) -> String {
        format!("{}/MeterReading/{}", self.point_path(point), series.id)
    }

    pub(super) fn local_time(&self) -> Entry {
        let content = Content::LocalTimeParameters(LocalTimeParameters::PACIFIC);
        let title = Some("DST FOR PACIFIC TIMEZONE");
        self.entry(
            "LocalTimeParameters",
            "LocalTimeParameters/1",
            &[],
            title,
            content,
        )
    }

    pub(super) fn reading_type(&self, key: TypeKey) -> Entry {
        let gas = key.commodity == Commodity::Gas;
        let content = ReadingType {
            accumulation_behaviour: Some(AccumulationBehaviour::DeltaData),
            commodity: Some(espi::Commodity::from_code(key.commodity.code())),
            currency: (!gas).then_some(CURRENCY),
            data_qualifier: Some(12),
            default_quality: Some(17),
            flow_direction: Some(FlowDirection::from_code(key.direction.code())),
            interval_length: Some(key.commodity.interval()),
            kind: Some(MeasurementKind::Energy),
            power_of_ten_multiplier: Some(key.commodity.multiplier()),
            time_attribute: Some(if gas { 11 } else { 0 }),
            uom: Some(UnitOfMeasure::from_code(key.commodity.unit())),
            measuring_period: Some(if gas { 4 } else { 2 }),
            ..ReadingType::default()
        };
        let own = format!("ReadingType/{}", key.id());
        let title = Some("Type of Meter Reading Data");
        self.entry(
            "ReadingType",
            &own,
            &[],
            title,
            Content::ReadingType(content),
        )
    }

    pub(super) fn usage_point(&self, point: &UsagePoint) -> Entry {
        let own = self.point_path(point);
        let related = [
            format!("{own}/MeterReading"),
            format!("{own}/UsageSummary"),
            "LocalTimeParameters/1".to_owned(),
        ];
        let content = espi::UsagePoint {
            service_kind: Some(ServiceKind::from_code(point.commodity.service_kind())),
            ..espi::UsagePoint::default()
        };
        let up = format!("Subscription/{}/UsagePoint", self.subscription);
        self.entry(
            &up,
            &own,
            &related,
            Some("Green Button Data File"),
            Content::UsagePoint(content),
        )
    }

    pub(super) fn meter_reading(&self, point: &UsagePoint, series: &Series) -> Entry {
        let own = self.series_path(point, series);
        let related = [
            format!("{own}/IntervalBlock"),
            format!("ReadingType/{}", TypeKey::of(point, series).id()),
            "LocalTimeParameters/1".to_owned(),
        ];
        let up = format!("{}/MeterReading", self.point_path(point));
        let title = Some("Green Button Data File");
        self.entry(
            &up,
            &own,
            &related,
            title,
            Content::MeterReading(MeterReading),
        )
    }

    /// One local day of a series: the block is as long as the readings in it. `None` when there
    /// are none.
    pub(super) fn interval_block(
        &self,
        point: &UsagePoint,
        series: &Series,
        readings: &[Reading],
    ) -> Result<Option<Entry>, ModelError> {
        let Some(first) = readings.first() else {
            return Ok(None);
        };
        let up = format!("{}/IntervalBlock", self.series_path(point, series));
        let (own, title) = (
            format!("{up}/{}", first.start),
            format!("IntervalBlock_{}", first.start),
        );
        let block = IntervalBlock {
            start: Some(second(first.start)?),
            duration: Some(readings.iter().map(|reading| reading.duration).sum()),
            readings: readings
                .iter()
                .map(interval_reading)
                .collect::<Result<_, _>>()?,
        };
        Ok(Some(self.entry(
            &up,
            &own,
            &[],
            Some(&title),
            Content::IntervalBlocks(vec![block]),
        )))
    }

    /// A bill for the days of these readings.
    pub(super) fn usage_summary(
        &self,
        point: &UsagePoint,
        key: TypeKey,
        start: i64,
        duration: i64,
        value: i64,
        cost: i64,
    ) -> Result<Entry, ModelError> {
        let up = format!("{}/UsageSummary", self.point_path(point));
        let milliseconds = start * 1_000;
        let own = format!("{up}/{}", with_commas(milliseconds));
        let title = format!("UsageSummary_{milliseconds}");
        let content = UsageSummary {
            billing_period: Some(Period {
                start: Some(second(start)?),
                duration: Some(duration),
            }),
            bill_last_period: Some(cost),
            currency: Some(CURRENCY),
            overall_consumption_last_period: Some(SummaryMeasurement {
                power_of_ten_multiplier: Some(point.commodity.multiplier()),
                uom: Some(UnitOfMeasure::from_code(point.commodity.unit())),
                value: Some(value),
                reading_type_ref: Some(self.href(&format!("ReadingType/{}", key.id()))),
                ..SummaryMeasurement::default()
            }),
            quality_of_reading: Some(17),
            status_time_stamp: Some(self.now),
            commodity: Some(espi::Commodity::from_code(point.commodity.code())),
            tariff_profile: Some(point.tariff.to_owned()),
            read_cycle: Some("Q".to_owned()),
            ..UsageSummary::default()
        };
        Ok(self.entry(&up, &own, &[], Some(&title), Content::UsageSummary(content)))
    }
}

fn interval_reading(reading: &Reading) -> Result<IntervalReading, ModelError> {
    let mut quality = Qualities::new();
    quality.push(reading.quality);
    Ok(IntervalReading {
        start: Some(second(reading.start)?),
        duration: Some(reading.duration),
        value: reading.value,
        quality,
        tou: reading.tou,
        cost: reading.cost,
        ..IntervalReading::default()
    })
}

fn second(epoch: i64) -> Result<Timestamp, ModelError> {
    Timestamp::from_second(epoch).map_err(ModelError::Day)
}

/// `1436684400000` as `1,436,684,400,000`: PG&E formats the number in these links for people.
fn with_commas(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_reading_types_are_made_as_pge_makes_them() {
        // PG&E's daily gas has MTY5Om51bGw6ODY0MDA6MQ==.
        assert_eq!(READING_TYPES[2].id(), "MTY5Om51bGw6ODY0MDA6MQ==");
    }

    #[test]
    fn summaries_have_commas_in_their_links() {
        assert_eq!(with_commas(1_436_684_400_000), "1,436,684,400,000");
        assert_eq!(with_commas(0), "0");
        assert_eq!(with_commas(-100_000), "-100,000");
    }
}
