//! The readings of one series on one local day.
//!
//! Integers only: a value must be the same on every machine to the last digit. Electricity is in
//! mWh (multiplier -3), gas in 10⁻⁸ therm, costs in 1/100000 dollar, as PG&E writes them.

use jiff::Timestamp;
use jiff::civil::Date;

use super::people::{Series, Shape};
use super::{Model, ModelError};

/// A number that depends on everything it was made of and looks like chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) const fn of(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(super) const fn with(self, part: u64) -> Self {
        Self(mix(self.0 ^ part.wrapping_mul(0xA24B_AED4_963E_E407)))
    }

    pub(super) fn with_text(self, text: &str) -> Self {
        text.bytes()
            .fold(self, |hash, byte| hash.with(u64::from(byte)))
    }

    pub(super) const fn value(self) -> u64 {
        self.0
    }

    /// A number from 0 up to, not including, `bound` (at most 2³¹).
    pub(super) fn below(self, bound: u32) -> i64 {
        let upper_half = i64::try_from(self.0 >> 32).unwrap_or(0);
        (upper_half * i64::from(bound)) >> 32
    }
}

/// The finaliser of `SplitMix64`: every bit of the input moves every bit of the output.
const fn mix(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One interval of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The start in epoch seconds.
    pub start: i64,
    /// The length in seconds.
    pub duration: u32,
    /// The value before the multiplier.
    pub value: i64,
    /// ESPI quality: 17 validated, 19 revenue quality.
    pub quality: u16,
    /// PG&E's code of the time of use; electricity only.
    pub tou: Option<u16>,
    /// The cost in 1/100000 dollar, negative for a credit; not every series has one.
    pub cost: Option<i64>,
}

/// The use of a home in mWh per quarter hour, for each hour of the day.
const LOAD: [i64; 24] = [
    62_000, 55_000, 51_000, 50_000, 52_000, 60_000, 95_000, 140_000, 125_000, 98_000, 90_000,
    92_000, 96_000, 94_000, 95_000, 105_000, 140_000, 205_000, 260_000, 270_000, 235_000, 185_000,
    130_000, 85_000,
];
/// The season's share of that use, in percent, from January on.
const LOAD_SEASON: [i64; 12] = [118, 110, 98, 90, 88, 104, 128, 131, 117, 92, 97, 115];
/// Gas in 10⁻⁸ therm a day, from January on.
const GAS: [i64; 12] = [
    310_000_000,
    265_000_000,
    205_000_000,
    140_000_000,
    85_000_000,
    52_000_000,
    41_000_000,
    40_000_000,
    46_000_000,
    78_000_000,
    170_000_000,
    290_000_000,
];
/// First and last quarter hour of the day with sun, from January on, in wall-clock time.
const SUN: [(i64, i64); 12] = [
    (30, 68),
    (28, 70),
    (30, 76),
    (27, 78),
    (24, 80),
    (24, 82),
    (24, 82),
    (26, 79),
    (28, 76),
    (29, 73),
    (27, 68),
    (29, 67),
];
/// The panels' best quarter hour in mWh, from January on.
const PEAK: [i64; 12] = [
    560_000, 700_000, 880_000, 1_010_000, 1_100_000, 1_140_000, 1_130_000, 1_060_000, 940_000,
    760_000, 600_000, 520_000,
];
/// Cost of 1 kWh in 1/100000 dollar by time-of-use code 1 to 6.
const RATE: [i64; 6] = [58_211, 34_907, 41_350, 43_118, 38_726, 35_204];

/// A quarter hour on the wall.
#[derive(Debug, Clone, Copy)]
struct Quarter {
    /// Month, 0 for January.
    month: usize,
    hour: usize,
    /// 0 to 95.
    of_day: i64,
}

