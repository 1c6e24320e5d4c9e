//! Picture, legend and table together.

use std::fmt::Write;

use crate::ink::Ink;
use crate::{Chart, Table, escape};

/// What a colour means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegendEntry {
    /// The role that the colour belongs to.
    pub ink: Ink,
    /// In words.
    pub name: String,
}

impl LegendEntry {
    /// Series in their order; one alone needs no legend.
    pub(crate) fn of_series<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> Vec<Self> {
        if names.len() < 2 {
            return Vec::new();
        }
        let entry = |(place, name): (usize, &String)| Self {
            ink: Ink::Series(Ink::series(place)),
            name: name.clone(),
        };
        names.enumerate().map(entry).collect()
    }
}

/// A `figure` with the chart, its legend and its own table. `summary` is what opens the table: `Show as a table`.
#[must_use]
pub fn figure(chart: &impl Chart, summary: &str) -> String {
    figure_with_table(chart, summary, &chart.table())
}

/// A `figure` with the chart and another table, for charts whose own is too long to read. A chart that cannot be drawn
/// leaves its table, open.
#[must_use]
pub fn figure_with_table(chart: &impl Chart, summary: &str, table: &Table) -> String {
    let labels = chart.labels();
    let mut out = open_figure(&labels.title);
    let svg = chart.svg();
    if let Ok(svg) = &svg {
        out.push_str(svg);
        out.push_str(&legend(chart));
    }
    write_details(&mut out, summary, &labels.title, table, svg.is_err());
    out.push_str("</figure>");
    out
}

/// A `figure` with the picture alone, for several beside each other that share a legend and a table. Empty when it
/// cannot be drawn.
#[must_use]
pub fn picture(chart: &impl Chart) -> String {
    let svg = chart.svg();
    svg.map_or_else(
        |_| String::new(),
        |svg| format!("{}{svg}</figure>", open_figure(&chart.labels().title)),
    )
}

/// A table that opens on demand. For places of their own: the classes are those of a chart.
#[must_use]
pub fn details(summary: &str, title: &str, table: &Table) -> String {
    let mut out = String::from("<div class=\"chart\">");
    write_details(&mut out, summary, title, table, false);
    out.push_str("</div>");
    out
}

fn open_figure(title: &str) -> String {
    format!(
        "<figure class=\"chart\"><figcaption>{}</figcaption>",
        escape(title)
    )
}

fn write_details(out: &mut String, summary: &str, title: &str, table: &Table, open: bool) {
    let open = if open { " open" } else { "" };
    let (summary, label) = (escape(summary), escape(title));
    // A scrolling box has to be reached by keyboard, and then needs a name.
    let _ = write!(
        out,
        "<details{open}><summary>{summary}<span class=\"of\">: {label}</span></summary>\
         <div class=\"scroll\" role=\"group\" aria-label=\"{label}\" tabindex=\"0\">{}</div></details>",
        table.html(title),
    );
}

/// Swatches drawn like the data, with their names; empty where there is one colour only. A hatched swatch needs the
/// chart's picture on the same page.
#[must_use]
pub fn legend(chart: &impl Chart) -> String {
    let entries = chart.legend();
    if entries.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul class=\"legend\">");
    for entry in entries {
        let class = entry.ink.class();
        let fill = match entry.ink {
            Ink::Missing => format!(" fill=\"url(#{}-m)\"", chart.labels().id),
            _ => String::new(),
        };
        let _ = write!(
            out,
            "<li><svg viewBox=\"0 0 18 12\" width=\"18\" height=\"12\" aria-hidden=\"true\">\
             <path class=\"{class} swatch\"{fill} d=\"M0 0h18v12h-18z\"/></svg>{}</li>",
            escape(&entry.name)
        );
    }
    out.push_str("</ul>");
    out
}
