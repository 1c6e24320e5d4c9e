//! What was delivered against what the custodian generated, to the last digit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use custodian::model::{DayRange, FlowTruth};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{BoxError, Delivered, Site};

/// The columns we look at: usage point, local time, then a value per flow.
const ELECTRICITY_FLOWS: [(usize, u16); 2] = [(2, 1), (3, 19)];
const GAS_FLOWS: [(usize, u16); 1] = [(2, 1)];

/// ESPI `commodity` of natural gas.
pub const GAS: u16 = 7;

/// The header of a file for electricity, and of one for gas.
const HEADERS: [&str; 2] = [
    "SA_UUID,Interval Timestamp,Delivered From Grid Value (Wh),Back To Grid Value (Wh),\
     Start (UTC),Duration (s),Unit,Quality,Time Of Use,Cost",
    "SA_UUID,Interval Timestamp,Gas Value,Start (UTC),Duration (s),Unit,Quality,Time Of Use,Cost",
];

/// A flow of a usage point, by ESPI's flow direction.
pub type Flow = (String, u16);

/// What a file holds of each flow.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Intervals, each once.
    pub intervals: BTreeMap<Flow, u64>,
    /// Their sum.
    pub sums: BTreeMap<Flow, Decimal>,
    /// Intervals per local day of each flow.
    pub days: BTreeMap<(Flow, Date), u64>,
}

/// A file in the summary.
#[derive(Debug, Clone, Serialize)]
pub struct FileSummary {
    /// Where it lies.
    pub path: String,
    /// Rows below the header.
    pub rows: u64,
}

/// Whether a file is a table; the others are for people.
#[must_use]
pub fn is_table(file: &Delivered) -> bool {
    Path::new(&file.name)
        .extension()
        .is_some_and(|extension| extension == "csv")
}

/// Reads the tables and adds them up. An interval that is there twice is an error.
pub fn totals(files: &[Delivered]) -> Result<Totals, BoxError> {
    let mut totals = Totals::default();
    for file in files.iter().filter(|file| is_table(file)) {
        let flows: &[(usize, u16)] = if is_gas(file) {
            &GAS_FLOWS
        } else {
            &ELECTRICITY_FLOWS
        };
        let mut seen = BTreeSet::new();
        for record in csv::Reader::from_reader(file.bytes.as_slice()).records() {
            let record = record?;
            let cell = |nr: usize| record.get(nr).unwrap_or_default();
            if !seen.insert((cell(0).to_owned(), cell(1).parse::<Timestamp>()?)) {
                return Err(format!("{}: {} is there twice", file.name, cell(1)).into());
            }
            let day: Date = cell(1).get(..10).ok_or("a short timestamp")?.parse()?;
            for (column, flow) in flows {
                let value = cell(*column);
                if value.is_empty() {
                    continue;
                }
                let flow = (cell(0).to_owned(), *flow);
                *totals.intervals.entry(flow.clone()).or_default() += 1;
                *totals.sums.entry(flow.clone()).or_default() += value.parse::<Decimal>()?;
                *totals.days.entry((flow, day)).or_default() += 1;
            }
        }
    }
    Ok(totals)
}

fn is_gas(file: &Delivered) -> bool {
    file.name.ends_with("-gas.csv")
}

/// The file begins with the header of its table, and has rows.
pub fn columns(file: &Delivered) -> Result<(), BoxError> {
    let text = String::from_utf8_lossy(&file.bytes);
    let mut lines = text.lines();
    let header = HEADERS.get(usize::from(is_gas(file)));
    if lines.next() != header.copied() || lines.next().is_none() {
        let first = text.lines().next().unwrap_or_default();
        return Err(format!("{} begins with {first:?}", file.name).into());
    }
    Ok(())
}

/// Every flow has each day from its first to its last; how many days of flows that makes.
pub fn no_gaps(totals: &Totals) -> Result<usize, BoxError> {
    let mut last: BTreeMap<&Flow, Date> = BTreeMap::new();
    // Days of a flow come in their order.
    for (flow, day) in totals.days.keys() {
        if let Some(before) = last.insert(flow, *day)
            && before.tomorrow()? != *day
        {
            return Err(format!("{flow:?} has {before} and then {day}").into());
        }
    }
    Ok(totals.days.len())
}

