//! Any text in a cell: a CSV reader gets it back, and no spreadsheet takes it for a formula.
#![no_main]

use csv_exporter::table::text_cell;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let cell = text_cell(text);
    // Some spreadsheets trim a cell before they look at it.
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    assert_eq!(
        cell.strip_prefix('\'').unwrap_or(&cell),
        text.strip_prefix('\'').unwrap_or(text)
    );
    assert_eq!(cell != text, formula);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["before", &cell, "after"]).unwrap();
    let bytes = writer.into_inner().unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&bytes[..]);
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].iter().collect::<Vec<_>>(),
        ["before", &cell, "after"]
    );
});
