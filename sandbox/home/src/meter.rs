//! A made-up meter: what a household takes from the grid and gives to it, whole numbers all the
//! way. Equal seeds read the same at the same times.

use jiff::Timestamp;
use rust_decimal::Decimal;

const JOULES_PER_WATT_HOUR: i128 = 3_600;
/// Made-up counters do not begin at zero.
const IMPORT_AT_START_WH: i128 = 4_321_000;
const EXPORT_AT_START_WH: i128 = 1_234_000;

/// One reading of the whole meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) at: Timestamp,
    seed: u64,
    import_wh: i128,
    export_wh: i128,
    import_w: i128,
    export_w: i128,
    millivolts: i128,
}

/// A value of a reading under one OBIS code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) tag: String,
    pub(crate) number: String,
    pub(crate) unit: &'static str,
}

/// The meter: counters that only grow.
#[derive(Debug)]
pub(crate) struct Meter {
    seed: u64,
    import_j: i128,
    export_j: i128,
    last: Option<Timestamp>,
}

impl Meter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            seed,
            import_j: IMPORT_AT_START_WH * JOULES_PER_WATT_HOUR,
            export_j: EXPORT_AT_START_WH * JOULES_PER_WATT_HOUR,
            last: None,
        }
    }

    /// Reads the meter at `at`; a time before the last reading counts as the last.
    pub(crate) fn read(&mut self, at: Timestamp) -> Reading {
        let (import_w, export_w) = self.power(at);
        let since = self.last.map_or(0, |last| {
            at.as_second().saturating_sub(last.as_second()).max(0)
        });
        self.import_j += import_w * i128::from(since);
        self.export_j += export_w * i128::from(since);
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        Reading {
            at,
            seed: self.seed,
            import_wh: self.import_j / JOULES_PER_WATT_HOUR,
            export_wh: self.export_j / JOULES_PER_WATT_HOUR,
            import_w,
            export_w,
            millivolts: 226_000 + i128::from(self.noise(at, 2) % 8_000),
        }
    }

    /// Watts from and to the grid: what the household uses less what its roof gives.
    fn power(&self, at: Timestamp) -> (i128, i128) {
        let used = 180 + i128::from(self.noise(at, 0) % 2_400);
        // A triangle over the UTC day, highest at noon.
        let minute = i128::from(at.as_second().rem_euclid(86_400) / 60);
        let sun = (360 - (minute - 720).abs()).max(0) * 9;
        let net = used - sun * i128::from(60 + self.noise(at, 1) % 40) / 100;
        (net.max(0), (-net).max(0))
    }

    fn noise(&self, at: Timestamp, purpose: u64) -> u64 {
        mix(self.seed ^ at.as_second().unsigned_abs() ^ (purpose << 56))
    }
}

