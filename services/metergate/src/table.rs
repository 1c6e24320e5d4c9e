//! How commands print what they found: for people by default, for machines with `--json`.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How to print.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Format {
    /// JSON instead of a table: an array with an object per row, or one object. Times are UTC (RFC 3339).
    #[arg(long)]
    json: bool,
}

impl Format {
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }
}

/// Rows under named columns.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; its cells are in the order of the columns.
    pub(crate) fn row(&mut self, cells: Vec<Value>) {
        self.rows.push(cells);
    }

    pub(crate) fn print(&self, out: &mut impl Write, format: Format) -> io::Result<()> {
        if format.json {
            return writeln!(out, "{:#}", self.json());
        }
        let head = self.columns.iter().map(|column| (*column).to_owned());
        let rows = self.rows.iter().map(|row| row.iter().map(text).collect());
        let lines: Vec<Vec<String>> = std::iter::once(head.collect()).chain(rows).collect();
        let width = |nr: usize| {
            let cells = lines.iter().filter_map(|line| line.get(nr));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths);
            let padded = cells.map(|(cell, &width)| format!("{cell:<width$}"));
            let padded = padded.collect::<Vec<_>>().join("  ");
            writeln!(out, "{}", padded.trim_end())?;
        }
        Ok(())
    }

    /// The same for a document of several parts.
    pub(crate) fn json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            let pairs = self.columns.iter().zip(row);
            let pairs = pairs.map(|(column, cell)| ((*column).to_owned(), cell.clone()));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }
}

/// One thing with its properties, one a line.
pub(crate) fn record(
    out: &mut impl Write,
    format: Format,
    fields: &[(&'static str, Value)],
) -> io::Result<()> {
    if format.json {
        let pairs = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        return writeln!(out, "{:#}", Value::Object(pairs.collect::<Map<_, _>>()));
    }
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields {
        writeln!(out, "{name:<width$}  {}", text(value))?;
    }
    Ok(())
}

/// A moment, to the second.
pub(crate) fn at(time: Timestamp) -> Value {
    json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A moment that may not have come.
pub(crate) fn maybe_at(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, at)
}

/// A cell in one line: what came from outside cannot move the cursor.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: bool) -> String {
        let mut table = Table::new(&["id", "state", "error"]);
        table.row(vec![json!(7), json!("running"), Value::Null]);
        table.row(vec![json!(12), json!("ü"), json!("a\u{1b}[2J\nb")]);
        let mut out = Vec::new();
        table.print(&mut out, Format { json }).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_get_columns() {
        assert_eq!(
            printed(false),
            "id  state    error\n7   running  -\n12  ü        a [2J b\n"
        );
    }

    #[test]
    fn machines_get_json() {
        let rows: Value = serde_json::from_str(&printed(true)).unwrap();
        assert_eq!(rows[0], json!({"id": 7, "state": "running", "error": null}));
        assert_eq!(rows[1]["error"], "a\u{1b}[2J\nb");
    }

    #[test]
    fn a_record_has_a_line_for_each_property() {
        let fields = [
            ("id", json!(1)),
            ("at", at("2026-01-02T03:04:05.9Z".parse().unwrap())),
        ];
        let mut out = Vec::new();
        record(&mut out, Format { json: false }, &fields).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "id  1\nat  2026-01-02T03:04:05Z\n"
        );
    }
}
