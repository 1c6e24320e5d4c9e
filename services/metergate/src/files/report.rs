//! The shape of `inspect`'s JSON.

use std::collections::BTreeMap;
use std::fmt;

use csv_exporter::table::{self, Reason, Selection, Table};
use espi::{ReadingType, UnitOfMeasure, UsagePointId};
use serde::Serialize;

use super::group::{self, Group};
use super::load::{Channel, FileReport, Loaded};
use super::statistics::Statistics;

/// All of it.
#[derive(Serialize)]
pub(super) struct Report {
    files: Vec<FileReport>,
    usage_points: Vec<UsagePointReport>,
    /// Series whose usage point or reading type no file tells; they are under `usage_points` too.
    not_bound: Vec<NotBound>,
}

#[derive(Serialize)]
struct UsagePointReport {
    /// `null` for readings that name none.
    usage_point: Option<UsagePointId>,
    service_kind: Option<Code>,
    series: Vec<SeriesReport>,
}

/// One flow direction and unit of a usage point.
#[derive(Serialize)]
struct SeriesReport {
    flow_direction: Option<Code>,
    unit: Option<Code>,
    reading_type: Option<TypeReport>,
    /// Reading types that continue the first one with another interval length or multiplier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    continued_as: Vec<TypeReport>,
    /// Links of the meter readings that the values came under.
    meter_readings: Vec<String>,
    /// Readings in all files together.
    readings: u64,
    /// Readings that repeated an interval: the publication that came last stays.
    duplicates_merged: u64,
    /// Of these, the ones with another value than the one that stays.
    duplicates_with_another_value: u64,
    #[serde(flatten)]
    statistics: Statistics,
    /// `electricity` or `gas`, where `convert` puts it.
    table: Option<&'static str>,
    /// Why `convert` leaves it out.
    left_out: Option<String>,
}

/// A code with its name, where it has one.
#[derive(Serialize)]
pub(super) struct Code {
    code: u16,
    name: Option<String>,
}

/// Every field of a reading type, as stated.
#[derive(Serialize)]
struct TypeReport {
    accumulation_behaviour: Option<Code>,
    commodity: Option<Code>,
    consumption_tier: Option<u16>,
    currency: Option<u16>,
    data_qualifier: Option<u16>,
    default_quality: Option<Code>,
    flow_direction: Option<Code>,
    interval_length: Option<u32>,
    kind: Option<Code>,
    phase: Option<u16>,
    power_of_ten_multiplier: Option<i8>,
    time_attribute: Option<u16>,
    tou: Option<u16>,
    uom: Option<Code>,
    cpp: Option<u16>,
    measuring_period: Option<u16>,
}

#[derive(Serialize)]
struct NotBound {
    usage_point: Option<UsagePointId>,
    meter_readings: Vec<String>,
    readings: u64,
    reason: String,
}

impl Report {
    pub(super) fn of(loaded: Loaded) -> Self {
        let series: Vec<_> = loaded.channels.iter().map(|c| c.series.clone()).collect();
        let selection = Selection::of(&series);
        let reasons: BTreeMap<usize, Reason> = selection
            .left_out()
            .iter()
            .map(|left_out| (left_out.series, left_out.reason))
            .collect();
        let mut not_bound = Vec::new();
        let mut usage_points: BTreeMap<_, UsagePointReport> = BTreeMap::new();
        for group in group::groups(&loaded.channels) {
            let first = group.first();
            let reason = reasons.get(&group.index()).copied();
            if let Some(reason @ (Reason::NoUsagePoint | Reason::NoReadingType)) = reason {
                not_bound.push(NotBound::of(first, reason));
            }
            let series = SeriesReport::of(&group, selection.table_of(group.index()), reason);
            usage_points
                .entry(&first.series.usage_point)
                .or_insert_with(|| UsagePointReport::of(first))
                .series
                .push(series);
        }
        Self {
            usage_points: usage_points.into_values().collect(),
            not_bound,
            files: loaded.files,
        }
    }
}

