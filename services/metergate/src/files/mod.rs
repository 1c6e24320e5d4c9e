//! Commands for files that customers downloaded themselves: `inspect` says
//! what a feed holds, `convert` turns feeds into the exporter's CSV files
//! and, if asked, its report.
//! Neither needs a server, a database or the network.
//!
//! Files are read as streams. What stays in memory is one small record per
//! reading, because overlapping files have to be merged before anything can be
//! summed or written. This module may depend on `espi` and on the pure parts of
//! `csv_exporter`, on no other crate of the workspace.
//!
//! Errors name the file as given on the command line, the byte in it and the
//! remedy: they go to the terminal of the one who owns the file, not to a log.

mod beside;
mod convert;
mod group;
mod inspect;
mod load;
mod report;
mod statistics;

use std::io;
use std::path::PathBuf;

use csv_exporter::place::{PlaceError, WriteError};
use csv_exporter::table::TableError;

pub use convert::Convert;
pub use inspect::Inspect;

/// Why `inspect` or `convert` did not do its work. Nothing was written then,
/// unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The file is not there or may not be read.
    #[error("{file}: cannot be opened: {source}; check the path and its permissions")]
    Open {
        /// As given on the command line.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are no sound feed; the source says at which byte and why.
    #[error("{file}: {source}; nothing of it was used: download the file again")]
    Read {
        /// As given on the command line.
        file: String,
        /// Byte offset, element path and trouble.
        source: espi::ReadError,
    },
    /// The entries do not fit together.
    #[error("{file}: {source}; nothing of it was used")]
    Bind {
        /// As given on the command line.
        file: String,
        /// What does not fit, at which byte, and the remedy.
        source: espi::BindError,
    },
    /// The zone's name is unknown.
    #[error("{0:?} is not a time zone: use a name such as America/Los_Angeles")]
    TimeZone(String),
    /// No reading that belongs in a table.
    #[error("nothing to write: {0}")]
    NothingToWrite(String),
    /// The output folder.
    #[error("{}: {source}", folder.display())]
    Place {
        /// As given on the command line.
        folder: PathBuf,
        /// Step and remedy.
        source: PlaceError,
    },
    /// A table; files written before it stay, each of them complete.
    #[error("{}: {source}", folder.display())]
    Table {
        /// As given on the command line.
        folder: PathBuf,
        /// What went wrong.
        source: WriteError<TableError>,
    },
    /// The report or the readme; the tables are there, each of them complete.
    #[error("{}: {source}", folder.display())]
    Beside {
        /// As given on the command line.
        folder: PathBuf,
        /// What went wrong.
        source: WriteError<io::Error>,
    },
    /// The terminal or pipe that the result goes to.
    #[error("the result could not be printed: {0}")]
    Print(#[from] io::Error),
    /// The result could not be put into JSON.
    #[error("the result could not be printed as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
