//! The report and the readme of `convert --report`.

use std::io::{self, Write};

use csv_exporter::companion::{self, Done, Names, Origin};
use csv_exporter::place::{Place, WriteError};

use super::FilesError;
use super::load::Loaded;

/// Where the readings come from: the files as given.
pub(super) fn facts(loaded: &Loaded) -> Vec<(String, String)> {
    let files: Vec<&str> = loaded.files.iter().map(|file| file.file.as_str()).collect();
    vec![("Made from".to_owned(), files.join(", "))]
}

/// Writes both and says where they are.
pub(super) fn write(
    out: &mut impl Write,
    place: &Place,
    origin: Origin,
    done: Vec<Done>,
    names: &Names,
) -> Result<(), FilesError> {
    let texts = companion::texts(origin, done, names);
    for (name, text) in [(&names.readme, texts.readme), (&names.report, texts.report)] {
        let written: Result<(), WriteError<io::Error>> =
            place.write(name, |file| file.write_all(text.as_bytes()));
        written.map_err(|source| FilesError::Beside {
            folder: place.folder().to_owned(),
            source,
        })?;
        writeln!(out, "wrote {}", place.path_of(name).display())?;
    }
    Ok(())
}
