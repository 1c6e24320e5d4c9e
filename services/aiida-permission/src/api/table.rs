//! Readings as CSV: the columns are the keys of the JSON.

use std::borrow::Cow;

use storage::aiida::reading::Reading;

/// The readings with a header, in the order given (RFC 4180). Writing to memory cannot fail.
pub(crate) fn csv(readings: &[Reading]) -> Result<Vec<u8>, csv::Error> {
    let mut text = Vec::new();
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(&mut text);
    table.write_record(["measuredAt", "sentAt", "obis", "value", "unit", "quality"])?;
    for reading in readings {
        table.write_record([
            reading.measured.at.to_string().as_str(),
            reading.sent_at.to_string().as_str(),
            &safe(&reading.measured.obis),
            // A number of the database: its minus is no formula.
            &reading.measured.value,
            &safe(&reading.measured.unit),
            &safe(reading.quality.as_deref().unwrap_or_default()),
        ])?;
    }
    table.flush()?;
    drop(table);
    Ok(text)
}

/// A text of a home, made such that no spreadsheet takes it for a formula.
fn safe(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use storage::aiida::reading::Measured;

    use super::*;

    #[test]
    fn values_are_exact_and_texts_are_no_formulas() {
        let reading = |value: &str, unit: &str, quality: Option<&str>| Reading {
            sent_at: "2026-01-02T03:04:06Z".parse().unwrap(),
            digest: vec![1],
            nr: 0,
            measured: Measured {
                at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
                obis: "1-0:1.8.0".to_owned(),
                value: value.to_owned(),
                unit: unit.to_owned(),
            },
            quality: quality.map(str::to_owned),
        };
        let table = csv(&[
            reading("-0.1320", "kWh", Some("AS_PROVIDED")),
            reading("12345678901234567890.5", "=HYPERLINK(\"x\")", None),
            reading("0", "k\r\nW,h", Some("@a")),
        ])
        .unwrap();
        insta::assert_snapshot!(String::from_utf8(table).unwrap());
    }
}
