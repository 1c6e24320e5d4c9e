//! The folder that an access request is answered with.

use std::borrow::Cow;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use csv_exporter::table::text_cell;
use futures_util::{Stream, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;
use storage::subject::{Cells, Table};

use crate::command::CommandError;

/// Bytes as Postgres writes them; in a table they are text, or base64 behind this word.
const BASE64: &str = "base64:";

/// A folder being filled; only its owner can read what is in it.
pub(super) struct Folder {
    path: PathBuf,
    files: Vec<Written>,
}

/// A file that was written, or one that could not be copied.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    file: String,
    about: String,
    /// Rows of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<usize>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, about, rows } = self;
        match rows {
            Some(rows) => write!(f, "{file}: {rows} rows: {about}"),
            None => write!(f, "{file}: {about}"),
        }
    }
}

impl Folder {
    pub(super) fn create(path: &Path) -> Result<Self, CommandError> {
        let unusable = |source| CommandError::Folder {
            path: path.to_owned(),
            source,
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        let is_empty = made
            .and_then(|()| std::fs::read_dir(path))
            .map(|mut entries| entries.next().is_none())
            .map_err(unusable)?;
        if !is_empty {
            return Err(CommandError::NotEmpty(path.to_owned()));
        }
        // It may have been there.
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(unusable)?;
        Ok(Self {
            path: path.to_owned(),
            files: Vec::new(),
        })
    }

    pub(super) fn files(&self) -> &[Written] {
        &self.files
    }

    pub(super) fn json(
        &mut self,
        name: &str,
        about: &str,
        value: &Value,
    ) -> Result<(), CommandError> {
        let (path, mut file) = self.file(&format!("{name}.json"))?;
        writeln!(file, "{value:#}").map_err(|source| failed(&path, source))?;
        self.note(format!("{name}.json"), about, None);
        Ok(())
    }

    pub(super) async fn table(
        &mut self,
        table: &Table,
        rows: impl Stream<Item = diesel::QueryResult<Cells>>,
    ) -> Result<(), CommandError> {
        let name = format!("{}.csv", table.name);
        let (path, file) = self.file(&name)?;
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(table.columns)?;
        let payload = table.columns.iter().position(|name| *name == "payload");
        let mut count = 0_usize;
        let mut rows = std::pin::pin!(rows);
        while let Some(cells) = rows.try_next().await? {
            let cells = cells.iter().enumerate().map(|(nr, cell)| {
                let text = cell.as_deref().unwrap_or_default();
                if Some(nr) == payload {
                    Cow::Owned(text_cell(&readable(text)).into_owned())
                } else {
                    safe(text)
                }
            });
            let cells: Vec<Cow<'_, str>> = cells.collect();
            writer.write_record(cells.iter().map(|cell| cell.as_bytes()))?;
            count += 1;
        }
        writer.flush().map_err(|source| failed(&path, source))?;
        self.note(name, table.about, Some(count));
        Ok(())
    }

    /// Copies a delivered file, if it is there.
    pub(super) fn copy(&mut self, from: &Path, name: &str) -> Result<(), CommandError> {
        // Ours by construction; what a hand has put into the database must not lead out of the folder.
        if Path::new(name).file_name().is_none_or(|last| last != name) {
            self.note(name.to_owned(), "not copied: not a name of a file", None);
            return Ok(());
        }
        let source = from.join(name);
        let mut file = match File::open(&source) {
            Ok(file) => file,
            Err(error) => {
                let about = format!(
                    "the delivered file, not copied from {} ({error}): add it by hand",
                    from.display()
                );
                self.note(name.to_owned(), &about, None);
                return Ok(());
            }
        };
        let (path, mut copy) = self.file(name)?;
        io::copy(&mut file, &mut copy).map_err(|source| failed(&path, source))?;
        self.note(name.to_owned(), "the file that was delivered", None);
        Ok(())
    }

    fn file(&self, name: &str) -> Result<(PathBuf, File), CommandError> {
        let path = self.path.join(name);
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match opened {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(failed(&path, source)),
        }
    }

    fn note(&mut self, file: String, about: &str, rows: Option<usize>) {
        self.files.push(Written {
            file,
            about: about.to_owned(),
            rows,
        });
    }
}

fn failed(path: &Path, source: io::Error) -> CommandError {
    CommandError::File {
        path: path.to_owned(),
        source,
    }
}

/// A number stays one; any other text is made such that no spreadsheet takes it for a formula.
fn safe(cell: &str) -> Cow<'_, str> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_number {
        cell.into()
    } else {
        text_cell(cell)
    }
}

/// Bytes in Postgres's spelling (`\x` and hexadecimal digits) as text where they are UTF-8, as base64 where not.
fn readable(spelled: &str) -> String {
    let digits = spelled.strip_prefix("\\x").unwrap_or_default();
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes)
        .unwrap_or_else(|error| format!("{BASE64}{}", STANDARD.encode(error.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_or_base64() {
        assert_eq!(readable("\\x7b22c3bc227d"), "{\"ü\"}");
        assert_eq!(readable("\\xff00"), "base64:/wA=");
        assert_eq!(readable("\\x"), "");
    }

    #[test]
    fn numbers_stay_and_formulas_do_not() {
        assert_eq!(safe("-12.50"), "-12.50");
        assert_eq!(safe("-1+HYPERLINK(1)"), "'-1+HYPERLINK(1)");
        assert_eq!(safe("=1"), "'=1");
        assert_eq!(safe("2026-01-01"), "2026-01-01");
    }
}
