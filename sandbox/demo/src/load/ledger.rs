//! What a home sent against what the API returns, worked out from the bytes of its raw records.

use std::collections::{BTreeMap, BTreeSet};

use home::{Record, Sent};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::BoxError;
use crate::party::Stored;

/// When (in milliseconds since 1970), under which OBIS code, how much, in which unit.
type Reading = (i64, String, Decimal, String);

/// The differences; all zero when the books balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differences {
    /// Acknowledged to the home, and not returned.
    pub missing: usize,
    /// Returned more than once.
    pub twice: usize,
    /// Returned, and never made by the home.
    pub strange: usize,
}

#[derive(Deserialize)]
struct Raw {
    timestamp: Timestamp,
    values: Vec<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawValue {
    data_tag: String,
    value: String,
    unit_of_measurement: String,
}

/// Compares. A record that was sent twice counts once.
pub fn compare(sent: &Sent, stored: &[Stored]) -> Result<Differences, BoxError> {
    let mut found: BTreeMap<Reading, usize> = BTreeMap::new();
    for one in stored {
        *found.entry(of_stored(one)?).or_default() += 1;
    }
    let (made, acknowledged) = (readings(&sent.made)?, readings(&sent.acknowledged)?);
    let is_missing = |reading: &&Reading| !found.contains_key(*reading);
    Ok(Differences {
        missing: acknowledged.iter().filter(is_missing).count(),
        twice: found.values().filter(|times| **times > 1).count(),
        strange: found
            .keys()
            .filter(|reading| !made.contains(*reading))
            .count(),
    })
}

fn of_stored(stored: &Stored) -> Result<Reading, BoxError> {
    Ok((
        stored.measured_at.as_millisecond(),
        stored.obis.clone(),
        stored.value.parse()?,
        stored.unit.clone(),
    ))
}

fn readings(records: &[Record]) -> Result<BTreeSet<Reading>, BoxError> {
    let mut readings = BTreeSet::new();
    for record in records {
        let raw: Raw = serde_json::from_slice(&record.payload)?;
        let at = raw.timestamp.as_millisecond();
        for it in raw.values {
            readings.insert((at, it.data_tag, it.value.parse()?, it.unit_of_measurement));
        }
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(second: u8) -> Record {
        let payload = format!(
            r#"{{"timestamp":"2026-11-22T10:00:{second:02}.250Z","values":[
                {{"dataTag":"1-0:1.8.0","value":"7.50","unitOfMeasurement":"kWh"}}]}}"#
        );
        Record {
            topic: String::new(),
            payload: payload.into_bytes(),
        }
    }

    fn stored(second: u8, value: &str) -> Stored {
        Stored {
            measured_at: format!("2026-11-22T10:00:{second:02}.25Z").parse().unwrap(),
            obis: "1-0:1.8.0".to_owned(),
            value: value.to_owned(),
            unit: "kWh".to_owned(),
        }
    }

    #[test]
    fn every_difference_is_found() {
        let sent = Sent {
            made: vec![record(1), record(2), record(3)],
            acknowledged: vec![record(1), record(1), record(2)],
        };
        let compare = |stored: &[Stored]| compare(&sent, stored).unwrap();
        let (one, two) = (stored(1, "7.5"), stored(2, "7.50"));
        assert_eq!(compare(&[one.clone(), two.clone()]), Differences::default());
        // Made and stored, though the home was never told so.
        assert_eq!(
            compare(&[one.clone(), two.clone(), stored(3, "7.50")]),
            Differences::default()
        );
        assert_eq!(compare(std::slice::from_ref(&one)).missing, 1);
        assert_eq!(compare(&[one.clone(), two.clone(), two.clone()]).twice, 1);
        assert_eq!(compare(&[one, two, stored(3, "8")]).strange, 1);
    }
}
