//! Which series go into which table, and why the others do not.

use std::collections::BTreeMap;
use std::fmt;

use espi::{
    AccumulationBehaviour, Commodity, FlowDirection, MeasurementKind, ReadingType, ServiceKind,
    UnitOfMeasure, UsagePointId,
};

use super::{Series, Table, cells};

/// The column a series fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Delivered,
    Received,
    /// Delivered minus received: each reading goes to the column of its sign.
    Net,
    Gas,
}

impl Role {
    pub(super) const fn table(self) -> Table {
        match self {
            Self::Gas => Table::Gas,
            Self::Delivered | Self::Received | Self::Net => Table::Electricity,
        }
    }
}

/// A series that fits a table, with what its rows need.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) role: Role,
    pub(super) usage_point: UsagePointId,
    pub(super) reading_type: ReadingType,
    /// Among the series of its column; where readings overlap, the lowest goes first.
    pub(super) precedence: usize,
    /// The series that is in the table instead.
    pub(super) instead: Option<usize>,
}

/// Why a series is in no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing tells whose readings these are.
    NoUsagePoint,
    /// Unit and direction are unknown.
    NoReadingType,
    /// Neither electricity nor natural gas; the commodity if one is stated.
    Commodity(Option<Commodity>),
    /// Register readings: adding them up would be wrong.
    Register(AccumulationBehaviour),
    /// Neither a register nor amounts per interval.
    NotPerInterval(AccumulationBehaviour),
    /// Not a unit of this table, such as the W twin of a Wh series.
    Unit(Option<UnitOfMeasure>),
    /// A direction without a column, such as the total of both.
    Flow(FlowDirection),
    /// Another series, by its index, goes before it, and this one cannot stand in where that one has
    /// gaps: a part, another kind or unit of the same flow, or the net of flows that have columns of
    /// their own. What it alone tells of is in [`Written::untold`](super::Written::untold).
    Twin(usize),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUsagePoint => f.write_str("nothing tells its usage point"),
            Self::NoReadingType => {
                f.write_str("its reading type is missing, so unit and direction are unknown")
            }
            Self::Commodity(Some(commodity)) => write!(
                f,
                "commodity {} is neither electricity nor natural gas",
                commodity.code()
            ),
            Self::Commodity(None) => {
                f.write_str("nothing tells whether it is electricity or natural gas")
            }
            Self::Register(behaviour) => write!(
                f,
                "its values are register readings (accumulation behaviour {}), not amounts per interval",
                behaviour.code()
            ),
            Self::NotPerInterval(behaviour) => write!(
                f,
                "accumulation behaviour {} is not an amount per interval",
                behaviour.code()
            ),
            Self::Unit(Some(unit)) => {
                write!(f, "its unit {} has no column", cells::unit(*unit))
            }
            Self::Unit(None) => f.write_str("it has no unit"),
            Self::Flow(flow) => write!(f, "flow direction {} has no column", flow.code()),
            Self::Twin(_) => {
                f.write_str("the table takes another series of the same usage point instead")
            }
        }
    }
}

/// A series that is in no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// Its index in the slice given to [`Selection::of`].
    pub series: usize,
    /// Why.
    pub reason: Reason,
}

/// Which series go where. Every series is either in a table or in [`Selection::left_out`].
///
/// Electricity takes energy in Wh per interval: delivered and received, no
/// stated direction as delivered, and net only when the usage point has
/// neither. Gas takes delivered amounts in one unit per usage point. Where
/// several series tell the same flow, the plainest goes first (stated delta,
/// energy, no single phase, no single time-of-use bucket; therms before
/// volumes). Those that measure the same amount stay as well, for a supply
/// changes its phases and a tariff its buckets in the course of a year: which
/// of their readings count is decided for each interval by [`Writer`](super::Writer).
/// The others are left out.
#[derive(Debug, Clone)]
pub struct Selection {
    chosen: Vec<Option<Chosen>>,
    left_out: Vec<LeftOut>,
}

