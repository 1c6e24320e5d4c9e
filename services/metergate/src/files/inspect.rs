//! `metergate inspect`: what a feed holds, as JSON.

use std::io::Write;
use std::path::PathBuf;

use espi::UsagePointId;

use super::report::Report;
use super::{FilesError, load};

/// Prints what Green Button files hold as JSON: per usage point, flow direction
/// and unit the reading type, the number of distinct intervals, their exact
/// sum, first and last start, gaps and quality counts.
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// Green Button (ESPI) XML files, merged where they overlap; `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Usage point of readings whose file does not tell it.
    #[arg(long, value_name = "ID")]
    pub usage_point: Option<UsagePointId>,
}

impl Inspect {
    /// Reads all files, then prints one JSON document.
    pub fn run(&self, out: &mut impl Write) -> Result<(), FilesError> {
        let loaded = load::load(&self.files, self.usage_point.as_ref())?;
        let mut json = serde_json::to_vec_pretty(&Report::of(loaded))?;
        json.push(b'\n');
        out.write_all(&json)?;
        Ok(())
    }
}
