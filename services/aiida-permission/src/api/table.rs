//! Readings as CSV: the columns are the keys of the JSON.

use std::borrow::Cow;

use storage::aiida::reading::Reading;

/// A table that could not be written: it is written to memory, so this does not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// A row.
    #[error("a row of the CSV")]
    Row(#[from] csv::Error),
    /// The end.
    #[error("the end of the CSV")]
    End(#[from] csv::IntoInnerError<csv::Writer<Vec<u8>>>),
}

/// The readings with a header, in the order given (RFC 4180).
pub(crate) fn csv(readings: &[Reading]) -> Result<Vec<u8>, TableError> {
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    table.write_record(["measuredAt", "sentAt", "obis", "value", "unit", "quality"])?;
    for reading in readings {
        table.write_record([
            reading.measured_at.to_string().as_str(),
            reading.sent_at.to_string().as_str(),
            &text(&reading.obis),
            // A number of the database: its minus is no formula.
            &reading.value,
            &text(&reading.unit),
            &text(reading.quality.as_deref().unwrap_or_default()),
        ])?;
    }
    Ok(table.into_inner()?)
}

/// A text of a home, made such that no spreadsheet takes it for a formula.
fn text(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact_and_texts_are_no_formulas() {
        let reading = |value: &str, unit: &str, quality: Option<&str>| Reading {
            sent_at: "2026-01-02T03:04:06Z".parse().unwrap(),
            digest: vec![1],
            nr: 0,
            measured_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            obis: "1-0:1.8.0".to_owned(),
            value: value.to_owned(),
            unit: unit.to_owned(),
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