impl UsagePointReport {
    fn of(channel: &Channel) -> Self {
        let kind = channel.series.service_kind;
        Self {
            usage_point: channel.series.usage_point.clone(),
            service_kind: kind.map(|kind| Code::of(kind.code(), &kind)),
            series: Vec::new(),
        }
    }
}

impl SeriesReport {
    fn of(group: &Group<'_>, table: Option<Table>, reason: Option<Reason>) -> Self {
        let kind = group.first().series.reading_type.as_ref();
        let flow = kind.and_then(|kind| kind.flow_direction);
        let merged = group.merge();
        let links = group.channels().flat_map(|channel| &channel.meter_readings);
        Self {
            flow_direction: flow.map(|flow| Code::of(flow.code(), &flow)),
            unit: kind.and_then(|kind| kind.uom).map(Code::of_unit),
            reading_type: kind.map(TypeReport::of),
            continued_as: group.other_types().map(TypeReport::of).collect(),
            meter_readings: links.cloned().collect(),
            readings: group.channels().map(|channel| channel.read).sum(),
            duplicates_merged: merged.repeated,
            duplicates_with_another_value: merged.changed,
            statistics: Statistics::of(kind, &merged.intervals),
            table: table.map(Table::name),
            left_out: reason.map(|reason| reason.to_string()),
        }
    }
}

impl TypeReport {
    fn of(kind: &ReadingType) -> Self {
        Self {
            accumulation_behaviour: kind
                .accumulation_behaviour
                .map(|code| Code::of(code.code(), &code)),
            commodity: kind.commodity.map(|code| Code::of(code.code(), &code)),
            consumption_tier: kind.consumption_tier,
            currency: kind.currency,
            data_qualifier: kind.data_qualifier,
            default_quality: kind.default_quality.map(Code::of_quality),
            flow_direction: kind.flow_direction.map(|code| Code::of(code.code(), &code)),
            interval_length: kind.interval_length,
            kind: kind.kind.map(|code| Code::of(code.code(), &code)),
            phase: kind.phase,
            power_of_ten_multiplier: kind.power_of_ten_multiplier,
            time_attribute: kind.time_attribute,
            tou: kind.tou,
            uom: kind.uom.map(Code::of_unit),
            cpp: kind.cpp,
            measuring_period: kind.measuring_period,
        }
    }
}

impl NotBound {
    fn of(channel: &Channel, reason: Reason) -> Self {
        Self {
            usage_point: channel.series.usage_point.clone(),
            meter_readings: channel.meter_readings.iter().cloned().collect(),
            readings: channel.read,
            reason: reason.to_string(),
        }
    }
}

impl Code {
    /// `value` is the code's enum, whose variant names are the trade's words.
    pub(super) fn of(code: u16, value: &impl fmt::Debug) -> Self {
        let variant = format!("{value:?}");
        let name = (!variant.starts_with("Other(")).then(|| spaced(&variant));
        Self { code, name }
    }

    fn of_unit(unit: UnitOfMeasure) -> Self {
        let name = table::unit_name(unit).into_owned();
        let named = !name.starts_with("uom-");
        Self {
            code: unit.code(),
            name: named.then_some(name),
        }
    }

    pub(super) fn of_quality(code: u16) -> Self {
        let word = table::quality_word(code).into_owned();
        let named = !word.starts_with("quality-");
        Self {
            code,
            name: named.then_some(word),
        }
    }
}

/// `NaturalGas` to `natural gas`.
fn spaced(variant: &str) -> String {
    let mut words = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(code: &Code) -> Option<&str> {
        code.name.as_deref()
    }

    #[test]
    fn codes_carry_their_names() {
        let gas = espi::Commodity::NaturalGas;
        assert_eq!(name(&Code::of(7, &gas)), Some("natural gas"));
        let unknown = espi::FlowDirection::from_code(77);
        assert_eq!(name(&Code::of(77, &unknown)), None);
        assert_eq!(name(&Code::of_unit(UnitOfMeasure::WattHour)), Some("Wh"));
        assert_eq!(name(&Code::of_unit(UnitOfMeasure::from_code(999))), None);
        assert_eq!(name(&Code::of_quality(17)), Some("validated"));
        assert_eq!(name(&Code::of_quality(99)), None);
    }
}
