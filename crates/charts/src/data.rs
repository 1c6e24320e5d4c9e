//! The data of a chart as text.

use std::fmt::Write;

use crate::escape;

/// Rows of words and numbers; the first cell of a row names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// What the columns are, with their units.
    pub header: Vec<String>,
    /// Cells in the order of the header. `–` stands for a value that is not there.
    pub rows: Vec<Vec<String>>,
}

/// A value that is not there.
pub(crate) const NONE: &str = "–";

impl Table {
    /// A `table` element with the caption; all text is escaped.
    #[must_use]
    pub fn html(&self, caption: &str) -> String {
        let mut out = format!("<table><caption>{}</caption><thead><tr>", escape(caption));
        for cell in &self.header {
            let _ = write!(out, "<th scope=\"col\">{}</th>", escape(cell));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for (place, cell) in row.iter().enumerate() {
                let cell = escape(cell);
                let _ = if place == 0 {
                    write!(out, "<th scope=\"row\">{cell}</th>")
                } else {
                    write!(out, "<td>{cell}</td>")
                };
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table>");
        out
    }
}