impl Model {
    /// The readings of one series on one local day: 96 quarter hours of electricity (92 and 100 on
    /// the days the clocks change), or one day of gas that begins at 00:00:01.
    pub fn day(&self, series: &Series, day: Date) -> Result<Vec<Reading>, ModelError> {
        let bounds = self.calendar.bounds(day)?;
        let hash = series.hash.with(bounds.start.unsigned_abs());
        if series.shape == Shape::Gas {
            return Ok(vec![gas(hash, bounds.start, day)]);
        }
        let starts = (bounds.start..bounds.end).step_by(900);
        starts
            .map(|start| {
                let at = Timestamp::from_second(start).map_err(ModelError::Day)?;
                let wall = self.calendar.wall_clock(at);
                let quarter = Quarter {
                    month: usize::from(wall.month().unsigned_abs()).saturating_sub(1),
                    hour: usize::from(wall.hour().unsigned_abs()),
                    of_day: i64::from(wall.hour()) * 4 + i64::from(wall.minute()) / 15,
                };
                Ok(electricity(series.shape, hash, start, quarter))
            })
            .collect()
    }
}

fn gas(day_hash: Hash, day_start: i64, day: Date) -> Reading {
    let base = pick(
        &GAS,
        usize::from(day.month().unsigned_abs()).saturating_sub(1),
    );
    Reading {
        start: day_start + 1,
        duration: 86_400,
        value: base * (60 + day_hash.below(90)) / 100 + day_hash.with(1).below(1_000_000),
        quality: quality(day_hash, day_hash),
        tou: None,
        cost: None,
    }
}

fn electricity(shape: Shape, day_hash: Hash, start: i64, quarter: Quarter) -> Reading {
    let hash = day_hash.with(start.unsigned_abs());
    let used = load(day_hash, hash, quarter);
    let sun = if shape == Shape::Home {
        0
    } else {
        production(day_hash, hash, quarter)
    };
    let value = match shape {
        Shape::SolarExport => (sun - used).max(0),
        Shape::Home | Shape::SolarImport | Shape::Gas => (used - sun).max(0),
    };
    let tou = time_of_use(quarter);
    let cost = value * pick(&RATE, usize::from(tou).saturating_sub(1)) / 1_000_000;
    Reading {
        start,
        duration: 900,
        value,
        quality: quality(day_hash, hash),
        tou: Some(tou),
        cost: match shape {
            Shape::Home => Some(cost),
            // The credit for a kWh given is a fifth of its price.
            Shape::SolarExport => Some(-(cost / 5)),
            Shape::SolarImport | Shape::Gas => None,
        },
    }
}

fn load(day_hash: Hash, hash: Hash, quarter: Quarter) -> i64 {
    let season = pick(&LOAD, quarter.hour) * pick(&LOAD_SEASON, quarter.month) / 100;
    let day = season * (80 + day_hash.with(2).below(40)) / 100;
    day * (55 + hash.below(90)) / 100 + hash.with(3).below(1_000)
}

/// A parabola between sunrise and sunset, under the day's weather and passing clouds.
fn production(day_hash: Hash, hash: Hash, quarter: Quarter) -> i64 {
    let (rise, set) = SUN.get(quarter.month).copied().unwrap_or((24, 72));
    if quarter.of_day <= rise || quarter.of_day >= set {
        return 0;
    }
    let shape = 4 * (quarter.of_day - rise) * (set - quarter.of_day);
    let clear = pick(&PEAK, quarter.month) * shape / ((set - rise) * (set - rise));
    clear * (25 + day_hash.with(4).below(76)) / 100 * (85 + hash.with(5).below(16)) / 100
}

/// PG&E's codes: 1 to 3 summer peak, off peak, partial peak; 4 to 6 winter peak, partial, off.
fn time_of_use(quarter: Quarter) -> u16 {
    let summer = (5..=8).contains(&quarter.month);
    match (summer, quarter.hour) {
        (true, 16..=20) => 1,
        (true, 15 | 21..=23) => 3,
        (true, _) => 2,
        (false, 16..=20) => 4,
        (false, 15 | 21..=23) => 5,
        (false, _) => 6,
    }
}