/// Rows below the header.
pub fn rows(file: &Delivered) -> Result<u64, BoxError> {
    let mut rows = 0;
    for record in csv::Reader::from_reader(file.bytes.as_slice()).records() {
        record?;
        rows += 1;
    }
    Ok(rows)
}

/// Compares with the custodian's truth on these days; the error says what differs.
pub async fn compare(
    site: &Site,
    customer: &str,
    days: DayRange,
    totals: &Totals,
) -> Result<Vec<FlowTruth>, BoxError> {
    let truth: Vec<FlowTruth> = site
        .control(&format!(
            "truth?customer={customer}&from={}&to={}",
            days.first, days.last
        ))
        .await?;
    if truth.len() != totals.intervals.len() {
        return Err(format!(
            "{} flows were delivered, {} exist",
            totals.intervals.len(),
            truth.len()
        )
        .into());
    }
    for one in &truth {
        let flow = (one.usage_point.clone(), one.flow);
        let found = (
            totals.intervals.get(&flow).copied(),
            totals.sums.get(&flow).copied(),
        );
        let sum = Decimal::new(one.sum, u32::try_from(-i32::from(one.multiplier))?);
        if found != (Some(one.count), Some(sum)) {
            return Err(format!(
                "flow {flow:?}: {} intervals with the sum {sum} exist, delivered are {found:?}",
                one.count
            )
            .into());
        }
    }
    Ok(truth)
}

/// Every quarter-hour flow has 92 intervals on the day the clocks go forward and 100 when they go
/// back, and 96 on all others.
pub fn clock_changes(totals: &Totals) -> Result<(u64, u64), BoxError> {
    let (mut short, mut long) = (0, 0);
    for ((flow, day), intervals) in &totals.days {
        let start = day.to_zoned(TimeZone::get("America/Los_Angeles")?)?;
        let hours = start.tomorrow()?.duration_since(&start).as_hours();
        let quarter_hours = u64::try_from(hours)? * 4;
        match *intervals {
            // A daily flow.
            1 => {}
            found if found == quarter_hours => match hours {
                23 => short += 1,
                25 => long += 1,
                _ => {}
            },
            found => {
                return Err(
                    format!("{flow:?} has {found} intervals on {day} of {hours} hours").into(),
                );
            }
        }
    }
    Ok((short, long))
}

/// Values that identify the customer or open a door, and that no log may hold.
#[must_use]
pub fn secrets_in(logs: &str, secrets: &[String]) -> usize {
    secrets
        .iter()
        .filter(|secret| secret.len() > 3 && logs.contains(secret.as_str()))
        .count()
}

/// Raises an exception when a token is left in the database.
pub const NO_TOKEN_LEFT: &str = "DO $$ BEGIN
    IF EXISTS (SELECT FROM smd.authorization WHERE access_token IS NOT NULL OR refresh_token IS NOT NULL) THEN
        RAISE EXCEPTION 'a token is left in the database';
    END IF;
END $$";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Delivered {
        Delivered {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_missing_day_is_seen() {
        let row = |day: u8| format!("1,2026-03-{day:02}T00:00:00-08:00,0.5\n");
        let text = |days: &[u8]| {
            format!(
                "a,b,c\n{}",
                days.iter().map(|day| row(*day)).collect::<String>()
            )
        };
        let gaps = |days: &[u8]| no_gaps(&totals(&[file("x-gas.csv", &text(days))]).unwrap());
        assert_eq!(gaps(&[3, 4, 5]).unwrap(), 3);
        let error = gaps(&[3, 5]).unwrap_err().to_string();
        assert!(error.contains("2026-03-03 and then 2026-03-05"), "{error}");
    }

    #[test]
    fn each_table_has_its_columns() {
        let [electricity, gas] = HEADERS;
        assert!(columns(&file("x-electricity.csv", &format!("{electricity}\n1\n"))).is_ok());
        assert!(columns(&file("x-gas.csv", &format!("{gas}\n1\n"))).is_ok());
        assert!(
            columns(&file("x-gas.csv", &format!("{gas}\n"))).is_err(),
            "no rows"
        );
        assert!(columns(&file("x-gas.csv", &format!("{electricity}\n1\n"))).is_err());
    }
}