impl Selection {
    /// Decides about all series of an export together. The answer does not depend on their order.
    #[must_use]
    pub fn of(series: &[Series]) -> Self {
        let mut judged: Vec<_> = series.iter().map(judge).collect();
        let mut columns: BTreeMap<(UsagePointId, Role), Vec<usize>> = BTreeMap::new();
        for (index, verdict) in judged.iter().enumerate() {
            if let Ok(chosen) = verdict {
                let column = (chosen.usage_point.clone(), chosen.role);
                columns.entry(column).or_default().push(index);
            }
        }
        for ((usage_point, role), members) in &columns {
            let own_columns = [Role::Delivered, Role::Received]
                .into_iter()
                .find_map(|flow| columns.get(&(usage_point.clone(), flow))?.first());
            let net_of = own_columns.filter(|_| *role == Role::Net);
            line_up(&mut judged, members, net_of.copied());
        }
        let mut left_out = Vec::new();
        let chosen = judged.into_iter().enumerate().map(|(series, verdict)| {
            let reason = match &verdict {
                Ok(chosen) => chosen.instead.map(Reason::Twin),
                Err(reason) => Some(*reason),
            };
            left_out.extend(reason.map(|reason| LeftOut { series, reason }));
            verdict.ok()
        });
        let chosen = chosen.collect();
        Self { chosen, left_out }
    }

    /// Whether any series is in this table.
    #[must_use]
    pub fn has(&self, table: Table) -> bool {
        (0..self.chosen.len()).any(|series| self.table_of(series) == Some(table))
    }

    /// The table of a series; `None` when it is left out.
    #[must_use]
    pub fn table_of(&self, series: usize) -> Option<Table> {
        let chosen = self.chosen.get(series)?.as_ref()?;
        chosen.instead.is_none().then(|| chosen.role.table())
    }

    /// The table whose [`Writer`](super::Writer) takes the readings of a series, also if only to
    /// look what is missing without them; and the place of the series among those of its flow:
    /// equal ones continue each other.
    #[must_use]
    pub fn wanted_by(&self, series: usize) -> Option<(Table, usize)> {
        let chosen = self.chosen.get(series)?.as_ref()?;
        Some((chosen.role.table(), chosen.precedence))
    }

    /// The series that are in no table, by index.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    pub(super) fn chosen(&self) -> &[Option<Chosen>] {
        &self.chosen
    }
}

/// The column of a series looked at alone, or why it has none.
fn judge(series: &Series) -> Result<Chosen, Reason> {
    let usage_point = series.usage_point.as_ref().ok_or(Reason::NoUsagePoint)?;
    let kind = series.reading_type.as_ref().ok_or(Reason::NoReadingType)?;
    let table = table_for(series.service_kind, kind)?;
    match kind.accumulation_behaviour {
        None | Some(AccumulationBehaviour::None | AccumulationBehaviour::DeltaData) => {}
        Some(register) if register.is_register() => return Err(Reason::Register(register)),
        Some(other) => return Err(Reason::NotPerInterval(other)),
    }
    if unit_rank(table, kind.uom).is_none() {
        return Err(Reason::Unit(kind.uom));
    }
    let flow = kind.flow_direction.unwrap_or(FlowDirection::None);
    let role = match (table, flow) {
        (Table::Electricity, FlowDirection::None | FlowDirection::Delivered) => Role::Delivered,
        (Table::Electricity, FlowDirection::Received) => Role::Received,
        (Table::Electricity, FlowDirection::Net) => Role::Net,
        (Table::Gas, FlowDirection::None | FlowDirection::Delivered) => Role::Gas,
        _ => return Err(Reason::Flow(flow)),
    };
    Ok(Chosen {
        role,
        usage_point: usage_point.clone(),
        reading_type: kind.clone(),
        precedence: 0,
        instead: None,
    })
}

/// By commodity, else by the usage point's service, else by a unit that only one of them has.
fn table_for(service: Option<ServiceKind>, kind: &ReadingType) -> Result<Table, Reason> {
    match kind.commodity {
        Some(Commodity::Electricity | Commodity::ElectricityPrimary) => Ok(Table::Electricity),
        Some(Commodity::NaturalGas) => Ok(Table::Gas),
        None | Some(Commodity::None) => match (service, kind.uom) {
            (Some(ServiceKind::Electricity), _) | (None, Some(UnitOfMeasure::WattHour)) => {
                Ok(Table::Electricity)
            }
            (Some(ServiceKind::Gas), _) | (None, Some(UnitOfMeasure::Therm)) => Ok(Table::Gas),
            _ => Err(Reason::Commodity(None)),
        },
        Some(other) => Err(Reason::Commodity(Some(other))),
    }
}

