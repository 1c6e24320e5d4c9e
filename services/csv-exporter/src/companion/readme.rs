//! `readme.txt`: what a person needs to know before computing with the tables.

use std::fmt::Write;

use report::moment;

use super::{Done, Names, Origin};
use crate::table::{self, Columns, Table};

/// Text of ESPI's codes that occur in feeds of electricity and gas.
const QUALITIES: [u16; 14] = [0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

pub(super) fn of(origin: &Origin, tables: &[Done], names: &Names) -> String {
    let mut out = String::new();
    head(&mut out, origin, tables, names);
    for done in tables {
        file(&mut out, origin, done);
    }
    columns(&mut out, origin, tables);
    time(&mut out, origin);
    gaps(&mut out);
    if origin.columns == Columns::Full {
        qualities(&mut out);
    }
    left_out(&mut out, origin);
    out
}

/// Text from outside on one line: a name must not look like the next paragraph.
fn line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

fn title(out: &mut String, text: &str) {
    let _ = write!(out, "\n{text}\n{}\n", "-".repeat(text.chars().count()));
}

fn head(out: &mut String, origin: &Origin, tables: &[Done], names: &Names) {
    out.push_str("Energy readings");
    if let Some(name) = &origin.name {
        let _ = write!(out, " of {}", line(name));
    }
    out.push_str("\n\n");
    for (what, fact) in &origin.facts {
        let _ = writeln!(out, "{}: {}", line(what), line(fact));
    }
    out.push_str("\nThe files:\n");
    for done in tables {
        let _ = writeln!(out, "  {}  {}", done.name, done.table.name());
    }
    let _ = writeln!(out, "  {}  charts and figures, for a browser", names.report);
    let _ = writeln!(out, "  {}  this text", names.readme);
    out.push_str(
        "\nCSV: UTF-8, separated by commas, lines end in a line feed, the first line names the columns, one row for each\n\
         interval of a usage point, sorted by usage point and start. A point separates decimals; values are exact.\n",
    );
}

fn file(out: &mut String, origin: &Origin, done: &Done) {
    title(out, done.name.as_str());
    let _ = writeln!(
        out,
        "{} rows, {} readings.",
        done.written.rows, done.written.readings
    );
    for point in &done.points {
        let _ = writeln!(out, "Usage point {}", line(point.id()));
        if let Some(span) = point.span() {
            let (from, until) = (
                moment(span.from, &origin.zone),
                moment(span.until, &origin.zone),
            );
            let _ = writeln!(out, "    from {from} until {until}");
        }
        for (flow, missing, estimated) in point.shortcomings() {
            let _ = writeln!(
                out,
                "    {}: {missing} intervals missing, {estimated} values estimated",
                flow.to_lowercase()
            );
        }
    }
}

fn columns(out: &mut String, origin: &Origin, tables: &[Done]) {
    for done in tables {
        title(out, &format!("Columns of the {} file", done.table.name()));
        for column in done.table.header(origin.columns) {
            let _ = writeln!(out, "{column}\n    {}", meaning(done.table, column));
        }
    }
}

/// What is in a column.
fn meaning(table: Table, column: &str) -> &'static str {
    match column {
        "SA_UUID" => "The usage point: the utility's number of the service agreement.",
        "Interval Timestamp" => {
            "Start of the interval, local time of the meter with its offset from UTC (RFC 3339). The hour that comes\n    \
             twice in autumn has two offsets; the one that is skipped in spring has no rows."
        }
        "Delivered From Grid Value (Wh)" => {
            "Energy from the grid in this interval, in watt-hours. Empty: no value was delivered, which is not 0."
        }
        "Back To Grid Value (Wh)" => {
            "Energy fed back to the grid in this interval, in watt-hours, a positive number. Empty: no value was\n    \
             delivered, or nothing is fed in here."
        }
        "Gas Value" => {
            "Gas in this interval, in the unit of the row (see the column Unit, or the report)."
        }
        "Start (UTC)" => "The same start in UTC.",
        "Duration (s)" => {
            "Length of the interval in seconds. Values are amounts per interval, not power."
        }
        "Unit" => match table {
            Table::Electricity => "Unit of the values: Wh (watt-hour).",
            Table::Gas => {
                "Unit of the value: therm, m3 (cubic metre), ft3 (cubic foot), Btu, ...; uom-NUMBER is an ESPI code\n    \
                 without a name."
            }
        },
        "Quality" => {
            "How good the utility says the value is, in the words explained below; several are separated by a space.\n    \
             Empty: nothing is stated."
        }
        "Time Of Use" => {
            "The tariff's time-of-use bucket as the utility numbers it; empty when none is stated."
        }
        "Cost" => {
            "What the utility says the interval cost, in units of its currency; not a bill. Empty: nothing is stated."
        }
        _ => "",
    }
}

fn time(out: &mut String, origin: &Origin) {
    title(out, "Time");
    let _ = write!(
        out,
        "Local time: {}.\nAn interval belongs to the time at which it starts. To add up hours over a change of the clocks, use UTC\n\
         or the offset.\n",
        line(&origin.zone_name)
    );
}

fn gaps(out: &mut String) {
    title(out, "Missing and estimated intervals");
    out.push_str(
        "An interval that was not delivered has no row: nothing is filled in, and nothing is counted as 0. Where one of two\n\
         flows was not delivered, its cell is empty. Estimated values are in the files like measured ones; their quality is\n\
         estimated-reference-day, estimated-interpolation or projected. The report lists both, with their times.\n\
         Where both flows share a row and differ in quality or time of use, the cell has both: \"from the grid / to the grid\",\n\
         with - for none; the cost is the sum of both.\n",
    );
}

fn qualities(out: &mut String) {
    title(out, "Words of the column Quality");
    for code in QUALITIES {
        let _ = writeln!(
            out,
            "{:<24} {}",
            table::quality_word(code),
            table::quality_meaning(code)
        );
    }
    let _ = writeln!(
        out,
        "{:<24} A code that ESPI has no name for.",
        "quality-NUMBER"
    );
}

fn left_out(out: &mut String, origin: &Origin) {
    if origin.left_out.is_empty() {
        return;
    }
    title(out, "Left out");
    for sentence in &origin.left_out {
        let _ = writeln!(out, "- {}", line(sentence));
    }
}