/// A well-mixed number from another one.
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Reading {
    /// The values under `tags`, in their order; a tag that the meter does not have gives nothing.
    pub(crate) fn values(&self, tags: &[String]) -> Vec<Value> {
        let value = |tag: &String| {
            let (number, unit) = self.value(tag)?;
            Some(Value {
                tag: tag.clone(),
                number,
                unit,
            })
        };
        tags.iter().filter_map(value).collect()
    }

    fn value(&self, tag: &str) -> Option<(String, &'static str)> {
        let third = |whole: i128, phase: i128| (whole + 2 - phase) / 3;
        let (number, scale, unit) = match tag {
            "1-0:1.8.0" => (self.import_wh, 3, "kWh"),
            "1-0:2.8.0" => (self.export_wh, 3, "kWh"),
            "1-0:21.8.0" => (third(self.import_wh, 0), 3, "kWh"),
            "1-0:41.8.0" => (third(self.import_wh, 1), 3, "kWh"),
            "1-0:61.8.0" => (third(self.import_wh, 2), 3, "kWh"),
            "1-0:22.8.0" => (third(self.export_wh, 0), 3, "kWh"),
            "1-0:42.8.0" => (third(self.export_wh, 1), 3, "kWh"),
            "1-0:62.8.0" => (third(self.export_wh, 2), 3, "kWh"),
            "1-0:1.7.0" => (self.import_w, 3, "kW"),
            "1-0:2.7.0" => (self.export_w, 3, "kW"),
            "1-0:21.7.0" => (third(self.import_w, 0), 3, "kW"),
            "1-0:41.7.0" => (third(self.import_w, 1), 3, "kW"),
            "1-0:61.7.0" => (third(self.import_w, 2), 3, "kW"),
            "1-0:3.7.0" => (self.import_w / 10, 3, "kvar"),
            "1-0:4.7.0" => (self.export_w / 10, 3, "kvar"),
            "1-0:32.7.0" => (self.millivolts, 3, "V"),
            "1-0:52.7.0" => (self.millivolts + 410, 3, "V"),
            "1-0:72.7.0" => (self.millivolts - 230, 3, "V"),
            // Milliamperes of a third of the power at 230 V.
            "1-0:31.7.0" => (third(self.import_w, 0) * 1_000 / 230, 3, "A"),
            "1-0:51.7.0" => (third(self.import_w, 1) * 1_000 / 230, 3, "A"),
            "1-0:71.7.0" => (third(self.import_w, 2) * 1_000 / 230, 3, "A"),
            "1-0:14.7.0" => (49_950 + self.millivolts % 100, 3, "Hz"),
            "1-0:13.7.0" => (98, 2, "none"),
            "0-0:96.1.0" => return Some((format!("HOME{:016X}", mix(self.seed)), "none")),
            _ => return None,
        };
        Some((
            Decimal::from_i128_with_scale(number, scale).to_string(),
            unit,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn counters_only_grow_and_equal_seeds_agree() {
        let (mut one, mut same, mut other) = (Meter::new(7), Meter::new(7), Meter::new(8));
        let start: Timestamp = "2026-06-02T00:00:00Z".parse().unwrap();
        let wanted = tags(&["1-0:1.8.0", "1-0:2.8.0"]);
        let (mut last, mut differs) = ((Decimal::ZERO, Decimal::ZERO), false);
        for step in 0..2_000 {
            let at = start + jiff::SignedDuration::from_secs(step * 60);
            let reading = one.read(at);
            assert_eq!(reading, same.read(at));
            differs |= reading.values(&wanted) != other.read(at).values(&wanted);
            let values = reading.values(&wanted);
            let counters = (
                values[0].number.parse().unwrap(),
                values[1].number.parse().unwrap(),
            );
            assert!(counters >= last && counters.1 >= last.1, "{counters:?}");
            last = counters;
        }
        assert!(differs, "another seed is another household");
        assert!(
            last.1 > Decimal::from_i128_with_scale(EXPORT_AT_START_WH, 3),
            "the roof gives something"
        );
    }

    #[test]
    fn values_come_in_the_order_asked_and_unknown_tags_give_nothing() {
        let at = "2026-06-02T12:00:00Z".parse().unwrap();
        let reading = Meter::new(1).read(at);
        let values = reading.values(&tags(&["1-0:1.7.0", "9-9:9.9.9", "0-0:96.1.0"]));
        assert_eq!(values.len(), 2);
        assert_eq!(
            (values[0].tag.as_str(), values[0].unit),
            ("1-0:1.7.0", "kW")
        );
        assert!(reading.values(&tags(&["temperature"])).is_empty());
    }

    #[test]
    fn phases_add_up() {
        let reading = Meter::new(3).read("2026-06-02T20:00:01Z".parse().unwrap());
        let sum = |wanted: &[&str]| -> Decimal {
            let values = reading.values(&tags(wanted));
            values
                .iter()
                .map(|value| value.number.parse::<Decimal>().unwrap())
                .sum()
        };
        assert_eq!(
            sum(&["1-0:1.8.0"]),
            sum(&["1-0:21.8.0", "1-0:41.8.0", "1-0:61.8.0"])
        );
    }
}