/// How welcome a unit is in a table, 0 first; `None` when it does not belong there.
fn unit_rank(table: Table, unit: Option<UnitOfMeasure>) -> Option<usize> {
    // Therms are what is billed; then volumes (m3, ft3, then compensated, then uncompensated),
    // then other energy (Btu, Wh, J).
    const GAS: [u16; 10] = [169, 42, 119, 167, 120, 166, 121, 132, 72, 31];
    let unit = unit?;
    match table {
        Table::Electricity => (unit == UnitOfMeasure::WattHour).then_some(0),
        Table::Gas => GAS.iter().position(|code| *code == unit.code()),
    }
}

/// Says of the members of a column in which order they go. `instead` is in the table instead of all
/// of them, else the first of them is instead of those that measure something else.
fn line_up(judged: &mut [Result<Chosen, Reason>], members: &[usize], instead: Option<usize>) {
    let placed = |index: &usize| {
        let chosen = judged.get(*index)?.as_ref().ok()?;
        Some((rank(chosen), *index, amount(chosen)))
    };
    let mut line: Vec<_> = members.iter().filter_map(placed).collect();
    line.sort_unstable();
    let Some((_, first, wanted)) = line.first().copied() else {
        return;
    };
    let mut ranks: Vec<_> = line.iter().map(|(rank, ..)| *rank).collect();
    ranks.dedup();
    for (rank, index, amount) in line {
        if let Some(Ok(chosen)) = judged.get_mut(index) {
            chosen.precedence = ranks.partition_point(|better| *better < rank);
            chosen.instead = instead.or_else(|| (amount != wanted).then_some(first));
        }
    }
}

/// What a series measures. Those of one column that agree in it can stand in for each other: where
/// one has no reading, the other's is the whole amount all the same.
fn amount(chosen: &Chosen) -> [(usize, u16); 5] {
    // All phases of a supply, however many: S1 and S2 to neutral, S1 to S2, ABC with and without neutral.
    const WHOLE: [u16; 5] = [769, 768, 784, 225, 224];
    let [_, _, unit, kind, phase, tou, qualifier] = rank(chosen);
    let phase = if WHOLE.contains(&phase.1) {
        (0, 0)
    } else {
        phase
    };
    // Buckets complete each other, but a bucket is a part only of what a series of all hours counts.
    [unit, kind, phase, (tou.0, 0), qualifier]
}

/// Everything that makes two series of one column different streams, the plainer first. Codes
/// stand behind their rank so that equal ranks mean equal codes.
fn rank(chosen: &Chosen) -> [(usize, u16); 7] {
    let kind = &chosen.reading_type;
    // A missing code, "not applicable" and the code of the usual case are the same: a later feed
    // may state what an earlier one left out.
    let folded = |code: Option<u16>, usual: u16| {
        let code = code.filter(|code| *code != 0).unwrap_or(usual);
        (usize::from(code != usual), code)
    };
    let flow = kind.flow_direction.unwrap_or(FlowDirection::None);
    let table = chosen.role.table();
    let usual_kind = match table {
        Table::Electricity => MeasurementKind::Energy.code(),
        Table::Gas => kind.kind.map_or(0, MeasurementKind::code),
    };
    [
        folded(
            kind.accumulation_behaviour.map(AccumulationBehaviour::code),
            AccumulationBehaviour::DeltaData.code(),
        ),
        (usize::from(flow == FlowDirection::None), flow.code()),
        (
            unit_rank(table, kind.uom).unwrap_or(usize::MAX),
            kind.uom.map_or(0, UnitOfMeasure::code),
        ),
        folded(kind.kind.map(MeasurementKind::code), usual_kind),
        // 769 is split phase, the usual supply of a home: both legs together.
        folded(kind.phase, 769),
        folded(kind.tou, 0),
        folded(kind.data_qualifier, 12),
    ]
}