/// One day in eight is validated only, and so is one reading in fifty of the others.
fn quality(day_hash: Hash, hash: Hash) -> u16 {
    if day_hash.with(6).below(8) == 0 || hash.with(7).below(50) == 0 {
        17
    } else {
        19
    }
}

/// A table's value; the tables cover every month, hour and code that is asked for.
fn pick(table: &[i64], index: usize) -> i64 {
    table.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::people::{Commodity, Direction};
    use super::*;

    fn model() -> Model {
        Model::new(7, date(2026, 11, 20)).unwrap()
    }

    #[test]
    fn clock_changes_give_92_and_100_quarter_hours() {
        let model = model();
        let home = &model.customers()[0].usage_points[0].series[0];
        for (day, count) in [
            (date(2026, 3, 8), 92),
            (date(2026, 6, 1), 96),
            (date(2026, 11, 1), 100),
        ] {
            let readings = model.day(home, day).unwrap();
            assert_eq!(readings.len(), count, "{day}");
            assert!(
                readings
                    .windows(2)
                    .all(|pair| pair[1].start - pair[0].start == 900)
            );
        }
    }

    #[test]
    fn import_and_export_share_starts_and_exclude_each_other() {
        let model = model();
        let solar = &model.customers()[0].usage_points[1];
        let [import, export] = &solar.series[..] else {
            panic!("two flows")
        };
        assert_eq!(
            (import.direction, export.direction),
            (Direction::Delivered, Direction::Received)
        );
        let (taken, given) = (
            model.day(import, date(2026, 6, 10)).unwrap(),
            model.day(export, date(2026, 6, 10)).unwrap(),
        );
        assert!(
            taken
                .iter()
                .zip(&given)
                .all(|(i, e)| i.start == e.start && (i.value == 0 || e.value == 0))
        );
        assert!(
            given.iter().any(|e| e.value > 0 && e.cost.unwrap() < 0),
            "a credit in June"
        );
        assert!(taken.iter().any(|i| i.value > 0), "use at night");
    }

    #[test]
    fn gas_begins_one_second_after_midnight() {
        let model = model();
        let gas = &model.customers()[0].usage_points[2];
        assert_eq!(gas.commodity, Commodity::Gas);
        for day in [date(2026, 3, 8), date(2026, 11, 1), date(2026, 12, 24)] {
            let readings = model.day(&gas.series[0], day).unwrap();
            assert_eq!(readings.len(), 1);
            assert_eq!(
                readings[0].start,
                model.calendar().bounds(day).unwrap().start + 1
            );
            assert_eq!(readings[0].duration, 86_400);
            assert!(readings[0].value > 20_000_000);
        }
    }

    #[test]
    fn values_are_pinned_so_that_a_change_of_the_generator_is_noticed() {
        let day = date(2026, 6, 10);
        let sums = |seed| {
            let model = Model::new(seed, date(2026, 11, 20)).unwrap();
            let points = &model.customers()[0].usage_points;
            let series = points.iter().flat_map(|point| &point.series);
            let sum = |series| {
                model
                    .day(series, day)
                    .unwrap()
                    .iter()
                    .map(|r| r.value)
                    .sum::<i64>()
            };
            series.map(sum).collect::<Vec<_>>()
        };
        assert_eq!(sums(7), [13_837_982, 5_003_701, 20_023_235, 58_932_129]);
        assert_ne!(sums(7), sums(8));
    }

    #[test]
    fn qualities_are_mixed() {
        let model = model();
        let home = &model.customers()[0].usage_points[0].series[0];
        let mut counts = [0_u32; 2];
        for offset in 1..=60 {
            for reading in model
                .day(
                    home,
                    date(2026, 1, 1).saturating_add(jiff::Span::new().days(offset)),
                )
                .unwrap()
            {
                counts[usize::from(reading.quality == 19)] += 1;
            }
        }
        assert!(counts[0] > 300 && counts[1] > 3000, "{counts:?}");
    }
}
